//! Ids of deliveries tell when those were made, by the hub's clock: a list that is narrowed to a time is narrowed to ids, and
//! needs no index of times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use uuid::{ContextV7, Uuid};

use crate::domain::time::Timestamp;

/// Makes ids, each above those before it, even where a clock goes back. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Ids(Arc<Mutex<ContextV7>>);

/// By so much an id may say another time than its row: what a batch took to be written, or a clock was set back.
const SLACK: Duration = Duration::from_secs(600);
/// Behind the time, in bits.
const REST: u32 = 80;
const LATEST: i64 = (1 << 48) - 1;

impl Ids {
    pub(super) fn made_at(&self, time: Timestamp) -> Uuid {
        let micros = u64::try_from(time.micros()).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*self.0, micros / 1_000_000, nanos))
    }
}

/// No id of what was made at this time or later is below it.
pub(super) fn lowest(time: Timestamp) -> Uuid {
    first_of(time.minus(SLACK))
}

/// All ids of what was made before this time are below it.
pub(super) fn above(time: Timestamp) -> Uuid {
    first_of(time.plus(SLACK))
}

/// The lowest id of that time.
pub(super) fn first_of(time: Timestamp) -> Uuid {
    let millis = time.micros().div_euclid(1000).clamp(0, LATEST);
    Uuid::from_u128(u128::from(millis.unsigned_abs()) << REST)
}

/// The lowest id above this one; of the highest, itself.
pub(super) fn next(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_lie_within_the_bounds_of_their_times() {
        let ids = Ids::default();
        let times = [5_000, 5_000, 5_001, 4_000, 9_000].map(Timestamp::from_secs);
        let made = times.map(|time| ids.made_at(time));
        assert!(made.is_sorted_by(|one, other| one < other), "{made:?}");
        for (time, id) in times[..3].iter().zip(made) {
            assert!(lowest(*time) <= id && id < above(*time));
        }
        assert!(made[4] >= above(Timestamp::from_secs(5_001)) && made[0] < lowest(Timestamp::from_secs(9_000)));
        let ends = [Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX)];
        assert!(lowest(ends[0]) == Uuid::nil() && above(ends[1]) > made[4]);
    }
}
