use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::super::values::written::{list, one, optional, unless_off};
use super::super::values::{BaseUrl, Host};

/// What the hub listens on, and how long it listens to one client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    #[serde(with = "one")]
    pub host: Host,
    /// 0 lets the system choose.
    pub port: u16,
    /// Of the listener for everything but the callback paths and `/health/live`; see [`Server::admin`].
    #[serde(with = "unless_off")]
    pub admin_host: Option<Host>,
    #[serde(with = "unless_off")]
    pub admin_port: Option<u16>,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(with = "list")]
    pub trusted_proxies: Vec<IpNet>,
    /// PEM files; TLS is spoken if both are set.
    #[serde(with = "optional")]
    pub tls_cert: Option<PathBuf>,
    #[serde(with = "optional")]
    pub tls_key: Option<PathBuf>,
    /// A PEM file; clients then need a certificate that one of these signed.
    #[serde(with = "optional")]
    pub tls_client_ca: Option<PathBuf>,
    /// How long a client may take to send the head of a request.
    #[serde(with = "one")]
    pub head_timeout: Duration,
    /// How long it may take to send the body.
    #[serde(with = "one")]
    pub body_timeout: Duration,
    pub max_connections: NonZeroU32,
    /// From the signal to stop, how long requests are still taken, while `/health/ready` says that they should go elsewhere.
    #[serde(with = "one")]
    pub drain: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: Host::default(),
            port: 8080,
            admin_host: None,
            admin_port: None,
            trusted_proxies: Vec::new(),
            tls_cert: None,
            tls_key: None,
            tls_client_ca: None,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            max_connections: const { NonZeroU32::new(4096).expect("not zero") },
            drain: Duration::ZERO,
        }
    }
}

impl Server {
    /// The second listener, if there is one; on loopback unless a host is named.
    #[must_use]
    pub fn admin(&self) -> Option<(Host, u16)> {
        self.admin_port.map(|port| (self.admin_host.clone().unwrap_or_default(), port))
    }

    /// A listener that others than this machine reach, if there is one.
    #[must_use]
    pub fn open_host(&self) -> Option<Host> {
        let admin = self.admin().map(|(host, _)| host);
        [Some(self.host.clone()), admin].into_iter().flatten().find(|host| !host.is_loopback())
    }

    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }

    /// Where API, console and metrics are: at the second listener, or at the only one.
    #[must_use]
    pub fn administration(&self) -> (Host, u16) {
        self.admin().unwrap_or_else(|| (self.host.clone(), self.port))
    }

    /// The same for people, if nothing stands in between.
    #[must_use]
    pub fn admin_url(&self) -> BaseUrl {
        let (host, port) = self.administration();
        BaseUrl::of(self.scheme(), &host, port)
    }

    /// Where generators find the hub if nothing stands in between; `port` is the one that is bound.
    #[must_use]
    pub fn base_url(&self, port: u16) -> BaseUrl {
        BaseUrl::of(self.scheme(), &self.host, port)
    }
}
