//! What was answered, in a few bytes a task however long it takes; and whether all of it is in the database.
//!
//! The other [`audit`](crate::bench::audit) remembers each answer and, while it reads, each receipt, of which a soak has
//! millions. Here a task has a count and the sum of its callbacks' numbers, mixed, which its receipts must come to as well;
//! receipts are read a page at a time and forgotten.

use std::time::Duration;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::bench::audit::{Audit, PAGE, TASKS, event_id, task_of};
use crate::bench::latency::{Latency, Times};
use crate::bench::load::mixed;
use crate::domain::task::TaskId;
use crate::store::{ReceiptFilter, Store};

/// Of all tasks of one hub, by their numbers.
#[derive(Default)]
pub struct Ledger {
    accounts: Vec<Account>,
    /// Tasks that are.
    pub completed: usize,
    /// How long answers take, once that is of interest.
    pub quarters: Option<Quarters>,
}

/// A task's callbacks: what the hub has answered, or what the database has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Account {
    callbacks: u32,
    numbers: u64,
}

/// What the database has of a task.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    account: Account,
    /// What its receipts' links come to: of each what it is, less what it says was before it. Of a chain without a gap only
    /// its end is left, in whatever order they are read.
    chain: u64,
}

/// How long answers took in each quarter of the time.
pub struct Quarters {
    whole: Duration,
    times: Vec<Times>,
}

impl Ledger {
    /// A new task's number.
    pub fn open(&mut self) -> usize {
        self.accounts.push(Account::default());
        self.accounts.len() - 1
    }

    /// A callback was answered with 200; `since` the beginning it was to be sent.
    pub fn answered(&mut self, task: usize, number: u64, since: Duration, took: Duration) {
        if let Some(account) = self.accounts.get_mut(task) {
            account.add(number);
        }
        if let Some(quarters) = &mut self.quarters {
            quarters.record(since, took);
        }
    }

    #[must_use]
    pub fn callbacks(&self) -> usize {
        self.accounts.iter().map(|account| account.callbacks as usize).sum()
    }

    /// # Errors
    /// When the database cannot be read.
    pub async fn audit(&self, url: &str, run: &str) -> anyhow::Result<Audit> {
        let store = Store::connect(url, 4).await.context("the audit")?;
        let audit = self.compare(&store, run).await;
        store.close().await;
        audit
    }

    async fn compare(&self, store: &Store, run: &str) -> anyhow::Result<Audit> {
        let found = self.read(store, run).await?;
        let (answered, there) = (self.callbacks(), self.there(&found));
        let broken = found.into_iter().enumerate().map(|(task, found)| is_broken(store, run, task, found));
        let broken: Vec<bool> = futures_util::stream::iter(broken).buffer_unordered(TASKS).try_collect().await?;
        let broken = broken.into_iter().filter(|broken| *broken).count();
        Ok(Audit { answered, found: there, broken })
    }

    /// How many of the answered callbacks are. Where a task's do not come to the same, none of them counts as found.
    fn there(&self, found: &[Found]) -> usize {
        let pairs = self.accounts.iter().zip(found);
        pairs.filter(|(account, found)| **account == found.account).map(|(account, _)| account.callbacks as usize).sum()
    }

    /// All receipts, newest first.
    async fn read(&self, store: &Store, run: &str) -> anyhow::Result<Vec<Found>> {
        let (mut found, mut before) = (vec![Found::default(); self.accounts.len()], None);
        loop {
            let (page, _) = store.receipts(&ReceiptFilter::default(), before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            before = Some(last.id);
            let bodies = store.payloads(page.iter().filter_map(|receipt| receipt.payload).collect()).await?;
            for receipt in &page {
                let Some(task) = task_of(receipt, run) else { continue };
                let Some(found) = found.get_mut(task) else { continue };
                let number = receipt.payload.and_then(|id| bodies.get(&id)).and_then(|body| event_id(body));
                // one that no callback has
                found.account.add(number.unwrap_or(u64::MAX));
                found.link(receipt.sequence.unsigned_abs(), receipt.id, receipt.previous);
            }
        }
    }
}

impl Account {
    fn add(&mut self, number: u64) {
        self.callbacks += 1;
        self.numbers = self.numbers.wrapping_add(mixed(number.wrapping_add(1)));
    }
}

impl Found {
    fn link(&mut self, sequence: u64, id: Uuid, previous: Option<Uuid>) {
        let before = previous.map_or(0, |previous| end(sequence.saturating_sub(1), previous));
        self.chain = self.chain.wrapping_add(end(sequence, id)).wrapping_sub(before);
    }

