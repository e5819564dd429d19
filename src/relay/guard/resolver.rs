//! The guard between a name and the connection that is made with it.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Guard, NoAddress};

#[derive(Clone, Debug)]
pub(in crate::relay) struct Resolver(pub Guard);

impl Resolve for Resolver {
    /// One address that is not allowed is enough to refuse the name: who answers now this and now that is up to something.
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, looking) = (self.0.clone(), self.0.lookup.addresses(name.as_str()));
        Box::pin(async move {
            let addresses = looking.await.map_err(NoAddress::from)?;
            if addresses.is_empty() {
                return Err(NoAddress("the name has no address".to_owned()).into());
            }
            addresses.iter().try_for_each(|address| guard.permits(name.as_str(), address.ip()))?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
