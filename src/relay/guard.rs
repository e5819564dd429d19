//! Where a delivery may go. URLs come from clients, and the hub stands inside of networks that they do not.
//!
//! A host is judged as the parser understood it, in whatever spelling it came; a name is judged by all of its addresses, and
//! a connection is made with just those: between the question and the connection nothing is asked again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use metrics::counter;
use url::{Host, Url};

use crate::telemetry::metrics::WEBHOOKS_FORBIDDEN;

pub use self::forbidden::Forbidden;
pub(super) use self::lookup::NoAddress;
pub use self::lookup::{Looking, Lookup, System};
use self::reach::{Reach, reach};
pub(super) use self::resolver::Resolver;

mod forbidden;
mod lookup;
mod ports;
mod reach;
mod resolver;

/// Where deliveries may go although it is nobody else's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    Network(IpNet),
    /// Just this name, whatever address it has.
    Host(String),
    /// Private networks, this machine, what is linked to it.
    Private,
}

/// Clones judge alike.
#[derive(Clone)]
pub struct Guard {
    allowed: Arc<[Allowed]>,
    lookup: Arc<dyn Lookup>,
}

/// A name that takes longer is somebody's joke; what it leads to is judged again when it is connected to.
const LONGEST_LOOKUP: Duration = Duration::from_secs(5);

/// Names of services that hand out a machine's credentials. They resolve to addresses that are never allowed; where they
/// do not, somebody has made them point elsewhere.
const METADATA: [&str; 6] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "instance-data",
    "instance-data.ec2.internal",
];

impl Guard {
    #[must_use]
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self::asking(allowed, Arc::new(System))
    }

    /// A guard that asks somebody else than the system for the addresses of names.
    #[must_use]
    pub fn asking(allowed: Vec<Allowed>, lookup: Arc<dyn Lookup>) -> Self {
        Self { allowed: allowed.into(), lookup }
    }

    /// Everything that can be told without asking for a name's addresses.
    ///
    /// # Errors
    /// What is at fault.
    pub fn read(&self, url: &str) -> Result<Url, Forbidden> {
        let url = Url::parse(url).map_err(|error| Forbidden::NoUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Forbidden::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::Userinfo);
        }
        if let Some(port) = url.port().filter(|&port| ports::is_bad(port)) {
            return Err(Forbidden::Port(port));
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.permits(&address.to_string(), address.into())?,
            Some(Host::Ipv6(address)) => self.permits(&address.to_string(), address.into())?,
            Some(Host::Domain(name)) => self.permits_name(&plain(name))?,
            None => return Err(Forbidden::NoUrl("it names no host".to_owned())),
        }
        Ok(url)
    }

    /// Whether a host may be reached at this address.
    ///
    /// # Errors
    /// If it may not.
    pub fn permits(&self, host: &str, address: IpAddr) -> Result<(), Forbidden> {
        let host = plain(host);
        let (own, what) = match reach(address) {
            _ if METADATA.contains(&host.as_str()) => return Err(Forbidden::Metadata(host)),
            Reach::Metadata => return Err(Forbidden::Metadata(at(&host, address))),
            Reach::Anybody => return Ok(()),
            Reach::Own(what) => (true, what),
            Reach::Nobody(what) => (false, what),
        };
        let is_allowed = self.allowed.iter().any(|allowed| match allowed {
            Allowed::Network(network) => network.contains(&address) || network.contains(&reach::translated(address)),
            Allowed::Host(name) => plain(name) == host,
            Allowed::Private => own,
        });
        if is_allowed { Ok(()) } else { Err(Forbidden::Address { place: at(&host, address), what }) }
    }

    /// The same as when it will be connected to, as far as it can be told today: a name that does not resolve may do so later.
    ///
    /// # Errors
    /// What is at fault; it is counted.
    pub async fn check(&self, url: &str) -> Result<(), Forbidden> {
        let judged = self.judge(url).await;
        if judged.is_err() {
            counter!(WEBHOOKS_FORBIDDEN).increment(1);
        }
        judged
    }

    async fn judge(&self, url: &str) -> Result<(), Forbidden> {
        let url = self.read(url)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        let looking = self.lookup.addresses(name);
        let Ok(Ok(addresses)) = tokio::time::timeout(LONGEST_LOOKUP, looking).await else { return Ok(()) };
        addresses.iter().try_for_each(|address| self.permits(name, address.ip()))
    }

    /// Names that are known without asking: this machine's own, and those of credentials.
    fn permits_name(&self, name: &str) -> Result<(), Forbidden> {
        if METADATA.contains(&name) {
            return Err(Forbidden::Metadata(name.to_owned()));
        }
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let permits = |address: IpAddr| self.permits(name, address);
        if is_local && permits(Ipv6Addr::LOCALHOST.into()).is_err() { permits(Ipv4Addr::LOCALHOST.into()) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

/// A host as it is compared: what is the same name to a resolver is the same here.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn at(host: &str, address: IpAddr) -> String {
    let address = address.to_string();
    if host == address { address } else { format!("{host} ({address})") }
}

#[cfg(test)]
mod tests;
