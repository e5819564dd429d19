//! SIGTERM under load: what was begun is ended, and nothing is answered with "something went wrong".

use rstest::rstest;
use serde_json::json;
use tokio::net::TcpStream;

use super::audit::audit_softly_ended;
use super::chance::Chance;
use super::client::Client;
use super::history::{Acknowledgement, Answer, Creation, Sent};
use super::load::Load;
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;
use crate::harness::wire::{Wire, head};

const HALF_READ: usize = 8;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_before_sigterm_is_answered(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(kind).await;
    let mut hub = Process::start(&database.url).await;
    let (task, creation) = own_task(&hub).await;
    let load = Load::start(&mut chance, hub.address);
    load.until(100).await;

    let mut begun = Vec::new();
    for number in 0..HALF_READ {
        begun.push(Begun::new(&hub, &task, number).await);
    }
    hub.terminate();
    no_longer_listens(&hub).await;
    let mut ended = Vec::new();
    for half_read in begun {
        ended.push(half_read.end().await);
    }
    let status = hub.ended().await;
    assert!(status.success(), "a soft stop is no failure: {status}: {}", hub.log());
    let mut history = load.finish().await;
    assert_eq!(hub.log(), "", "a stop is nothing to complain about");
    assert_eq!(history.unavailable, 0, "requests that were read were not turned away: {}", history.figures());

    history.creations.insert("own".to_owned(), creation);
    history.events.extend(ended);
    let hub = Process::start(&database.url).await;
    println!("{kind:?}, stopped by SIGTERM with {HALF_READ} requests half read:");
    audit_softly_ended(history, &database.url, hub.address).await;
}

async fn own_task(hub: &Process) -> (String, Creation) {
    let mut creation = Creation::new("own", false);
    let task = Client::new().create(hub.address, &mut creation).await.expect("the hub runs");
    (task, creation)
}

/// Its head was read: the hub has said that it wants the body.
struct Begun {
    wire: Wire,
    mark: String,
    sent: Sent,
}

impl Begun {
    async fn new(hub: &Process, task: &str, number: usize) -> Self {
        let mark = format!("half-read-{number}");
        let sent = Sent::new(task, &mark, true, json!({"event": "progress", "progress": {"percentage": number}}));
        let mut wire = Wire::open(hub.address).await;
        wire.send(&head(task, sent.body.as_bytes(), "Expect: 100-continue\r\n")).await;
        let interim = wire.until(b"\r\n\r\n").await;
        assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
        Self { wire, mark, sent }
    }

    async fn end(mut self) -> (String, Sent) {
        self.wire.send(self.sent.body.as_bytes()).await;
        let (status, body) = self.wire.answer().await;
        assert_eq!(status, 200, "{body}");
        let told = Acknowledgement::read(&serde_json::from_str(&body).expect("JSON"));
        assert_eq!(told.outcome, "applied");
        self.sent.answers.push(Answer::Acknowledged(told));
        (self.mark, self.sent)
    }
}

/// The signal has arrived once nobody takes connections any more.
async fn no_longer_listens(hub: &Process) {
    while TcpStream::connect(hub.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
