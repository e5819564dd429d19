//! One watcher's stream: what he has missed, then what comes.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;

use super::feed::{Seat, missed};
use super::shape::Notice;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::http::tasks::{TaskBody, load};

struct Watcher {
    hub: Arc<Hub>,
    task: Option<TaskId>,
    seat: Seat,
    /// To be sent before what comes.
    ready: VecDeque<Arc<Notice>>,
    /// What was sent of it, and may come again.
    sent: HashSet<String>,
}

/// Begins to watch, everything or one task, anew or from that time on.
pub(super) async fn open(
    hub: Arc<Hub>,
    task: Option<TaskId>,
    since: Option<Timestamp>,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + Send + 'static, Problem> {
    // registered before looking: what happens in between comes twice, and not never
    let seat = hub.live.take_seat(&hub.store).await?;
    let ready = match (since, &task) {
        (Some(since), _) => missed(&hub, since).await?.unwrap_or_else(|| vec![Notice::resync(hub.clock.now())]),
        (None, Some(id)) => {
            let body = TaskBody::brief(&hub, load(&hub, id).await?);
            vec![Notice::current(id.as_str(), &body, hub.clock.now())]
        }
        (None, None) => Vec::new(),
    };
    let mut watcher = Watcher { hub, task, seat, ready: VecDeque::new(), sent: HashSet::new() };
    watcher.ready = ready.into_iter().filter(|notice| watcher.wants(notice)).map(Arc::new).collect();
    watcher.sent = watcher.ready.iter().map(|notice| notice.id.clone()).collect();
    Ok(unfold(watcher, |mut watcher| async move {
        let notice = watcher.next().await?;
        let event = Event::default().id(&notice.id).event(notice.name).data(&notice.text);
        Some((Ok(event), watcher))
    }))
}

impl Watcher {
    /// None: the service stops.
    async fn next(&mut self) -> Option<Arc<Notice>> {
        if let Some(notice) = self.ready.pop_front() {
            return Some(notice);
        }
        loop {
            let received = tokio::select! {
                biased;
                () = self.hub.stopping.cancelled() => return None,
                received = self.seat.notices.recv() => received,
            };
            match received {
                Ok(notice) if self.wants(&notice) && !self.sent.remove(&notice.id) => return Some(notice),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Some(Arc::new(Notice::resync(self.hub.clock.now()))),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn wants(&self, notice: &Notice) -> bool {
        notice.name == Notice::RESYNC || self.task.as_ref().is_none_or(|task| notice.task.as_deref() == Some(task.as_str()))
    }
}
