use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::Text;

/// What the hub listens on: an address or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// As it stands in a URL, where an IPv6 address has brackets.
    fn in_url(&self) -> String {
        if self.0.contains(':') { format!("[{}]", self.0) } else { self.0.clone() }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self("127.0.0.1".to_owned())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for Host {
    fn read(text: &str) -> Result<Self, String> {
        let host = unbracketed(text);
        let is_name = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if host.is_empty() || !(host.parse::<IpAddr>().is_ok() || is_name(host)) {
            return Err(format!("must be an address or a host name without port, not `{text}`"));
        }
        Ok(Self(host.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// An `http` or `https` URL that paths are appended to; it has no slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: String,
}

impl BaseUrl {
    pub(crate) fn of(scheme: &str, host: &Host, port: u16) -> Self {
        Self { text: format!("{scheme}://{}:{port}", host.in_url()), host: host.0.clone() }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Without brackets, where it is an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    #[must_use]
    pub fn has_user(&self) -> bool {
        let authority = self.text.split("://").nth(1).and_then(|rest| rest.split('/').next());
        authority.is_some_and(|authority| authority.contains('@'))
    }

    /// Whether only this machine reaches it, if anybody does.
    #[must_use]
    pub fn is_loopback_or_unspecified(&self) -> bool {
        is_loopback(&self.host) || self.host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_unspecified())
    }
}

/// Without its password.
impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, host) = self.text.rsplit_once('@').unwrap_or(("", &self.text));
        match before.split_once("://").and_then(|(scheme, user)| Some((scheme, user.split_once(':')?.0))) {
            Some((scheme, user)) => write!(f, "{scheme}://{user}:***@{host}"),
            None => f.write_str(&self.text),
        }
    }
}

impl Text for BaseUrl {
    fn read(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none()
        });
        let url = url.ok_or_else(|| "must be a URL like https://hub.example.org, without query".to_owned())?;
        let host = unbracketed(url.host_str().unwrap_or_default()).to_owned();
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), host })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for u16 {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("must be a whole number from 0 to 65535, not `{text}`"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST", "hub.localhost", "::ffff:127.0.0.1"] {
            assert!(Host::read(host).unwrap().is_loopback(), "{host}");
        }
        for host in ["0.0.0.0", "::", "192.168.1.2", "hub.example.org", "localhost.example.org"] {
            assert!(!Host::read(host).unwrap().is_loopback(), "{host}");
        }
        assert!(Host::read("127.0.0.1:8080").is_err());
    }

    #[test]
    fn a_base_url_has_no_slash_at_its_end_and_hides_its_password() {
        let base = BaseUrl::read("https://user:pass@hub.example.org/hub/").unwrap();
        assert_eq!(base.as_str(), "https://user:pass@hub.example.org/hub");
        assert_eq!(base.show(), "https://user:***@hub.example.org/hub");
        for text in ["hub.example.org", "ftp://hub.example.org", "https://hub.example.org/?a=b"] {
            assert!(BaseUrl::read(text).is_err(), "{text}");
        }
        for text in ["http://0.0.0.0:8080", "http://[::]:1", "http://localhost", "http://[::1]"] {
            assert!(BaseUrl::read(text).unwrap().is_loopback_or_unspecified(), "{text}");
        }
    }
}
