//! Telling the same event from a new one.

use std::collections::VecDeque;

/// The first 16 bytes of a SHA-256 over the state that an event maps to and the generator's event id or signed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// A fingerprint under the attempt that it was recorded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    pub fingerprint: Fingerprint,
    pub attempt: u32,
}

/// A task's newest fingerprints, which travel in the task's own row: most tasks never need another look-up.
/// What falls out at the far end is *spilled*: the store keeps it in a table that is only read for tasks with spills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    newest_last: VecDeque<Seen>,
    spilled: bool,
}

const KEPT: usize = 16;
const ENTRY: usize = 20;

impl Recent {
    /// Whether the same event was recorded; with an unknown attempt, under any attempt.
    #[must_use]
    pub fn contains(&self, fingerprint: Fingerprint, attempt: Option<u32>) -> bool {
        self.newest_last.iter().any(|seen| seen.matches(fingerprint, attempt))
    }

    /// Remembers, and hands back what has to be kept elsewhere from now on.
    #[must_use]
    pub fn remember(&mut self, seen: Seen) -> Option<Seen> {
        self.newest_last.push_back(seen);
        let spilled = (self.newest_last.len() > KEPT).then(|| self.newest_last.pop_front()).flatten();
        self.spilled |= spilled.is_some();
        spilled
    }

    #[must_use]
    pub const fn has_spilled(&self) -> bool {
        self.spilled
    }

    /// Fixed-width entries of 16 bytes fingerprint and 4 bytes attempt (big endian), after one byte that is 1 if any were spilled.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + ENTRY * self.newest_last.len());
        bytes.push(u8::from(self.spilled));
        for seen in &self.newest_last {
            bytes.extend_from_slice(&seen.fingerprint.0);
            bytes.extend_from_slice(&seen.attempt.to_be_bytes());
        }
        bytes
    }

    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&spilled, entries) = bytes.split_first()?;
        let (entries, []) = entries.as_chunks::<ENTRY>() else { return None };
        let newest_last = entries.iter().map(Seen::from_entry).collect();
        Some(Self { newest_last, spilled: spilled != 0 })
    }
}

impl Seen {
    #[must_use]
    pub fn matches(&self, fingerprint: Fingerprint, attempt: Option<u32>) -> bool {
        self.fingerprint == fingerprint && attempt.is_none_or(|attempt| attempt == self.attempt)
    }

    fn from_entry(entry: &[u8; ENTRY]) -> Self {
        let (mut fingerprint, mut attempt) = ([0; 16], [0; 4]);
        fingerprint.copy_from_slice(&entry[..16]);
        attempt.copy_from_slice(&entry[16..]);
        Self { fingerprint: Fingerprint(fingerprint), attempt: u32::from_be_bytes(attempt) }
    }
}
