//! How much goes out at a time: over all lanes, and in each. A lane that answers fast may take more at a time; one that is
//! slow or fails takes little, so that it holds up nobody else; one that fails ten times in a row is left alone for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::breaker::{Breaker, Permit};
use crate::domain::time::Timestamp;
use crate::domain::webhook;

/// Failures in a row before a lane is left alone.
const PATIENCE: u32 = 10;
/// A lane is trusted with more as long as it answers within this,
const QUICK: Duration = Duration::from_secs(1);
/// and with less when it takes longer than this.
const SLOW: Duration = Duration::from_secs(5);

/// Requests at a time, at least: one of a webhook of its own; some of those that share a host, so that one that is slow there does
/// not make all others wait.
const LEAST: usize = 1;
const LEAST_SHARED: usize = 4;

/// Beyond so many, lanes that rest and are well are forgotten: tasks' own webhooks may be anywhere.
const MOST_REMEMBERED: usize = 10_000;

/// Shared by all steps of this process.
#[derive(Debug)]
pub struct Lanes {
    /// Requests at a time, over all lanes.
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    lanes: HashMap<String, Lane>,
}

#[derive(Debug)]
struct Lane {
    running: usize,
    /// Requests at a time.
    limit: usize,
    breaker: Breaker,
}

/// What an attempt said about its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The subscriber is there, whatever it answered.
    Alive(Duration),
    Failing {
        /// How long it asks to be left alone.
        wish: Option<Duration>,
    },
    /// Nothing was sent.
    None,
}

