//! `kill -9` between receiving and delivering: what happened is told to every webhook that wants it, exactly one delivery
//! each, at least once, with the same body, in order; by one process, and by two that share a database.

use std::collections::{BTreeMap, HashMap};

use callback_hub::domain::webhook::Webhook;
use callback_hub::store::{Registration, Store};
use rstest::rstest;
use sea_orm::{ConnectionTrait, Database as Connections, Statement};
use uuid::Uuid;

use super::chance::Chance;
use super::load::Load;
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;
use crate::harness::subscriber::{Say, Subscriber, Told};
use crate::harness::webhooks::webhook;

pub(super) const SETTINGS: [(&str, &str); 3] =
    [("DELIVERY_ALLOWED_NETWORKS", "private"), ("DELIVERY_TIMEOUT", "2"), ("DELIVERY_RETRY_DELAYS", "1,1,1,1,1,1,1,1,1,1,1,1")];

/// What webhooks of this test want, by the beginning of their paths.
const WANTED: [(&str, &str); 3] = [("/all", "*"), ("/ends", "task.completed"), ("/moves", "task.progress")];

#[rstest]
#[case::of_one_process(Kind::Sqlite, 1)]
#[case::of_one_process(Kind::Postgres, 1)]
#[case::of_two_processes(Kind::Postgres, 2)]
#[tokio::test(flavor = "multi_thread")]
async fn no_news_is_lost_or_doubled_by_kill_9(#[case] kind: Kind, #[case] processes: usize) {
    let rounds: usize = std::env::var("KILL_ROUNDS").map_or(3, |rounds| rounds.parse().expect("KILL_ROUNDS is a number"));
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(kind).await;
    let subscriber = Subscriber::start().await;
    register(&database, &subscriber).await;
    // some of the answers are bad ones, and some never come
    subscriber.say("/all", (0..40).map(|nth| if nth % 4 == 0 { Say::Status(503) } else { Say::Status(200) }));
    subscriber.say("/ends", [Say::Status(500), Say::HangUp, Say::Status(429)]);

    let mut hubs = Vec::new();
    for _ in 0..processes {
        hubs.push(Process::with(&database.url, &SETTINGS, &[]).await);
    }
    let load = Load::start(&mut chance, hubs[0].address);
    for round in 0..rounds {
        let acknowledged = 100 + chance.below(200);
        load.moment(&mut chance, acknowledged).await;
        hubs.remove(round % hubs.len()).kill().await;
        hubs.push(Process::with(&database.url, &SETTINGS, &[]).await);
        load.moved(hubs[0].address);
    }
    load.until(50).await;
    drop(load.finish().await);

    let books = drained(&database.url).await;
    println!("{kind:?}, {processes} processes, {rounds} kills: {}", books.figures(&subscriber));
    books.one_delivery_for_each_who_wants_it();
    books.are_what_the_subscriber_saw(&subscriber);
    for hub in hubs {
        hub.kill().await;
    }
}

pub(super) async fn register(database: &Database, subscriber: &Subscriber) {
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    let store = Store::connect(&database.url, 2).await.expect("the database");
    for (path, events) in WANTED {
        let wanted = Webhook { name: path.to_owned(), events: vec![events.to_owned()], ..webhook(subscriber.url(path)) };
        let registration = Registration { webhook: wanted, credentials: None };
        store.register(&[registration], callback_hub::domain::time::Timestamp::EPOCH).await.expect("it is registered");
    }
    store.close().await;
}

struct Row {
    id: Uuid,
    event: Uuid,
    topic: String,
    task: String,
    sequence: i64,
    webhook: String,
    status: String,
}

/// What the hub has written down, once nothing is pending any more.
pub(super) struct Books {
    deliveries: Vec<Row>,
    /// Names of the news of each task, as its receipts tell them.
    news: BTreeMap<String, Vec<String>>,
}

