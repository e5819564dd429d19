//! How often addresses come.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, QuantaClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

const FEW_ADDRESSES: usize = 10_000;

pub(super) struct Visitors {
    limiter: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>,
    /// Beyond so many, addresses that have not come lately are forgotten.
    most_addresses: AtomicUsize,
}

impl Visitors {
    /// So many times in a period; none if the period cannot be divided by that.
    pub(super) fn within((most, period): (NonZeroU32, Duration)) -> Option<Self> {
        let quota = Quota::with_period(period.checked_div(most.get())?)?;
        let limiter = RateLimiter::keyed(quota.allow_burst(most));
        Some(Self { limiter, most_addresses: AtomicUsize::new(FEW_ADDRESSES) })
    }

    /// Seconds until the address may come again, if it comes too often.
    pub(super) fn rate_limited(&self, address: IpAddr) -> Option<u64> {
        self.forget_old_addresses();
        let refused = self.limiter.check_key(&address).err()?;
        let wait = refused.wait_time_from(QuantaClock::default().now());
        // rounded up: who comes at the very second must not be too early again
        Some(wait.as_secs() + 1)
    }

    /// Looking at all of them pays once they have doubled.
    fn forget_old_addresses(&self) {
        let known = self.limiter.len();
        if known > self.most_addresses.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            self.most_addresses.store((2 * self.limiter.len()).max(FEW_ADDRESSES), Ordering::Relaxed);
        }
    }
}
