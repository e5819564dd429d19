//! Who listens, as far as this process knows: read anew when the database knows better.

use std::sync::{Arc, PoisonError, RwLock};

use crate::store::{Store, StoreError};
use crate::subscription::Subscriptions;

/// Of no version that the database will ever have, so that the first batch asks.
const UNKNOWN: i64 = -1;

pub(super) struct Listeners {
    current: RwLock<Arc<Subscriptions>>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self { current: RwLock::new(Arc::new(Subscriptions::new(UNKNOWN, []))) }
    }
}

impl Listeners {
    pub(super) fn current(&self) -> Arc<Subscriptions> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let (version, webhooks) = store.subscriptions().await?;
        let fresh = Arc::new(Subscriptions::new(version, webhooks));
        // should another worker have read later ones meanwhile, the next batch asks again
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}