pub(super) async fn drained(url: &str) -> Books {
    let connection = Connections::connect(url).await.expect("the database");
    let backend = connection.get_database_backend();
    let ask = async |query: &str| connection.query_all_raw(Statement::from_string(backend, query)).await.expect("an answer");
    let waiting = async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
        while !ask("SELECT id FROM hub_deliveries WHERE status = 'pending' LIMIT 1").await.is_empty() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(150), waiting).await.expect("everything is delivered in the end");
    let deliveries = ask("SELECT d.id, d.event, d.topic, d.task_id, d.sequence, d.status, w.name FROM hub_deliveries AS d
        JOIN hub_webhooks AS w ON w.id = d.webhook ORDER BY d.task_id, d.sequence")
    .await;
    let deliveries = deliveries.iter().map(|row| Row {
        id: row.try_get("", "id").expect("an id"),
        event: row.try_get("", "event").expect("an event"),
        topic: row.try_get("", "topic").expect("a topic"),
        task: row.try_get("", "task_id").expect("a task"),
        sequence: row.try_get("", "sequence").expect("a sequence"),
        webhook: row.try_get("", "name").expect("a name"),
        status: row.try_get("", "status").expect("a status"),
    });
    let deliveries = deliveries.collect();
    let mut news: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in ask("SELECT task_id, event FROM hub_receipts WHERE outcome = 'applied' ORDER BY task_id, sequence").await {
        let (task, event): (String, String) =
            (row.try_get("", "task_id").expect("a task"), row.try_get("", "event").expect("one"));
        news.entry(task).or_default().push(format!("task.{event}"));
    }
    connection.close().await.expect("it closes");
    Books { deliveries, news }
}

impl Books {
    pub(super) fn figures(&self, subscriber: &Subscriber) -> String {
        let of = |status: &str| self.deliveries.iter().filter(|row| row.status == status).count();
        let (delivered, superseded, dead) = (of("delivered"), of("superseded"), of("dead"));
        format!("{delivered} delivered, {superseded} superseded, {dead} dead, {} requests", subscriber.told("/").len())
    }

    pub(super) fn one_delivery_for_each_who_wants_it(&self) {
        let mut expected: Vec<(&str, i64, &str, &str)> = Vec::new();
        for (task, news) in &self.news {
            for (sequence, topic) in (1..).zip(news) {
                let who = WANTED.iter().filter(|(_, glob)| *glob == "*" || *glob == topic);
                expected.extend(who.map(|(webhook, _)| (task.as_str(), sequence, topic.as_str(), *webhook)));
            }
        }
        let mut found: Vec<_> = self
            .deliveries
            .iter()
            .map(|row| (row.task.as_str(), row.sequence, row.topic.as_str(), row.webhook.as_str()))
            .collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert!(found.len() > 100, "there was something to tell: {}", found.len());
        assert_eq!(found, expected, "one delivery for each event and webhook that wants it");
        let mut events: HashMap<(&str, i64), Uuid> = HashMap::new();
        for row in &self.deliveries {
            assert_eq!(*events.entry((&row.task, row.sequence)).or_insert(row.event), row.event, "one event, one row");
            let over = row.status == "delivered" || (row.status == "superseded" && row.topic == "task.progress");
            assert!(over, "{} of {} is {}", row.topic, row.task, row.status);
        }
    }

    pub(super) fn are_what_the_subscriber_saw(&self, subscriber: &Subscriber) {
        let rows: HashMap<String, &Row> = self.deliveries.iter().map(|row| (row.id.to_string(), row)).collect();
        let mut seen: HashMap<String, Told> = HashMap::new();
        let mut last: HashMap<(&str, &str), i64> = HashMap::new();
        for told in subscriber.told("/") {
            let id = told.header("webhook-id").to_owned();
            let row = rows.get(&id).unwrap_or_else(|| panic!("{id} is no delivery"));
            assert!(told.target.starts_with(&row.webhook), "{id} came to its webhook");
            if let Some(before) = seen.get(&id) {
                assert_eq!(before.body, told.body, "{id} has one body");
                continue;
            }
            let letter = told.json();
            assert_eq!((&letter["event"], &letter["data"]["task_id"]), (&row.topic.as_str().into(), &row.task.as_str().into()));
            let newest = last.insert((&row.task, &row.webhook), row.sequence);
            assert!(newest.is_none_or(|newest| newest < row.sequence), "{}: {} came after a later one", row.task, row.topic);
            seen.insert(id, told);
        }
        let unheard: Vec<_> =
            self.deliveries.iter().filter(|row| row.status == "delivered" && !seen.contains_key(&row.id.to_string())).collect();
        assert!(unheard.is_empty(), "{} are delivered, and nobody has seen them", unheard.len());
    }
}
