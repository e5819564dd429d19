//! SIGTERM under load: what was begun is ended, and nothing is answered with "something went wrong".

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::audit::audit_softly_ended;
use super::chance::Chance;
use super::client::Client;
use super::history::{Acknowledgement, Answer, Creation, History, Sent};
use super::load::Load;
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;
use crate::harness::wire::{Wire, head};

const HALF_READ: usize = 8;
/// Connections that are kept, and the tasks of each.
const KEPT: usize = 32;
const TASKS: usize = 12;
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Each sender waits with its body until the hub has read the head and says so: from then on an answer is owed to it, and it is
/// known which requests these were.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn on_connections_that_are_kept_whatever_was_let_in_is_answered(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    let mut hub = Process::start(&database.url).await;
    let (client, mut history) = (Client::new(), History::default());
    let mut tasks = Vec::new();
    for number in 0..KEPT * TASKS {
        let mark = format!("kept-{number:03}");
        let mut creation = Creation::new(&mark, false);
        tasks.push(client.create(hub.address, &mut creation).await.expect("the hub runs"));
        history.creations.insert(mark, creation);
    }
    let (answered, mut reached) = watch::channel(0_usize);
    let mut senders = JoinSet::new();
    for tasks in tasks.chunks(TASKS) {
        senders.spawn(send_all(Wire::open(hub.address).await, tasks.to_vec(), answered.clone()));
    }
    // in the middle of it: there are three times as many
    let middle = timeout(PATIENCE, reached.wait_for(|count| *count >= KEPT * TASKS)).await;
    middle.expect("the hub answers in time").expect("the senders go on");
    hub.terminate();
    for sent in senders.join_all().await {
        history.events.extend(sent);
    }
    let status = hub.ended().await;
    assert!(status.success(), "a soft stop is no failure: {status}: {}", hub.log());
    assert_eq!(hub.log(), "", "a stop is nothing to complain about");
    let acknowledged = history.events.values().filter(|sent| sent.is_acknowledged()).count();
    assert!((KEPT * TASKS..3 * KEPT * TASKS).contains(&acknowledged), "it came in the middle: {}", history.figures());

    let hub = Process::start(&database.url).await;
    println!("{kind:?}, stopped by SIGTERM with {KEPT} connections that are kept:");
    audit_softly_ended(history, &database.url, hub.address).await;
}

/// Until the connection is closed between two requests, or in front of a head that nobody has read.
async fn send_all(mut wire: Wire, tasks: Vec<String>, answered: watch::Sender<usize>) -> Vec<(String, Sent)> {
    let mut history = Vec::new();
    for task in tasks {
        let events = [
            json!({"event": "progress", "progress": {"percentage": 10}}),
            json!({"event": "progress", "progress": {"percentage": 90}}),
            json!({"event": "completed", "result": {"of": task}}),
        ];
        for (number, event) in events.into_iter().enumerate() {
            let mark = format!("{task}-{number}");
            let mut sent = Sent::new(&task, &mark, true, event);
            let goes_on = is_let_in(&mut wire, &sent).await;
            if goes_on {
                wire.send(sent.body.as_bytes()).await;
                let (status, body) = wire.answer().await;
                assert_eq!(status, 200, "{body}");
                let told = Acknowledgement::read(&serde_json::from_str(&body).expect("JSON"));
                sent.answers.push(Answer::Acknowledged(told));
                answered.send_modify(|count| *count += 1);
            } else {
                sent.answers.push(Answer::Unknown);
            }
            history.push((mark, sent));
            if !goes_on {
                return history;
            }
        }
    }
    history
}

/// # Panics
/// If anything but "go on" is answered, or only a part of that.
async fn is_let_in(wire: &mut Wire, sent: &Sent) -> bool {
    let head = head(&sent.task, sent.body.as_bytes(), "Expect: 100-continue\r\n");
    if !wire.try_send(&head).await {
        return false;
    }
    let Some(interim) = wire.until_or_closed(b"\r\n\r\n").await else { return false };
    assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
    true
}
