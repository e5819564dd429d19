//! The bytes of bodies that may be held at once: by all connections together, and by any one sender.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use super::problem::Problem;

/// One sender may hold this part of the whole, or one body where that is more: so that nobody who trickles keeps all the
/// others out.
const PART_OF_ONE: usize = 4;
/// Who has one IPv6 address has all of its network.
const SAME_SENDER: u128 = !0 << 64;

#[derive(Clone)]
pub struct Budget {
    held: Arc<Mutex<Held>>,
}

/// In bytes.
#[derive(Default)]
struct Held {
    /// All together may hold so many.
    most: usize,
    by_all: usize,
    /// Without those who hold nothing.
    by_one: HashMap<IpAddr, usize>,
}

/// A body's part of what is held, given back when dropped.
pub struct Share {
    budget: Budget,
    sender: Option<IpAddr>,
    bytes: usize,
}

impl Budget {
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { held: Arc::new(Mutex::new(Held { most: bytes, ..Held::default() })) }
    }

    /// What is held already may be more than that; then nothing more is taken until it is less.
    pub fn resize(&self, bytes: usize) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).most = bytes;
    }

    /// Without a sender only the whole counts.
    #[must_use]
    pub fn share(&self, sender: Option<IpAddr>) -> Share {
        Share { budget: self.clone(), sender: sender.map(network), bytes: 0 }
    }
}

impl Share {
    /// Takes what has arrived, never what was only announced; `largest` is how long the whole body may become.
    ///
    /// # Errors
    /// `unavailable`; then nothing was taken.
    pub fn take(&mut self, bytes: usize, largest: usize) -> Result<(), Problem> {
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > held.most.saturating_sub(held.by_all) {
            return Err(Problem::unavailable("Too much is being received at once"));
        }
        if let Some(sender) = self.sender {
            let most = (held.most / PART_OF_ONE).max(largest);
            let already = held.by_one.get(&sender).copied().unwrap_or(0);
            if already + bytes > most {
                return Err(Problem::unavailable("Too much is being received from this address at once"));
            }
            held.by_one.insert(sender, already + bytes);
        }
        held.by_all += bytes;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.by_all -= self.bytes;
        let Some(sender) = self.sender else { return };
        let left = held.by_one.get(&sender).map_or(0, |held| held - self.bytes);
        if left == 0 {
            held.by_one.remove(&sender);
        } else {
            held.by_one.insert(sender, left);
        }
    }
}

fn network(sender: IpAddr) -> IpAddr {
    match sender.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & SAME_SENDER).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(budget: &Budget, sender: &str) -> Share {
        budget.share(Some(sender.parse().unwrap()))
    }

    #[test]
    fn one_sender_has_a_quarter_and_everybody_together_the_whole() {
        let budget = Budget::new(100);
        let mut one = share(&budget, "192.0.2.1");
        assert!(one.take(25, 10).is_ok());
        assert!(share(&budget, "::ffff:192.0.2.1").take(1, 10).is_err(), "the same address");
        let mut others: Vec<_> = ["192.0.2.2", "192.0.2.3", "192.0.2.4"].map(|sender| share(&budget, sender)).into();
        assert!(others.iter_mut().all(|other| other.take(25, 10).is_ok()));
        assert!(share(&budget, "192.0.2.5").take(1, 10).is_err(), "all is held");
        drop(one);
        assert!(share(&budget, "192.0.2.5").take(1, 10).is_ok());
        assert!(share(&budget, "192.0.2.1").take(25, 10).is_ok());
        drop(others);
        assert!(budget.held.lock().unwrap().by_one.is_empty(), "who holds nothing is forgotten");
    }

    #[test]
    fn what_is_held_counts_in_a_smaller_one_too() {
        let budget = Budget::new(100);
        let mut one = share(&budget, "192.0.2.1");
        assert!(one.take(60, 60).is_ok());
        budget.resize(50);
        assert!(share(&budget, "192.0.2.2").take(1, 10).is_err());
        drop(one);
        assert!(share(&budget, "192.0.2.2").take(12, 10).is_ok());
        assert!(share(&budget, "192.0.2.3").take(13, 10).is_err(), "a quarter of what there is now");
    }

    #[test]
    fn a_body_that_is_allowed_can_arrive() {
        let budget = Budget::new(100);
        let mut large = share(&budget, "192.0.2.1");
        assert!(large.take(80, 80).is_ok());
        assert!(large.take(1, 80).is_err());
    }

    #[test]
    fn an_ipv6_network_is_one_sender() {
        let budget = Budget::new(100);
        let mut one = share(&budget, "2001:db8::1");
        assert!(one.take(25, 10).is_ok());
        assert!(share(&budget, "2001:db8::ffff:1").take(1, 10).is_err());
        assert!(share(&budget, "2001:db8:0:1::1").take(1, 10).is_ok());
    }
}
