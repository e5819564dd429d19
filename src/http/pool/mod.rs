//! The publish pool: approved contents, lent to publishers one at a time, and what these say about them.

mod claim;
mod list;
mod reports;
mod shape;

pub(super) use claim::__path_claim_entries;
pub use claim::claim_entries;
pub(super) use list::__path_list_pool;
pub use list::list_pool;
pub(super) use reports::{__path_entry_failed, __path_entry_published, __path_extend_entry, __path_retry_entry};
pub use reports::{entry_failed, entry_published, extend_entry, retry_entry};
pub use shape::EntryBody;

use std::time::Duration;

use super::fields::Fields;

/// Of a lease, where a publisher does not say.
const USUAL_LEASE: Duration = Duration::from_secs(300);

fn lease_seconds(fields: &mut Fields<'_>) -> Duration {
    const WANTED: &str = "a whole number of seconds from 10 to 3600";
    let seconds: Option<u64> = fields.whole("lease_seconds", WANTED);
    if seconds.is_some_and(|seconds| !(10..=3600).contains(&seconds)) {
        fields.blame("lease_seconds", format!("must be {WANTED}"));
    }
    seconds.map_or(USUAL_LEASE, Duration::from_secs)
}