    /// Whether these are so many, each after the one before it, up to the one that the task's row names.
    fn is_chain(self, receipts: u64, newest: Option<Uuid>) -> bool {
        u64::from(self.account.callbacks) == receipts && self.chain == newest.map_or(0, |newest| end(receipts, newest))
    }
}

/// What a receipt comes to, with its place in the chain.
fn end(sequence: u64, id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    mixed(high ^ mixed(low ^ mixed(sequence)))
}

async fn is_broken(store: &Store, run: &str, task: usize, found: Found) -> anyhow::Result<bool> {
    let id = TaskId::parse(&format!("{run}-{task}"))?;
    let row = store.task_state(&id).await?;
    Ok(row.is_none_or(|row| !found.is_chain(row.receipts, row.last_receipt)))
}

impl Quarters {
    /// # Errors
    /// When there is no memory for them.
    pub fn new(whole: Duration) -> anyhow::Result<Self> {
        Ok(Self { whole, times: (0..4).map(|_| Times::new()).collect::<Result<_, _>>()? })
    }

    fn record(&mut self, since: Duration, took: Duration) {
        let quarter = since.as_millis() * 4 / self.whole.as_millis().max(1);
        let quarter = usize::try_from(quarter).unwrap_or(usize::MAX).min(self.times.len() - 1);
        self.times[quarter].record(took);
    }

    #[must_use]
    pub fn latencies(&self) -> Vec<Option<Latency>> {
        self.times.iter().map(Times::latency).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [Uuid; 3] = [Uuid::from_u128(11), Uuid::from_u128(12), Uuid::from_u128(13)];

    fn found(links: &[(u64, Uuid, Option<Uuid>)]) -> Found {
        links.iter().fold(Found::default(), |mut found, (sequence, id, previous)| {
            found.account.add(*sequence);
            found.link(*sequence, *id, *previous);
            found
        })
    }

    #[test]
    fn a_chain_has_no_gap_and_ends_where_the_row_says() {
        let whole = [(3, IDS[2], Some(IDS[1])), (1, IDS[0], None), (2, IDS[1], Some(IDS[0]))];
        assert!(found(&whole).is_chain(3, Some(IDS[2])), "in any order");
        assert!(!found(&whole).is_chain(3, Some(IDS[1])) && !found(&whole).is_chain(4, Some(IDS[2])));
        assert!(!found(&whole[..2]).is_chain(2, Some(IDS[2])), "one is missing in between");
        let twisted = [(2, IDS[2], Some(IDS[1])), (1, IDS[0], None), (3, IDS[1], Some(IDS[0]))];
        assert!(!found(&twisted).is_chain(3, Some(IDS[2])), "each says another place than it has");
        assert!(!found(&[(1, IDS[0], Some(IDS[1]))]).is_chain(1, Some(IDS[0])), "nothing is before the first");
        assert!(found(&[]).is_chain(0, None) && !found(&[]).is_chain(1, Some(IDS[0])));
    }

    #[test]
    fn what_is_lost_twice_there_or_at_another_task_is_not_found() {
        let mut ledger = Ledger::default();
        for (task, number) in [(0, 1), (0, 2), (1, 3), (1, 4)] {
            while ledger.accounts.len() <= task {
                ledger.open();
            }
            ledger.answered(task, number, Duration::ZERO, Duration::ZERO);
        }
        let there = |tasks: [&[u64]; 2]| {
            let found = tasks.map(|numbers| {
                let mut found = Found::default();
                numbers.iter().for_each(|number| found.account.add(*number));
                found
            });
            ledger.there(&found)
        };
        assert_eq!((ledger.callbacks(), there([&[2, 1], &[3, 4]])), (4, 4));
        assert_eq!(there([&[1], &[3, 4]]), 2);
        assert_eq!(there([&[1, 1], &[3, 4]]), 2);
        assert_eq!(there([&[1, 3], &[2, 4]]), 0);
    }

    #[test]
    fn each_quarter_has_times_of_its_own() {
        let mut quarters = Quarters::new(Duration::from_secs(40)).expect("memory");
        for (second, millis) in [(0, 1), (9, 1), (10, 5), (39, 9), (41, 9)] {
            quarters.record(Duration::from_secs(second), Duration::from_millis(millis));
        }
        let middles: Vec<Option<f64>> = quarters.latencies().iter().map(|it| it.map(|latency| latency.p50.round())).collect();
        assert_eq!(middles, [Some(1.0), Some(5.0), None, Some(9.0)]);
    }
}
