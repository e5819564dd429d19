//! Subscribers that are away for an hour miss nothing, and hear of each task in order once they are back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tokio::net::TcpSocket;

use super::HERE;
use crate::harness::subscriber::Told;
use crate::harness::webhooks::webhook;
use crate::harness::{App, Kind, Say, Subscriber};

const TASKS: [&str; 3] = ["a", "b", "c"];
const MINUTE: Duration = Duration::from_secs(60);
/// Something happens to each task every three minutes of the hour.
const TURNS: usize = 20;

#[rstest]
#[tokio::test]
async fn who_is_away_for_an_hour_misses_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, here) = (App::start(kind, &HERE).await, Subscriber::start().await);
    // a port that is taken and does not listen: connections are refused, and nobody else gets it
    let door = TcpSocket::new_v4().expect("a socket");
    door.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    here.always("/fails", Say::Status(503));
    here.always("/hangs-up", Say::HangUp);
    app.register(webhook(here.url("/fails"))).await;
    app.register(webhook(here.url("/hangs-up"))).await;
    app.register(webhook(format!("http://{}/closed", door.local_addr().expect("an address")))).await;
    for id in TASKS {
        app.created(&json!({"id": id, "timeout_seconds": 86_400})).await;
    }
    let mut left_alone = 0;
    for turn in 0..TURNS {
        // cancelled and tried once more, in turn: no such event gives way to the next
        let action = if turn % 2 == 0 { "cancel" } else { "retry" };
        for id in TASKS {
            app.post(&format!("/api/tasks/{id}/{action}"), &json!({})).await.good(200);
        }
        app.post("/api/events", &json!({"event": "order.shipped", "data": {"turn": turn}})).await.good(202);
        app.work_off().await;
        for _ in 0..3 {
            app.later(MINUTE).await;
        }
        let stats = app.get("/api/stats").await.good(200);
        left_alone = left_alone.max(stats["deliveries"]["breakers_open"].as_u64().expect("a figure"));
    }
    assert_eq!(left_alone, 3, "each was left alone for a while");
    let all = i64::try_from(3 * TURNS * (TASKS.len() + 1)).expect("not so many");
    assert_eq!(app.database.count("hub_deliveries WHERE status = 'pending'").await, all, "an hour later nothing is given up");

    let missed = here.told("/").len();
    for path in ["/fails", "/hangs-up"] {
        here.always(path, Say::Status(200));
    }
    let back = Subscriber::listening(door.listen(64).expect("it opens"));
    // what was tried last at the end of the hour is tried again an hour and a tenth later
    for _ in 0..70 {
        app.later(MINUTE).await;
    }
    assert_eq!(app.database.count("hub_deliveries WHERE status = 'delivered'").await, all);
    assert_eq!(app.database.count("hub_deliveries").await, all);
    let told = here.told("/").split_off(missed);
    for path in ["/fails", "/hangs-up"] {
        assert_complete(&told.iter().filter(|told| told.target == path).cloned().collect::<Vec<_>>());
    }
    assert_complete(&back.told("/closed"));
    app.stop().await;
}

/// Everything is told once, and of each task in the order in which it happened.
fn assert_complete(told: &[Told]) {
    let mut of_tasks: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    let mut turns = Vec::new();
    for letter in told.iter().map(Told::json) {
        let event = letter["event"].as_str().expect("an event").to_owned();
        match letter["data"]["task_id"].as_str() {
            Some(task) => {
                let sequence = letter["metadata"]["sequence"].as_u64().expect("a number");
                of_tasks.entry(task.to_owned()).or_default().push((sequence, event));
            }
            None => turns.push(letter["data"]["turn"].as_u64().expect("a turn")),
        }
    }
    turns.sort_unstable();
    assert_eq!(turns, (0..TURNS as u64).collect::<Vec<_>>(), "events without a task are in no order");
    assert_eq!(of_tasks.keys().collect::<Vec<_>>(), TASKS.iter().collect::<Vec<_>>());
    for (task, events) in of_tasks {
        let first = events[0].0;
        let name = |turn| if turn % 2 == 0 { "task.cancelled" } else { "task.submitted" };
        let expected: Vec<_> = (0..TURNS as u64).map(|turn| (first + turn, name(turn).to_owned())).collect();
        assert_eq!(events, expected, "{task}");
    }
}
