//! Pages of what was accepted and what was refused, put together.
//!
//! Both lists have an order of their own: refused callbacks that of their ids, and so have all receipts together; those of
//! one task that of their numbers. A page goes on where the page before ended in either, so that nothing is left out.

use std::cmp::Reverse;

use uuid::Uuid;

use super::receipts::{self, ReceiptBody, ReceiptList};
use crate::domain::task::TaskId;
use crate::http::cursor;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::store::{Receipt, ReceiptFilter, Rejection};

pub(super) struct Wanted<'a> {
    pub accepted: bool,
    pub rejected: bool,
    pub task: Option<&'a str>,
    /// Of refused callbacks.
    pub code: Option<&'a str>,
    pub filter: ReceiptFilter,
}

/// Where a page ended in either list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    receipt: Option<Mark>,
    rejection: Option<Uuid>,
}

#[derive(Clone, Copy, Debug)]
enum Mark {
    /// Among all receipts.
    Id(Uuid),
    /// Among one task's.
    Sequence(i64),
}

impl Position {
    pub(super) fn parse(text: &str, of_a_task: bool) -> Option<Self> {
        let [receipt, rejection] = cursor::decode(text)?;
        let mark = |text: &str| if of_a_task { text.parse().map(Mark::Sequence).ok() } else { text.parse().map(Mark::Id).ok() };
        let given = |text: &str| !text.is_empty();
        Some(Self {
            receipt: if given(&receipt) { Some(mark(&receipt)?) } else { None },
            rejection: if given(&rejection) { Some(rejection.parse().ok()?) } else { None },
        })
    }

    fn cursor(self) -> String {
        let receipt = self.receipt.map(|mark| match mark {
            Mark::Id(id) => id.to_string(),
            Mark::Sequence(sequence) => sequence.to_string(),
        });
        let rejection = self.rejection.map(|id| id.to_string());
        cursor::encode(&[&receipt.unwrap_or_default(), &rejection.unwrap_or_default()])
    }
}

pub(super) async fn read(hub: &Hub, wanted: &Wanted<'_>, after: Position, limit: u64) -> Result<ReceiptList, Problem> {
    let (accepted, looked_to) = if wanted.accepted { accepted(hub, wanted, after, limit + 1).await? } else { (Vec::new(), None) };
    let rejections = if wanted.rejected {
        let generator = wanted.filter.generator.as_deref();
        hub.store.rejections(wanted.task, generator, wanted.code, after.rejection, limit + 1).await?
    } else {
        Vec::new()
    };
    let lists = Lists { receipts: accepted, rejections, looked_to };
    let mut page = page(lists, after, wanted.task.is_some(), usize::try_from(limit).unwrap_or(usize::MAX));
    receipts::add_awaited(hub, &mut page.items).await?;
    Ok(page)
}

/// What comes next in either list.
struct Lists {
    receipts: Vec<Receipt>,
    rejections: Vec<Rejection>,
    /// Where looking for receipts has ended, though there may be more behind it.
    looked_to: Option<Uuid>,
}

async fn accepted(hub: &Hub, wanted: &Wanted<'_>, after: Position, limit: u64) -> Result<(Vec<Receipt>, Option<Uuid>), Problem> {
    let filter = &wanted.filter;
    Ok(match (wanted.task.map(TaskId::parse), after.receipt) {
        (None, Some(Mark::Id(before))) => hub.store.receipts(filter, Some(before), limit).await?,
        (None, _) => hub.store.receipts(filter, None, limit).await?,
        (Some(Ok(task)), Some(Mark::Sequence(below))) => (hub.store.receipts_of(&task, filter, Some(below), limit).await?, None),
        (Some(Ok(task)), _) => (hub.store.receipts_of(&task, filter, None, limit).await?, None),
        (Some(Err(_)), _) => (Vec::new(), None),
    })
}

/// Of both lists' next ones always the newer. What was refused before the place to which receipts were looked through waits for
/// the next page: there may be receipts before it.
fn page(lists: Lists, after: Position, of_a_task: bool, limit: usize) -> ReceiptList {
    let Lists { receipts, rejections, looked_to } = lists;
    let is_cut = looked_to.filter(|_| receipts.len() <= limit);
    let waits = |rejection: &Rejection| is_cut.is_some_and(|end| rejection.id < end);
    let (now, later): (Vec<_>, Vec<_>) = rejections.into_iter().partition(|rejection| !waits(rejection));
    let (mut receipts, mut rejections) = (receipts.into_iter().peekable(), now.into_iter().peekable());
    let (mut end, mut items) = (after, Vec::new());
    while items.len() < limit {
        let newer = match (receipts.peek(), rejections.peek()) {
            (Some(receipt), Some(rejection)) => Reverse(receipt.id) < Reverse(rejection.id),
            (receipt, _) => receipt.is_some(),
        };
        if newer {
            let Some(receipt) = receipts.next() else { break };
            end.receipt = Some(if of_a_task { Mark::Sequence(receipt.sequence) } else { Mark::Id(receipt.id) });
            items.push(ReceiptBody::accepted(receipt, None));
        } else {
            let Some(rejection) = rejections.next() else { break };
            end.rejection = Some(rejection.id);
            items.push(ReceiptBody::rejected(rejection, false));
        }
    }
    let mut more = receipts.peek().is_some() || rejections.peek().is_some() || !later.is_empty();
    if let (false, Some(looked_to)) = (receipts.peek().is_some(), is_cut) {
        // all that fits up to there is shown, or comes with the next page of refused ones
        end.receipt = Some(Mark::Id(looked_to));
        more = true;
    }
    ReceiptList { items, next_cursor: more.then(|| end.cursor()) }
}
