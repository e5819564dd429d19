//! Webhooks whose credentials could not be read: that is told once, and not whenever one of their deliveries has its turn.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::vault::VaultError;

/// Nothing is told of more than so many: the log has said by then what is the matter.
const MOST_REMEMBERED: usize = 10_000;

/// Shared by all steps of this process.
#[derive(Debug, Default)]
pub struct Unread(Mutex<HashMap<Uuid, VaultError>>);

impl Unread {
    /// Whether this was not known yet.
    pub fn is_news(&self, webhook: Uuid, error: VaultError) -> bool {
        let mut known = self.known();
        let is_full = known.len() >= MOST_REMEMBERED && !known.contains_key(&webhook);
        !is_full && known.insert(webhook, error) != Some(error)
    }

    /// It could be read: the next time that it cannot, that is news.
    pub fn forget(&self, webhook: Uuid) {
        self.known().remove(&webhook);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Uuid, VaultError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEBHOOK: Uuid = Uuid::from_u128(7);

    #[test]
    fn it_is_told_once_for_each_webhook_and_reason() {
        let unread = Unread::default();
        let told = [VaultError::NoKey, VaultError::NoKey, VaultError::UnknownKey, VaultError::UnknownKey];
        assert_eq!(told.map(|error| unread.is_news(WEBHOOK, error)), [true, false, true, false]);
        assert!(unread.is_news(Uuid::nil(), VaultError::UnknownKey));
        unread.forget(WEBHOOK);
        assert!(unread.is_news(WEBHOOK, VaultError::UnknownKey), "it could be read meanwhile");
        assert!(!unread.is_news(Uuid::nil(), VaultError::UnknownKey));
    }

    #[test]
    fn so_many_are_told_of_and_no_more() {
        let unread = Unread::default();
        let told = (0..2 * MOST_REMEMBERED as u128).filter(|number| unread.is_news(Uuid::from_u128(*number), VaultError::NoKey));
        assert_eq!(told.count(), MOST_REMEMBERED);
        assert!(unread.is_news(WEBHOOK, VaultError::UnknownKey), "another reason is news of those that are known");
    }
}
