//! Whether files are due to be read again: because somebody wants it, or because they have changed, and have done so some
//! time ago: an editor may still be writing, and half a file can make sense.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

/// Length, last change, and last change of what is said about it, its owner and its mode; none of a file that is not there.
pub(super) type Look = Option<(u64, Option<SystemTime>, (i64, i64))>;

/// Links are followed: mounted files are changed by turning one.
pub(super) fn look(path: Option<&Path>) -> Look {
    let about = path?.metadata().ok()?;
    Some((about.len(), about.modified().ok(), (about.ctime(), about.ctime_nsec())))
}

/// `T` is how files look from outside.
pub(super) struct Watch<T> {
    /// Somebody wants it, whether anything has changed or not.
    wishes: Mutex<watch::Receiver<()>>,
    seen: Mutex<Seen<T>>,
}

struct Seen<T> {
    /// As they were when they were read last.
    taken: T,
    /// As they were a moment ago.
    last: T,
}

impl<T: Clone + PartialEq> Watch<T> {
    /// `taken`: as they were just before they were read.
    pub(super) fn new(taken: T, wishes: watch::Receiver<()>) -> Self {
        Self { wishes: Mutex::new(wishes), seen: Mutex::new(Seen { last: taken.clone(), taken }) }
    }

    /// Whoever is told so reads them.
    pub(super) fn is_due(&self, now: T) -> bool {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wished = wishes.has_changed().unwrap_or(false);
        wishes.mark_unchanged();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = now != seen.taken && now == seen.last;
        seen.last = now.clone();
        if is_wished || is_new {
            seen.taken = now;
        }
        is_wished || is_new
    }
}
