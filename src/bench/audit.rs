//! Whether every 200 is in the database: each callback's own number in a stored body of the right task, each task's receipts
//! counted and linked without a gap.

use std::collections::HashMap;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use uuid::Uuid;

use super::fill::{Filled, is_copy};
use super::load::Answer;
use crate::domain::task::TaskId;
use crate::store::{Receipt, ReceiptFilter, Store};

/// Receipts that are read at a time.
pub(super) const PAGE: u64 = 1000;
/// Tasks that are read side by side.
pub(super) const TASKS: usize = 8;

/// What was found of one subject's load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Callbacks that were answered with 200.
    pub answered: usize,
    /// Of those, the ones whose receipt and body are there.
    pub found: usize,
    /// Tasks whose receipts are not as many as their row says, not as many as were answered, or no chain.
    pub broken: usize,
}

impl Audit {
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.found == self.answered && self.broken == 0
    }
}

/// A receipt's place in its task's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    sequence: i64,
    id: Uuid,
    previous: Option<Uuid>,
}

/// What one run was answered, and where it was written.
pub struct Books<'a> {
    pub filled: &'a Filled,
    pub answers: &'a [Answer],
}

/// What is known of one task.
#[derive(Default)]
struct Account {
    answered: usize,
    chain: Vec<Link>,
}

impl Books<'_> {
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit(&self) -> anyhow::Result<Audit> {
        let store = Store::connect(&self.filled.url, 4).await.context("the audit")?;
        let audit = self.compare(&store).await;
        store.close().await;
        audit
    }

    async fn compare(&self, store: &Store) -> anyhow::Result<Audit> {
        let mut accounts: HashMap<usize, Account> = HashMap::new();
        for answer in self.answers {
            accounts.entry(answer.task).or_default().answered += 1;
        }
        let lost = self.follow(store, &mut accounts).await?;
        let broken = accounts.into_iter().map(|(task, account)| self.is_broken(store, task, account));
        let broken: Vec<bool> = futures_util::stream::iter(broken).buffer_unordered(TASKS).try_collect().await?;
        let broken = broken.into_iter().filter(|broken| *broken).count();
        Ok(Audit { answered: self.answers.len(), found: self.answers.len() - lost, broken })
    }

    /// Reads all receipts, newest first; how many answers have none.
    async fn follow(&self, store: &Store, accounts: &mut HashMap<usize, Account>) -> anyhow::Result<usize> {
        let mut wanted: HashMap<u64, usize> = self.answers.iter().map(|answer| (answer.number, answer.task)).collect();
        let mut before = None;
        loop {
            let (mut page, _) = store.receipts(&ReceiptFilter::default(), before, PAGE).await?;
            // older than all that were ever received
            page.retain(|receipt| !is_copy(receipt.id));
            let Some(last) = page.last() else { return Ok(wanted.len()) };
            before = Some(last.id);
            let bodies = store.payloads(page.iter().filter_map(|receipt| receipt.payload).collect()).await?;
            for receipt in &page {
                let Some(task) = task_of(receipt, &self.filled.run) else { continue };
                let Some(account) = accounts.get_mut(&task) else { continue };
                account.chain.push(Link { sequence: receipt.sequence, id: receipt.id, previous: receipt.previous });
                let number = receipt.payload.and_then(|id| bodies.get(&id)).and_then(|body| event_id(body));
                if let Some(number) = number.filter(|number| wanted.get(number) == Some(&task)) {
                    wanted.remove(&number);
                }
            }
        }
    }

    async fn is_broken(&self, store: &Store, task: usize, account: Account) -> anyhow::Result<bool> {
        let id = TaskId::parse(&format!("{}-{task}", self.filled.run))?;
        let Some(row) = store.task_state(&id).await? else { return Ok(true) };
        let wanted = self.filled.receipts + account.answered;
        Ok(row.receipts != wanted as u64 || !is_chain(account.chain, row.receipts, row.last_receipt))
    }
}

/// Whether these are the newest of so many, each after the one before it, up to the one that the task's row names.
fn is_chain(mut chain: Vec<Link>, receipts: u64, newest: Option<Uuid>) -> bool {
    chain.sort_unstable_by_key(|link| link.sequence);
    let linked = chain.windows(2).all(|pair| pair[1].previous == Some(pair[0].id) && pair[1].sequence == pair[0].sequence + 1);
    let first = chain.first().is_some_and(|first| (first.sequence == 1) == first.previous.is_none());
    let last = chain.last().is_some_and(|last| Some(last.id) == newest && u64::try_from(last.sequence) == Ok(receipts));
    linked && first && last
}

/// Which of a run's tasks it is about.
pub(super) fn task_of(receipt: &Receipt, run: &str) -> Option<usize> {
    receipt.task.as_deref()?.strip_prefix(run)?.strip_prefix('-')?.parse().ok()
}

pub(super) fn event_id(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once(r#""event_id":""#)?;
    rest.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(sequence: i64, previous: Option<u128>) -> Link {
        let id = Uuid::from_u128(u128::try_from(sequence).expect("a number"));
        Link { sequence, id, previous: previous.map(Uuid::from_u128) }
    }

    #[test]
    fn a_chain_has_no_gap_and_ends_where_the_row_says() {
        let newest = Some(Uuid::from_u128(3));
        let whole = [link(3, Some(2)), link(1, None), link(2, Some(1))];
        assert!(is_chain(whole.to_vec(), 3, newest));
        assert!(is_chain(vec![whole[2], whole[0]], 3, newest), "older ones were there before");
        assert!(!is_chain(vec![whole[0], whole[1]], 3, newest), "one is missing in between");
        assert!(!is_chain(whole.to_vec(), 4, newest) && !is_chain(whole.to_vec(), 3, Some(Uuid::from_u128(2))));
        assert!(!is_chain(vec![link(1, Some(9))], 1, Some(Uuid::from_u128(1))), "nothing is before the first");
        assert!(!is_chain(Vec::new(), 0, None));
    }

    #[test]
    fn a_callback_is_known_by_its_number() {
        assert_eq!(event_id(super::super::load::progress("t-1", 42).as_bytes()), Some(42));
        assert_eq!(event_id(b"{}"), None);
    }

    #[test]
    fn a_lost_callback_is_no_complete_audit() {
        assert!(Audit { answered: 2, found: 2, broken: 0 }.is_complete());
        assert!(!Audit { answered: 2, found: 1, broken: 0 }.is_complete());
        assert!(!Audit { answered: 2, found: 2, broken: 1 }.is_complete());
    }
}
