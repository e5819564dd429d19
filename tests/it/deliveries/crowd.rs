//! Who sends, who writes down and who changes webhooks, all at once.

use futures_util::future::{join, join_all};
use rstest::rstest;
use serde_json::{Value, json};

use super::{SETTINGS, complete, only, progress, publish, secs, start, webhook};
use crate::harness::{App, Kind, Subscriber};

/// Where one writes at a time, nobody comes between a claim and what is made of it.
#[rstest]
#[tokio::test]
async fn who_was_kept_waiting_sends_nothing_under_a_lease_that_ends(#[values(Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    webhook(&app, subscriber.url("/"), json!({"template": {"what": "{{event}}"}})).await;
    publish(&app, "a").await;
    let hold = app.database.hold_table("hub_payloads").await;
    let delay = async {
        app.until(async || app.database.count("hub_deliveries WHERE lease IS NOT NULL").await == 1).await;
        app.clock.advance(secs(3600));
        hold.release().await;
    };
    let (step, ()) = join(app.loops.sender.step(), delay).await;
    assert_eq!(step.expect("a step").handled, 1);
    assert!(subscriber.told("/").is_empty(), "somebody else might be sending it");
    app.work_off().await;
    assert_eq!(subscriber.told("/").len(), 1);
    let delivered = only(&app).await;
    assert_eq!((&delivered["status"], &delivered["attempts"]), (&json!("delivered"), &json!(1)));
    app.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_in_anybodys_way(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let one = App::start(kind, &SETTINGS).await;
    let two = App::on(&one.database, &SETTINGS).await;
    let subscriber = Subscriber::start().await;
    let mut webhooks = Vec::new();
    for number in 0..4 {
        webhooks.push(webhook(&one, subscriber.url(&format!("/{number}")), json!({})).await);
    }
    let tasks: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
    for id in &tasks {
        one.created(&json!({"id": id})).await;
    }
    let tell = join_all(tasks.iter().enumerate().map(async |(number, id)| {
        let app = if number % 2 == 0 { &one } else { &two };
        for percentage in [10, 20, 30, 40] {
            progress(app, id, percentage).await;
        }
        complete(app, id).await;
    }));
    let change = join_all(webhooks.iter().enumerate().map(async |(number, id)| {
        let app = if number % 2 == 0 { &two } else { &one };
        let mut changes = vec!["paused", "active", "disabled", "active", "paused", "active"];
        changes.push(if number == 0 { "disabled" } else { "active" });
        for status in changes {
            app.patch(&format!("/api/webhooks/{id}"), &json!({"status": status})).await.good(200);
        }
    }));
    let send = join_all([&one, &two].map(async |app: &App| {
        for _ in 0..12 {
            app.work_off().await;
        }
    }));
    join(join(tell, change), send).await;
    for app in [&one, &two] {
        app.later(secs(61)).await;
    }
    for app in [&two, &one] {
        app.later(secs(61)).await;
    }
    assert_eq!(one.database.count("hub_deliveries WHERE status = 'pending' OR lease IS NOT NULL").await, 0);
    let stats: Value = one.get("/api/stats").await.good(200);
    assert_eq!(stats["deliveries"]["pending"], 0);
    two.stop().await;
    one.stop().await;
}
