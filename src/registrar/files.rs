//! Whether the file of webhooks that is there counts, for looking at.

use std::sync::{Arc, PoisonError, RwLock};

use super::Registrar;
use crate::domain::time::Timestamp;

/// None: the file counts, or there is none.
pub(super) type State = Arc<RwLock<Option<RefusedFile>>>;

/// Why the file that is there does not count; the webhooks from before stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFile {
    pub at: Timestamp,
    /// The places in the file, and what is wrong there.
    pub fault: String,
}

impl Registrar {
    /// The file counts again.
    pub fn take_file(&self) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn refuse_file(&self, fault: String) {
        let refused = RefusedFile { at: self.clock.now(), fault };
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Some(refused);
    }

    #[must_use]
    pub fn refused_file(&self) -> Option<RefusedFile> {
        self.file.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
