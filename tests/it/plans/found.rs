//! How the databases find what is listed, and deliveries: by the indexes that were made for the question, however many rows
//! there are.

use std::collections::BTreeSet;

use callback_hub::domain::time::Timestamp;
use callback_hub::store::{Plan, Store};
use rstest::rstest;

use crate::harness::{Database, Kind};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Which indexes each statement goes by; the first one must be among them.
type Expected = (&'static str, &'static [&'static str]);

const LISTS: [Expected; 42] = [
    ("tasks", &["hub_tasks_created"]),
    ("completed tasks", &["hub_tasks_created"]),
    ("failed tasks", &["hub_tasks_unsuccessful"]),
    ("a generator's tasks", &["hub_tasks_generator"]),
    ("a generator's completed tasks", &["hub_tasks_generator"]),
    ("a generator's failed tasks", &["hub_tasks_unsuccessful"]),
    ("many overdue tasks", &["hub_tasks_created", KEY, "hub_attempts_pkey"]),
    ("many tasks settled since", &["hub_tasks_created"]),
    ("a window of tasks", &["hub_tasks_created"]),
    ("a window of failed tasks", &["hub_tasks_unsuccessful"]),
    ("a window of a generator's tasks", &["hub_tasks_generator"]),
    ("an external id's task", &["hub_attempts_external"]),
    ("tasks by a prefix", &[KEY, "hub_tasks_pkey"]),
    ("external ids by a prefix", &["hub_attempts_external"]),
    ("due tasks", &["hub_tasks_due"]),
    ("pending tasks", &["hub_tasks_pending"]),
    ("settled tasks", &["hub_tasks_settled"]),
    ("few tasks", &[KEY, "hub_tasks_pkey", "hub_attempts_pkey", "hub_attempts_external"]),
    ("receipts", &[KEY, "hub_receipts_pkey"]),
    ("receipts of an event", &[KEY, "hub_receipts_pkey"]),
    ("a task's deliveries", &["hub_deliveries_task"]),
    ("a webhook's deliveries", &["hub_deliveries_webhook"]),
    ("a webhook's dead deliveries", &["hub_deliveries_dead_webhook"]),
    ("a webhook's pending deliveries", &["hub_deliveries_pending"]),
    ("a webhook's deliveries of an event", &["hub_deliveries_webhook"]),
    ("an event's deliveries", &["hub_deliveries_topic"]),
    ("deliveries of a time", &[KEY, "hub_deliveries_pkey"]),
    ("dead deliveries of a time", &["hub_deliveries_dead"]),
    ("dead deliveries", &["hub_deliveries_dead"]),
    ("pending deliveries", &["hub_deliveries_pending"]),
    ("delivered deliveries", &[KEY, "hub_deliveries_pkey"]),
    ("dead deliveries to be retried", &["hub_deliveries_dead", HEARERS, KEY]),
    ("a webhook's to be retried", &["hub_deliveries_dead_webhook", HEARERS, KEY]),
    ("dead deliveries of a time to be retried", &["hub_deliveries_dead", HEARERS, KEY]),
    ("contents", &[KEY, "hub_contents_pkey"]),
    ("contents of a state", &["hub_contents_review"]),
    ("contents of a stage", &["hub_contents_stage"]),
    ("contents of a state and a stage", &["hub_contents_stage"]),
    ("a task's content", &["hub_contents_task"]),
    ("a generator's contents", &[KEY, "hub_contents_pkey"]),
    ("contents in the pool", &[KEY, "hub_contents_pkey"]),
    ("contents that are not in it", &[KEY, "hub_contents_pkey"]),
];
const DELIVERIES: [Expected; 12] = [
    ("due lanes", &["hub_deliveries_due"]),
    ("the oldest pending delivery", &["hub_deliveries_pending"]),
    ("pending deliveries by lane", &["hub_deliveries_due"]),
    ("dead deliveries by lane", &["hub_deliveries_dead_lane"]),
    ("figures", &["hub_delivery_figures_hour"]),
    ("any settled delivery", &["hub_deliveries_settled"]),
    ("due deliveries", &["hub_deliveries_due"]),
    ("deliveries in line", &["hub_deliveries_waiting", KEY, "hub_deliveries_pkey", "hub_events"]),
    ("settled deliveries", &["hub_deliveries_settled"]),
    ("deliveries that go", &[KEY, "hub_deliveries_pkey"]),
    ("events that are needed", &["hub_deliveries_event", KEY, "hub_events_pkey"]),
    ("old figures", &["hub_delivery_figures_hour", KEY, "hub_delivery_figures_pkey"]),
];
const OTHERS: [Expected; 26] = [
    ("tasks that have ended", &["hub_tasks_settled"]),
    ("tasks that are over", &["hub_tasks_settled", "hub_deliveries_task", "hub_contents_task"]),
    ("receipts of tasks", &[KEY, "hub_receipts_pkey", "hub_payloads_"]),
    ("data of events", &["hub_events_task", "hub_payloads_"]),
    ("receipts of events", &["hub_events_task", "hub_receipts_pkey", KEY]),
    ("events without data", &["hub_events_task"]),
    ("leases that end", &["hub_deliveries_task"]),
    ("letters", &["hub_deliveries_task", "hub_events_task", "hub_contents_task", "hub_payloads_"]),
    ("deliveries of tasks", &["hub_deliveries_task"]),
    ("contents that go", &["hub_contents_task"]),
    ("events without letters", &["hub_events_task"]),
    ("webhooks of tasks", &[KEY, "hub_webhooks_", "hub_tasks_pkey"]),
    ("events of tasks", &["hub_events_task"]),
    ("keys of tasks", &["hub_idempotency_task"]),
    ("cancellations of tasks", &[KEY, "hub_cancellations_pkey"]),
    ("fingerprints of tasks", &[KEY, "hub_fingerprints_pkey"]),
    ("attempts of tasks", &[KEY, "hub_attempts_pkey"]),
    ("tasks that go", &[KEY, "hub_tasks_pkey"]),
    ("any ignored callback", &["hub_ignored_at"]),
    ("events that nobody hears", &["hub_events_unheard", "hub_deliveries_event"]),
    ("receipts of no task", &["hub_receipts_stray", KEY, "hub_parked_pkey"]),
    ("ignored callbacks that go", &["hub_ignored_at", KEY, "hub_ignored_pkey"]),
    ("receipts that go", &[KEY, "hub_receipts_pkey"]),
    ("events that go", &[KEY, "hub_events_pkey"]),
    ("contents to be published", &["hub_contents_pool"]),
    ("contents of tasks", &["hub_contents_task"]),
];
/// SQLite's word for the index of a table's key.
const KEY: &str = "PRIMARY KEY";
const HEARERS: &str = "hub_webhooks";

#[rstest]
#[tokio::test]
async fn deliveries_are_found_without_reading_others(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (_database, store) = filled(kind).await;
    let plans = store.explain_deliveries("busy", NOW).await.expect("plans");
    assert_found(kind, &DELIVERIES, &plans);
    store.close().await;
}

#[rstest]
#[tokio::test]
async fn lists_are_read_in_their_order_from_where_a_page_begins(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (_database, store) = filled(kind).await;
    let plans = store.explain_lists(NOW).await.expect("plans");
    assert_found(kind, &LISTS, &plans);
    let sorts = |plan: &&Plan| {
        plan.statement != "few tasks" && plan.steps.iter().any(|step| step.contains("Sort") || step.contains("TEMP B-TREE"))
    };
    let sorted: Vec<&Plan> = plans.iter().filter(sorts).collect();
    // PostgreSQL knows how few rows these tables have, and may as well sort them
    assert!(kind == Kind::Postgres || sorted.is_empty(), "a page reads no more than it shows: {sorted:#?}");
    store.close().await;
}

#[rstest]
#[tokio::test]
async fn what_is_over_or_to_be_published_is_found_without_reading_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (_database, store) = filled(kind).await;
    let plans = store.explain_strays_and_contents(NOW).await.expect("plans");
    assert_found(kind, &OTHERS, &plans);
    store.close().await;
}

async fn filled(kind: Kind) -> (Database, Store) {
    let database = Database::fresh(kind).await;
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    fill(&database).await;
    let store = Store::connect(&database.url, 4).await.expect("a database");
    (database, store)
}

fn assert_found(kind: Kind, expected: &[Expected], plans: &[Plan]) {
    let explained: BTreeSet<&str> = plans.iter().map(|plan| plan.statement).collect();
    assert_eq!(explained, expected.iter().map(|(statement, _)| *statement).collect());
    let mut faults = Vec::new();
    for plan in plans {
        let (statement, indexes) = expected.iter().find(|(statement, _)| *statement == plan.statement).expect("known");
        let pkey = kind == Kind::Postgres && indexes[0] == KEY;
        let first = if pkey { "_pkey" } else { indexes[0] };
        let strange = |step: &String| reads(kind, step) && !indexes.iter().any(|index| step.contains(index));
        let found = plan.steps.iter().any(|step| step.contains(first));
        if !found || plan.steps.iter().any(strange) {
            faults.push(format!("{statement}: {:#?}", plan.steps));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a step reads rows of a table.
fn reads(kind: Kind, step: &str) -> bool {
    const NAMES: [&str; 8] = ["hub_", "d", "o", "e", "g", "p", "r", "w"];
    match kind {
        Kind::Sqlite => ["SCAN", "SEARCH"].iter().any(|verb| {
            let name = step.strip_prefix(verb).and_then(|rest| rest.split_whitespace().next());
            name.is_some_and(|name| name.starts_with("hub_") || NAMES.contains(&name))
        }),
        // what a bitmap collects was found by an index before
        Kind::Postgres => step.contains("Scan") && step.contains(" on hub_") && !step.contains("Bitmap Heap Scan"),
    }
}

/// Nearly all are delivered; a hundred wait, a hundred are dead. Of the rest, hardly anything is over.
async fn fill(database: &Database) {
    const NUMBERS: &str = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)";
    let (id, bytes) = match database.kind {
        Kind::Sqlite => ("randomblob(16)", "randomblob(16)"),
        Kind::Postgres => ("gen_random_uuid()", "decode(md5(n::text), 'hex')"),
    };
    let now = NOW.micros();
    let (digest, recent) = match database.kind {
        Kind::Sqlite => ("zeroblob(32)", "x'00'"),
        Kind::Postgres => ("decode(repeat('00', 32), 'hex')", "'\\x00'::bytea"),
    };
    let settled = "n % 100 > 1";
    let statements = [
        format!(
            "{NUMBERS} INSERT INTO hub_tasks (id, generator, status, attempt, hub_submits, max_retries, timeout_us, priority, late,
             empty_answers, late_hints, submit_unknown, request_digest, receipts, recent, created_at, due_at, not_before, settled_at,
             settled_by, result_payload, error_code)
             SELECT 'task-' || n, CASE WHEN n % 20 = 0 THEN 'g' ELSE 'h' END,
             CASE n % 100 WHEN 0 THEN 'pending' WHEN 1 THEN 'processing' WHEN 2 THEN 'failed' ELSE 'completed' END, 1,
             false, 3, 1000000, 5, false, 0, 0, false, {digest}, 0, {recent}, {now} + n * 1000, CASE n % 100 WHEN 1 THEN {now} END,
             CASE n % 100 WHEN 0 THEN {now} END, CASE WHEN {settled} THEN {now} END, CASE WHEN {settled} THEN 'callback' END,
             CASE WHEN {settled} AND n % 100 <> 2 THEN {id} END, CASE n % 100 WHEN 2 THEN 'A' END
             FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_attempts (task_id, number, generator, external_id, submitted_at)
             SELECT 'task-' || n, 1, CASE WHEN n % 20 = 0 THEN 'g' ELSE 'h' END, 'job-' || n, {now} FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_deliveries (id, event, topic, task_id, sequence, webhook, lane, status, attempts, due_at,
             outdated, created_at, settled_at, log)
             SELECT {id}, {id}, 'topic-' || (n % 20), 'task-' || (n % 1000), n, {id}, CASE WHEN n % 2 = 0 THEN 'busy' ELSE 'idle' END,
             CASE WHEN n % 100 = 0 THEN 'pending' WHEN n % 100 = 1 THEN 'dead' ELSE 'delivered' END, 0,
             CASE WHEN n % 100 = 0 THEN {now} + n * 1000 END, false, {now}, CASE WHEN n % 100 <> 0 THEN {now} + n END, '[]'
             FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_delivery_figures (lane, hour, figure, amount)
             SELECT 'lane-' || (n % 5), {} - n / 5, 'attempts', 1 FROM numbers",
            NOW.secs() / 3600
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_ignored (generator, awaits, fingerprint, at)
             SELECT 'g', 'task-' || n, {bytes}, {now} + n * 1000 FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_events (id, name, data_start, data_end, at, letter, sequence)
             SELECT {id}, 'a', 0, 0, {now} + n * 1000, CASE WHEN n % 2 = 0 THEN {id} END, 0 FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_receipts (id, task_id, generator, sequence, source, event, outcome, received_at, duration_us,
             headers)
             SELECT {id}, CASE WHEN n % 2 = 0 THEN 'task-' || n END, 'g', n, 'callback', 'a', 'ignored', {now} + n * 1000, 0, '{{}}'
             FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_parked (id, generator, awaits, named, may_adopt, query, signed, arrived_at, due_at, expires_at,
             looks)
             SELECT {id}, 'g', 'job-' || n, true, false, '[]', true, 0, {now}, {now}, 0 FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_contents (id, task_id, generator, document, review, created_at, priority, stage, tries,
             publish_after)
             SELECT {id}, 'task-' || n, 'g', {id}, 'approved', {now}, 1 + n % 10,
             CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'published' END, 0, {now} + n FROM numbers"
        ),
        format!("{NUMBERS} INSERT INTO hub_payloads (id, bytes) SELECT {id}, {bytes} FROM numbers"),
        "ANALYZE".to_owned(),
    ];
    for statement in statements {
        database.execute(&statement).await;
    }
}
