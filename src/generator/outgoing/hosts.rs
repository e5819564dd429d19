//! Where a generator lives. Requests carry its key, so an answer must not lead them elsewhere.

use std::str::FromStr;

use reqwest::Url;

use crate::generator::request::Unsendable;
use crate::generator::scalar::Several;

#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// The beginnings of the URLs in its file, scheme to port, the submission's first.
    pub own: Vec<Url>,
    /// Others that its file admits.
    pub others: Vec<Url>,
}

/// A host that a file admits: `cdn.example`, `cdn.example:8443`, or, unencrypted, `http://127.0.0.1:9000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) struct Host(Url);

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("holds `{text}`, which is no host like `cdn.example` or `cdn.example:8443`");
        let written = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&written).map_err(|_| wanted())?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && !text.ends_with(['/', '?', '#']);
        let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
        if is_bare && is_web && url.username().is_empty() && url.password().is_none() { Ok(Self(url)) } else { Err(wanted()) }
    }
}

impl Hosts {
    /// A URL that an answer tells; it may be relative.
    pub(super) fn own_url(&self, text: &str) -> Result<Url, Unsendable> {
        let unreadable = |_| Unsendable::generator("The URL in the generator's answer cannot be read");
        let url = match self.own.first() {
            Some(base) => base.join(text).map_err(unreadable)?,
            None => Url::parse(text).map_err(unreadable)?,
        };
        if self.own.iter().chain(&self.others).any(|own| is_at_home(&url, own)) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default();
        Err(Unsendable::generator(format!(
            "The URL in the generator's answer leads to another host, `{host}`, or to another port of it"
        )))
    }

    pub(super) fn allow(&mut self, others: Several<Host>) {
        self.others = others.0.into_iter().map(|host| host.0).collect();
    }

    pub(super) fn first(&self) -> Option<String> {
        let host = self.own.first()?.host_str()?;
        Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
    }
}

/// The same place, or the encrypted door of the same host. Nobody brings credentials of his own.
fn is_at_home(url: &Url, own: &Url) -> bool {
    let same_host = url.host_str() == own.host_str();
    let same_door = url.scheme() == own.scheme() && url.port_or_known_default() == own.port_or_known_default();
    let secure_door = url.scheme() == "https" && url.port_or_known_default() == Some(443);
    let nobody = url.username().is_empty() && url.password().is_none();
    let same_user = url.username() == own.username() && url.password() == own.password();
    same_host && (same_door || secure_door) && (nobody || same_user)
}