impl Lanes {
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), state: Mutex::default() }
    }

    /// How many requests may begin in each of these lanes now, those without any left out; they count as running until they
    /// are let go. Where there is not enough for all, each lane gets one before any gets another: one that was trusted with
    /// much before leaves the others theirs.
    pub fn admit(&self, lanes: Vec<String>, now: Timestamp) -> Vec<(String, usize)> {
        let mut state = self.state();
        let State { running, lanes: known } = &mut *state;
        let largest = self.largest();
        let room = |name: String| {
            let lane = known.entry(name.clone()).or_insert_with(|| Lane::new(least(&name, largest)));
            let most = match lane.breaker.permit(now) {
                Permit::Freely => lane.limit,
                Permit::Probe => 1,
                Permit::NotBefore(_) => 0,
            };
            (name, most.saturating_sub(lane.running))
        };
        let rooms: Vec<(String, usize)> = lanes.into_iter().map(room).filter(|(_, room)| *room > 0).collect();
        let mut shares = vec![0; rooms.len()];
        let mut free = self.most.saturating_sub(*running);
        while free > 0 && rooms.iter().zip(&shares).any(|((_, room), share)| share < room) {
            for ((_, room), share) in rooms.iter().zip(&mut shares) {
                if free > 0 && *share < *room {
                    *share += 1;
                    free -= 1;
                }
            }
        }
        let admitted = rooms.into_iter().zip(shares).map(|((name, _), share)| (name, share)).filter(|(_, share)| *share > 0);
        let admitted: Vec<_> = admitted.collect();
        for (name, share) in &admitted {
            *running += share;
            if let Some(lane) = known.get_mut(name) {
                lane.running += share;
            }
        }
        admitted
    }

    pub fn let_go(&self, lane: &str, count: usize, sign: Sign, now: Timestamp) {
        let largest = self.largest();
        let least = least(lane, largest);
        let mut state = self.state();
        state.running = state.running.saturating_sub(count);
        let Some(at) = state.lanes.get_mut(lane) else { return };
        at.running = at.running.saturating_sub(count);
        match sign {
            Sign::Alive(took) => {
                at.breaker.succeed();
                if took <= QUICK {
                    at.limit = (at.limit * 2).min(largest);
                } else if took > SLOW {
                    at.limit = (at.limit / 2).max(least);
                }
            }
            Sign::Failing { wish } => {
                // whoever shares a lane with others speaks for himself: what he was sent waits as he wishes, and no more
                at.breaker.fail(now, wish.filter(|_| !webhook::is_shared(lane)));
                at.limit = (at.limit / 2).max(least);
            }
            Sign::None => {}
        }
        if state.lanes.len() > MOST_REMEMBERED {
            state.lanes.retain(|_, lane| lane.running > 0 || lane.breaker != Breaker::after(PATIENCE));
        }
    }

    /// An operator wants it to be tried.
    pub fn reopen(&self, lane: &str) {
        if let Some(at) = self.state().lanes.get_mut(lane) {
            at.breaker.succeed();
        }
    }

    /// Whether a lane is left alone now.
    #[must_use]
    pub fn permit(&self, lane: &str, now: Timestamp) -> Permit {
        self.state().lanes.get(lane).map_or(Permit::Freely, |lane| lane.breaker.permit(now))
    }

    /// Lanes that are left alone, and until when.
    #[must_use]
    pub fn open(&self, now: Timestamp) -> Vec<(String, Timestamp)> {
        let state = self.state();
        let open = state.lanes.iter().filter_map(|(name, lane)| match lane.breaker.permit(now) {
            Permit::NotBefore(until) => Some((name.clone(), until)),
            Permit::Freely | Permit::Probe => None,
        });
        open.collect()
    }

    /// Requests at a time, over all lanes.
    #[must_use]
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Requests that run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.state().running
    }

    /// Of one lane.
    fn largest(&self) -> usize {
        (self.most / 2).max(1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    const fn new(limit: usize) -> Self {
        Self { running: 0, limit, breaker: Breaker::after(PATIENCE) }
    }
}

fn least(lane: &str, largest: usize) -> usize {
    if webhook::is_shared(lane) { LEAST_SHARED.min(largest) } else { LEAST }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);
    const QUICKLY: Sign = Sign::Alive(Duration::from_millis(5));
    const FAILED: Sign = Sign::Failing { wish: None };

    fn admit(lanes: &Lanes, lane: &str, now: Timestamp) -> usize {
        lanes.admit(vec![lane.to_owned()], now).first().map_or(0, |(_, count)| *count)
    }

    #[test]
    fn who_answers_fast_gets_more_and_who_fails_or_dawdles_gets_less() {
        let lanes = Lanes::new(32);
        let mut taken = Vec::new();
        for _ in 0..6 {
            let count = admit(&lanes, "a", NOW);
            taken.push(count);
            lanes.let_go("a", count, QUICKLY, NOW);
        }
        assert_eq!(taken, [1, 2, 4, 8, 16, 16], "at most a half of all");
        for sign in [FAILED, Sign::Alive(Duration::from_secs(20))] {
            assert_eq!(admit(&lanes, "b", NOW), 1);
            lanes.let_go("b", 1, sign, NOW);
            assert_eq!(admit(&lanes, "b", NOW), 1);
            lanes.let_go("b", 1, Sign::None, NOW);
        }
    }

    #[test]
    fn all_lanes_share_one_bound() {
        let lanes = Lanes::new(3);
        assert_eq!(["a", "b", "c", "d"].map(|lane| admit(&lanes, lane, NOW)), [1, 1, 1, 0]);
        lanes.let_go("b", 1, QUICKLY, NOW);
        assert_eq!((admit(&lanes, "d", NOW), lanes.running()), (1, 3));
    }

    #[test]
    fn each_lane_gets_one_before_any_gets_another() {
        let lanes = Lanes::new(8);
        for _ in 0..4 {
            let count = admit(&lanes, "a", NOW);
            lanes.let_go("a", count, QUICKLY, NOW);
        }
        let all = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let counts: Vec<usize> = lanes.admit(all, NOW).into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [4, 1, 1, 1, 1]);
    }

    #[test]
    fn who_is_slow_at_a_host_that_tasks_share_does_not_make_the_others_wait() {
        let lanes = Lanes::new(32);
        let host = "tasks at hooks.example";
        for sign in [FAILED, Sign::Alive(Duration::from_secs(20)), FAILED] {
            assert_eq!(admit(&lanes, host, NOW), 4);
            lanes.let_go(host, 1, sign, NOW);
            assert_eq!(admit(&lanes, host, NOW), 1);
            lanes.let_go(host, 4, Sign::None, NOW);
        }
    }

    #[test]
    fn ten_failures_in_a_row_pause_a_lane_until_a_probe_or_an_operator() {
        let lanes = Lanes::new(8);
        for _ in 0..10 {
            assert_eq!(admit(&lanes, "a", NOW), 1);
            lanes.let_go("a", 1, FAILED, NOW);
        }
        assert_eq!((admit(&lanes, "a", NOW), lanes.open(NOW).len()), (0, 1));
        let later = NOW.plus(Duration::from_secs(10));
        assert_eq!((admit(&lanes, "a", later), admit(&lanes, "a", later)), (1, 0), "one probe");
        lanes.let_go("a", 1, FAILED, later);
        assert_eq!(admit(&lanes, "a", later.plus(Duration::from_secs(19))), 0, "pauses double");
        lanes.reopen("a");
        assert_eq!(admit(&lanes, "a", later), 1);
    }

    #[test]
    fn a_wish_to_be_left_alone_is_one_webhooks_and_not_that_of_all_at_its_host() {
        let lanes = Lanes::new(8);
        let wish = Sign::Failing { wish: Some(Duration::from_secs(3600)) };
        let own = "0197a1f0-0000-7000-8000-000000000001";
        for (lane, first, then) in [(own, 1, 0), ("tasks at hooks.example", 4, 4)] {
            assert_eq!(admit(&lanes, lane, NOW), first);
            lanes.let_go(lane, first, wish, NOW);
            assert_eq!(admit(&lanes, lane, NOW), then, "{lane}");
        }
    }
}
