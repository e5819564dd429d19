//! A batch is bounded by what it brings to webhooks, too, which nobody knows before it is planned.

use bytes::Bytes;
use callback_hub::domain::event::Outcome;
use callback_hub::domain::plan::{Answer, NewTask};
use callback_hub::domain::task::{Documents, Submitter};
use callback_hub::domain::webhook::Webhook;
use callback_hub::journal::Limits;
use callback_hub::store::{Entry, Papers, Registration};
use rstest::rstest;
use uuid::Uuid;

use super::desk::{Desk, NOW, callback, create_as, outcomes, progress, recorded};
use crate::harness::database::Kind;
use crate::harness::webhooks::webhook;
use crate::samples::new_task;

/// With a task `t` to whose letters its client has added so many bytes.
async fn desk(kind: Kind, webhooks: usize, bytes: usize) -> Desk {
    let mut desk = Desk::open(kind, Limits::default()).await;
    let registration = |_| Registration { webhook: webhook("https://subscriber.example/".to_owned()), credentials: None };
    let registrations: Vec<_> = (0..webhooks).map(registration).collect();
    desk.store.register(&registrations, NOW).await.expect("they can be registered");
    let documents = Documents { metadata: Some(Uuid::now_v7()), ..Documents::default() };
    let metadata = Some(Bytes::from(format!("\"{}\"", "x".repeat(bytes))));
    let papers = Papers::Documents { input: None, params: None, metadata, webhook: None };
    let task = create_as("t", NewTask { documents, ..new_task(Submitter::OwnCode) }, papers);
    assert_eq!(desk.record(vec![task]).await, [Ok(Answer::Created)]);
    desk
}

fn steps_of(count: usize) -> Vec<Entry> {
    let percent = |number: usize| f64::from(u32::try_from(number).expect("few"));
    (0..count).map(|number| callback("t", progress(percent(number), "on"), &number.to_string())).collect()
}

#[rstest]
#[case::of_letters(1, 1 << 20, 48, 2)]
#[case::of_deliveries(100, 10, 50, 2)]
#[case::of_one_entry(1, 33 << 20, 1, 1)]
#[case::of_large_ones(1, 33 << 20, 3, 3)]
#[case::of_little(100, 1000, 40, 1)]
#[tokio::test]
async fn what_brings_too_much_is_written_in_parts(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] webhooks: usize,
    #[case] bytes: usize,
    #[case] count: usize,
    #[case] commits: u64,
) {
    let mut desk = desk(kind, webhooks, bytes).await;
    let answers = desk.record(steps_of(count)).await;
    assert_eq!(outcomes(&answers), vec![Outcome::Applied; count]);
    let sequences: Vec<u64> = answers.iter().map(|answer| recorded(answer).sequence).collect();
    assert_eq!(sequences, (1..=count as u64).collect::<Vec<_>>(), "in the order in which they came");
    assert_eq!(desk.commits(), commits);
    let deliveries = desk.database.count("hub_deliveries WHERE topic = 'task.progress'").await;
    assert_eq!(deliveries, i64::try_from(webhooks * count).expect("few"), "each is told, once");
    let waiting = desk.database.count("hub_deliveries WHERE due_at IS NOT NULL").await;
    assert_eq!(waiting, i64::try_from(webhooks).expect("few"), "the last progress is the one that counts");
}

/// Each event is little, and looking through it takes its time.
#[rstest]
#[tokio::test]
async fn what_filters_take_counts_as_well(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = desk(kind, 1, 1 << 20).await;
    let filter = format!("{} == 1", vec!["event not in data.metadata"; 60].join(" and "));
    let registration = |_| {
        let webhook = Webhook { filter: Some(filter.clone()), ..webhook("https://subscriber.example/".to_owned()) };
        Registration { webhook, credentials: None }
    };
    desk.store.register(&[0, 1].map(registration), NOW).await.expect("they can be registered");
    let answers = desk.record(steps_of(30)).await;
    assert_eq!(outcomes(&answers), [Outcome::Applied; 30]);
    assert_eq!(desk.commits(), 2);
}
