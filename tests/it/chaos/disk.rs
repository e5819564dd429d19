//! The disk gets full under callbacks: the hub says so, stays, and goes on when there is room.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use super::audit::audit;
use super::client::{Client, Trouble};
use super::history::{Creation, History, Sent};
use crate::harness::disk::Disk;
use crate::harness::process::Process;

/// Who send at once.
const SENDERS: usize = 4;
/// Each body takes its room on the disk at least once.
const LARGE: usize = 128 << 10;
/// More than would fit, of each sender.
const MOST: usize = 1_000;
/// In a row: then it is full, and not just busy.
const REFUSED: usize = 5;
/// Of each sender, when there is room again.
const MORE: usize = 10;
const RECOVERY: Duration = Duration::from_secs(30);

/// A sender of callbacks with large bodies.
struct Flood {
    name: usize,
    client: Client,
    task: String,
    history: History,
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_acknowledged_that_is_not_kept() {
    let disk = Disk::new();
    let hub = disk.start_hub().await;
    let mut floods = Vec::new();
    for name in 0..SENDERS {
        floods.push(Flood::new(name, &hub).await);
    }
    for flood in &mut floods {
        assert_eq!(flood.send(&hub).await, Ok(()), "there is room");
    }

    disk.narrow(hub.pid());
    let taken: usize = join_all(floods.iter_mut().map(|flood| flood.until_full(&hub))).await.into_iter().sum();
    let (client, task) = (Client::new(), format!("/api/tasks/{}", floods[0].task));
    for path in ["/health/live", &task, "/api/tasks", "/api/callbacks"] {
        assert_eq!(client.status(hub.address, path).await, Some(200), "{path} can be read: {}", hub.log());
    }
    assert_eq!(floods[0].send(&hub).await, Err(Trouble::Unavailable), "it is still full");

    disk.widen(hub.pid());
    join_all(floods.iter_mut().map(|flood| flood.goes_on(&hub))).await;

    let mut history = History::default();
    for flood in floods {
        history.join(flood.history);
    }
    println!("a disk that was full after {taken} large callbacks:");
    // which also asks the database whether its file is in order
    audit(history, &disk.url(), hub.address).await;
}

impl Flood {
    async fn new(name: usize, hub: &Process) -> Self {
        let (client, mut history) = (Client::new(), History::default());
        let mark = format!("flood-{name}");
        let mut creation = Creation::new(&mark, false);
        let task = client.create(hub.address, &mut creation).await.expect("the hub runs");
        history.creations.insert(mark, creation);
        Self { name, client, task, history }
    }

    /// One more, which never was sent before.
    async fn send(&mut self, hub: &Process) -> Result<(), Trouble> {
        let mark = format!("flood-{}-{:04}", self.name, self.history.events.len());
        let event = json!({"event": "progress", "progress": {"percentage": 50}, "ballast": "x".repeat(LARGE)});
        let mut sent = Sent::new(&self.task, &mark, true, event);
        let outcome = self.client.send(hub.address, std::slice::from_mut(&mut sent)).await;
        self.history.unavailable += usize::from(outcome == Err(Trouble::Unavailable));
        self.history.events.insert(mark, sent);
        outcome
    }

    /// How many were taken before.
    async fn until_full(&mut self, hub: &Process) -> usize {
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..MOST {
            match self.send(hub).await {
                Ok(()) => (taken, refused) = (taken + 1, 0),
                Err(Trouble::Unavailable) => refused += 1,
                Err(Trouble::Lost) => panic!("no answer, after {taken} that were taken: {}", hub.log()),
            }
            if refused == REFUSED {
                return taken;
            }
        }
        panic!("the disk does not get full: {taken} were taken")
    }

    async fn goes_on(&mut self, hub: &Process) {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        let recovered = timeout(RECOVERY, async {
            while self.send(hub).await.is_err() {
                ticks.tick().await;
            }
        });
        recovered.await.unwrap_or_else(|_| panic!("the hub does not go on when there is room: {}", hub.log()));
        for _ in 0..MORE {
            assert_eq!(self.send(hub).await, Ok(()), "there is room");
        }
    }
}
