//! How the databases find deliveries: by the indexes that were made for the question, however many there are.

use callback_hub::domain::time::Timestamp;
use callback_hub::store::Store;
use rstest::rstest;

use crate::harness::{Database, Kind};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Which indexes each statement goes by; the first one must be among them.
const EXPECTED: [(&str, &[&str]); 12] = [
    ("due lanes", &["hub_deliveries_due"]),
    ("a task's deliveries", &["hub_deliveries_task"]),
    ("dead deliveries", &["hub_deliveries_dead"]),
    ("pending deliveries", &["hub_deliveries_pending"]),
    ("the oldest pending delivery", &["hub_deliveries_pending"]),
    ("pending deliveries by lane", &["hub_deliveries_due"]),
    ("dead deliveries by lane", &["hub_deliveries_dead_lane"]),
    ("figures", &["hub_delivery_figures_hour"]),
    ("any settled delivery", &["hub_deliveries_settled"]),
    ("due deliveries", &["hub_deliveries_due"]),
    ("deliveries in line", &["hub_deliveries_waiting", "PRIMARY KEY", "hub_deliveries_pkey", "hub_events"]),
    ("settled deliveries", &["hub_deliveries_settled"]),
];

#[rstest]
#[tokio::test]
async fn deliveries_are_found_without_reading_others(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    fill(&database).await;
    let store = Store::connect(&database.url, 4).await.expect("a database");
    let plans = store.explain_deliveries("busy", NOW).await.expect("plans");
    let mut faults = Vec::new();
    for (statement, indexes) in EXPECTED {
        let mut of_it = plans.iter().filter(|plan| plan.statement == statement).peekable();
        assert!(of_it.peek().is_some(), "{statement}");
        for plan in of_it {
            let strange = |step: &&String| reads(kind, step) && !indexes.iter().any(|index| step.contains(index));
            let found = plan.steps.iter().any(|step| step.contains(indexes[0]));
            if !found || plan.steps.iter().any(|step| strange(&step)) {
                faults.push(format!("{statement}: {:#?}", plan.steps));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    store.close().await;
}

/// Whether a step reads rows of a table.
fn reads(kind: Kind, step: &str) -> bool {
    match kind {
        Kind::Sqlite => ["SCAN hub_", "SEARCH hub_", "SCAN d", "SEARCH d", "SCAN o", "SEARCH o", "SCAN e"]
            .iter()
            .any(|begin| step.starts_with(begin)),
        // what a bitmap collects was found by an index before
        Kind::Postgres => step.contains("Scan") && step.contains(" on hub_") && !step.contains("Bitmap Heap Scan"),
    }
}

/// Nearly all are delivered; a hundred wait, a hundred are dead.
async fn fill(database: &Database) {
    const NUMBERS: &str = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)";
    let id = match database.kind {
        Kind::Sqlite => "randomblob(16)",
        Kind::Postgres => "gen_random_uuid()",
    };
    let now = NOW.micros();
    let statements = [
        format!(
            "{NUMBERS} INSERT INTO hub_deliveries (id, event, topic, task_id, sequence, webhook, lane, status, attempts, due_at,
             outdated, created_at, settled_at, log)
             SELECT {id}, {id}, 'task.completed', 'task-' || (n % 1000), n, {id}, CASE WHEN n % 2 = 0 THEN 'busy' ELSE 'idle' END,
             CASE WHEN n % 100 = 0 THEN 'pending' WHEN n % 100 = 1 THEN 'dead' ELSE 'delivered' END, 0,
             CASE WHEN n % 100 = 0 THEN {now} + n * 1000 END, false, {now}, CASE WHEN n % 100 <> 0 THEN {now} + n END, '[]'
             FROM numbers"
        ),
        format!(
            "{NUMBERS} INSERT INTO hub_delivery_figures (lane, hour, figure, amount)
             SELECT 'lane-' || (n % 5), {} - n / 5, 'attempts', 1 FROM numbers",
            NOW.secs() / 3600
        ),
        "ANALYZE".to_owned(),
    ];
    for statement in statements {
        database.execute(&statement).await;
    }
}
