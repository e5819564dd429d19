use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use super::Text;

/// Where deliveries may go although the address is private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedNetwork {
    Network(IpNet),
    /// A host name, in lower case.
    Host(String),
    /// All private, loopback and link-local addresses.
    Private,
}

impl Text for AllowedNetwork {
    fn read(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("private") {
            return Ok(Self::Private);
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        match network(text) {
            Some(network) => Ok(Self::Network(network)),
            None if !text.is_empty() && text.chars().all(is_name) => Ok(Self::Host(text.to_ascii_lowercase())),
            None => Err(format!("must list networks (10.0.0.0/8), hosts (hooks.internal) or `private`, not `{text}`")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Network(network) => network.to_string(),
            Self::Host(host) => host.clone(),
            Self::Private => "private".to_owned(),
        }
    }
}

impl Text for IpNet {
    fn read(text: &str) -> Result<Self, String> {
        network(text).ok_or_else(|| format!("must list addresses or networks like 203.0.113.7 or 10.0.0.0/8, not `{text}`"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A lone address is the network of itself.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

impl Text for PathBuf {
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_networks_hosts_or_private() {
        let shown = |text| AllowedNetwork::read(text).map(|network| network.show());
        assert_eq!(shown("10.0.0.0/8"), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(shown("::1"), Ok("::1/128".to_owned()));
        assert_eq!(shown("PRIVATE"), Ok("private".to_owned()));
        assert_eq!(AllowedNetwork::read("Hooks.Internal"), Ok(AllowedNetwork::Host("hooks.internal".to_owned())));
        assert!(AllowedNetwork::read("http://hooks.internal").is_err());
    }
}
