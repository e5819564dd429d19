//! One watcher's stream: what he has missed, then what comes.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::Beginning;
use super::feed::OVERLAP;
use super::rooms::Seat;
use super::shape::Notice;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::http::console::session::visitor;
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;
use crate::http::tasks::briefly;
use crate::store::{ReceiptFilter, Said, StoreError, made_at};

/// How often it is asked whether the watcher still may watch.
const ASK: Duration = Duration::from_secs(5);
/// Of one task's receipts, read anew for whoever comes back.
const MOST_RECEIPTS: u64 = 200;

struct Watcher {
    hub: Arc<Hub>,
    /// What lets him in.
    headers: HeaderMap,
    task: Option<TaskId>,
    seat: Seat,
    /// To be sent before what comes.
    ready: VecDeque<Arc<Notice>>,
    /// What was sent of it, and may come again until then.
    sent: (HashSet<String>, Timestamp),
    ask_at: Instant,
}

/// Begins to watch, everything or one task.
pub(super) async fn open(
    hub: Arc<Hub>,
    headers: HeaderMap,
    task: Option<TaskId>,
    beginning: Beginning,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + Send + 'static, Problem> {
    // registered before looking: what happens in between comes twice, and not never
    let seat = hub.live.take_seat(&hub, task.as_ref()).await?;
    let resync = || vec![Notice::resync(hub.clock.now())];
    let ready = match (beginning, &task) {
        (Beginning::After(time), None) => hub.live.missed(&hub, time).await?.unwrap_or_else(resync),
        (Beginning::Lost, None) => resync(),
        (Beginning::Anew, None) => Vec::new(),
        (Beginning::After(time), Some(task)) => said_since(&hub, task, time).await?,
        (_, Some(task)) => current(&hub, task).await?.into_iter().collect(),
    };
    if let Some(task) = &task {
        hub.live.begin(task, ready.last().and_then(|notice| notice.standing));
    }
    let last = ready.iter().map(|notice| notice.made).max().unwrap_or(hub.clock.now());
    let sent = ready.iter().map(|notice| notice.id.clone()).collect();
    let (sent, ready) = ((sent, last.plus(2 * OVERLAP)), ready.into_iter().map(Arc::new).collect());
    let watcher = Watcher { hub, headers, task, seat, ready, sent, ask_at: Instant::now() + ASK };
    Ok(unfold(watcher, |mut watcher| async move {
        let notice = watcher.next().await?;
        let event = Event::default().id(&notice.id).event(notice.name).data(&notice.text);
        Some((Ok(event), watcher))
    }))
}

impl Watcher {
    /// None: the service stops, or he may not watch any more.
    async fn next(&mut self) -> Option<Arc<Notice>> {
        if let Some(notice) = self.ready.pop_front() {
            return Some(notice);
        }
        loop {
            tokio::select! {
                biased;
                () = self.hub.stopping.cancelled() => return None,
                () = tokio::time::sleep_until(self.ask_at) => {
                    self.ask_at = Instant::now() + ASK;
                    if self.is_shut_out().await {
                        return None;
                    }
                }
                received = self.seat.notices.recv() => match received {
                    Ok(notice) if self.is_new(&notice) => return Some(notice),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        if let Some(notice) = self.caught_up().await {
                            return Some(Arc::new(notice));
                        }
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// For whoever did not keep up.
    async fn caught_up(&mut self) -> Option<Notice> {
        // what was kept for him is older than what he is told now
        self.seat.notices = self.seat.notices.resubscribe();
        match &self.task {
            // where it cannot be read now, it comes with the next notice
            Some(task) => current(&self.hub, task).await.ok().flatten(),
            None => Some(Notice::resync(self.hub.clock.now())),
        }
    }

    /// Not what he was sent when he began.
    fn is_new(&mut self, notice: &Notice) -> bool {
        let (sent, until) = &mut self.sent;
        if notice.made > *until {
            sent.clear();
        }
        !sent.remove(&notice.id)
    }

    /// Keys are revoked, and sessions end. While nobody can tell, he stays.
    async fn is_shut_out(&self) -> bool {
        let refused = visitor(&self.hub, &self.headers).await.err();
        refused.is_some_and(|problem| matches!(problem.code, Code::Unauthorized | Code::HostNotAllowed))
    }
}

/// None: it is gone.
async fn current(hub: &Hub, task: &TaskId) -> Result<Option<Notice>, StoreError> {
    let found = hub.store.tasks_by_id(&[task.as_str()]).await?;
    let body = briefly(hub, found).await?.pop();
    Ok(body.map(|body| Notice::current(&body, hub.clock.now())))
}

/// What was said about a task since that time, and a while before it, with how it stands now; that at least.
async fn said_since(hub: &Hub, task: &TaskId, time: Timestamp) -> Result<Vec<Notice>, StoreError> {
    let Some(body) = briefly(hub, hub.store.tasks_by_id(&[task.as_str()]).await?).await?.pop() else { return Ok(Vec::new()) };
    let receipts = hub.store.receipts_of(task, &ReceiptFilter::default(), None, MOST_RECEIPTS).await?;
    let fresh = receipts.into_iter().filter(|receipt| made_at(receipt.id) >= time.minus(OVERLAP)).map(Said::from);
    let mut notices: Vec<Notice> = fresh.map(|said| Notice::said(&said, Some(&body))).collect();
    notices.reverse();
    if notices.is_empty() {
        notices.push(Notice::current(&body, hub.clock.now()));
    }
    Ok(notices)
}
