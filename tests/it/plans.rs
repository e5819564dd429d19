//! How the databases find what is due: by the indexes that hold nothing else, however many tasks there are.

mod found;

use std::collections::BTreeSet;

use callback_hub::domain::time::Timestamp;
use callback_hub::store::{Plan, Store};
use rstest::rstest;

use crate::harness::{Database, Kind};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Open tasks of each kind, in a database that knows how many there are. None: plans that are made for empty tables are kept
/// while the tables grow.
const MANY: u32 = 5000;

/// Which index each statement goes by.
const EXPECTED: [(&str, &str); 10] = [
    ("due generators", "hub_tasks_due"),
    ("pending generators", "hub_tasks_pending"),
    ("running attempts", "hub_attempts_running"),
    ("due tasks", "hub_tasks_due"),
    ("due priorities", "hub_tasks_pending"),
    ("due priorities by readiness", "hub_tasks_pending"),
    ("pending tasks", "hub_tasks_pending"),
    ("orphaned tasks", THE_KEY),
    ("changed tasks", THE_KEY),
    // one of them says what is due, the other who is before it
    ("due parked callbacks", "hub_parked_"),
];
const THE_KEY: &str = "hub_tasks_pkey";

#[rstest]
#[tokio::test]
async fn what_is_due_is_found_without_reading_what_is_not(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(0, MANY)] tasks: u32,
) {
    let database = Database::fresh(kind).await;
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    let store = Store::connect(&database.url, 4).await.expect("a database");
    fill(&database, tasks).await;
    let plans = explain(&store).await;
    let explained: BTreeSet<&str> = plans.iter().map(|plan| plan.statement).collect();
    assert_eq!(explained, EXPECTED.map(|(statement, _)| statement).into());
    for plan in &plans {
        let (_, index) = EXPECTED.iter().find(|(statement, _)| *statement == plan.statement).expect("known");
        let faults = faults(kind, plan, index);
        assert!(faults.is_empty(), "{} by {index}: {faults:?} in {:#?}", plan.statement, plan.steps);
    }
    store.close().await;
}

#[rstest]
#[tokio::test]
async fn an_index_that_is_gone_is_missed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values("hub_tasks_due", "hub_tasks_pending", "hub_attempts_running", "hub_parked_due")] index: &str,
) {
    let database = Database::fresh(kind).await;
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    fill(&database, MANY).await;
    database.execute(&format!("DROP INDEX {index}")).await;
    let store = Store::connect(&database.url, 4).await.expect("a database");
    let plans = explain(&store).await;
    for (statement, expected) in EXPECTED.iter().filter(|(_, expected)| index.starts_with(expected)) {
        let mut of_it = plans.iter().filter(|plan| plan.statement == *statement);
        assert!(of_it.all(|plan| !faults(kind, plan, expected).is_empty()), "{statement} without {index}");
    }
    store.close().await;
}

async fn explain(store: &Store) -> Vec<Plan> {
    store.explain_claims("busy", NOW).await.expect("plans")
}

/// Steps that read something else than this index, or more of it than is due, or that sort what they read.
fn faults<'a>(kind: Kind, plan: &'a Plan, index: &str) -> Vec<&'a String> {
    let by_key = index == THE_KEY;
    // names and priorities are few, and so are orphans; what is due may be many
    let many = ["due tasks", "pending tasks"].contains(&plan.statement);
    let sorts = |step: &str| many && (step.contains("Sort") || step.contains("TEMP B-TREE"));
    let steps = plan.steps.iter();
    let faults: Vec<_> = match kind {
        Kind::Sqlite => {
            let by = if by_key { "USING PRIMARY KEY (id=?)".to_owned() } else { format!("INDEX {index}") };
            let reads = |step: &str| {
                step.starts_with("SCAN hub_")
                    || ["SCAN t", "SCAN p ", "SCAN q ", "SEARCH"].iter().any(|begin| step.starts_with(begin))
            };
            // the first name of all, where nothing sorts: the beginning of the index
            let first = format!("SCAN hub_tasks USING COVERING INDEX {index}");
            let in_time = |step: &str| step.contains("due_at<?") || step.contains("not_before<?");
            let fits = move |step: &str| {
                let searches = step.starts_with("SEARCH") && step.contains(&by);
                if many { searches && in_time(step) } else { searches || step == first }
            };
            let strange = |step: &str| step == "SCAN p" || step.starts_with("SEARCH p") && !step.contains("(due_at<?)");
            steps.filter(|step| reads(step) && !fits(step) || strange(step) || sorts(step)).collect()
        }
        Kind::Postgres => {
            let by = format!("using {index}");
            // by key, it may collect the places first: there are no more than keys
            let collects = |step: &str| by_key && (step.contains("Bitmap Heap Scan") || step.contains(&format!("on {index}")));
            let reads = |step: &str| step.contains("Scan") && step.contains(" on hub_");
            // of an index that is read as a whole
            let sums_up = |step: &str| step.ends_with("->  Aggregate");
            let in_time = |step: &str| step.contains("due_at <=") || step.contains("not_before <=");
            let too_much = |step: &str| many && step.contains("Index Cond") && !in_time(step);
            let strange = |step: &str| reads(step) && !step.contains(&by) && !collects(step);
            let misplaced = |step: &str| step.contains(" on hub_parked p") && !step.contains("using hub_parked_due");
            let is_fault = |step: &str| strange(step) || sums_up(step) || too_much(step) || misplaced(step);
            steps.filter(|step| is_fault(step) || sorts(step)).collect()
        }
    };
    faults
}

/// As many that run as that are pending, hardly any of them due.
async fn fill(database: &Database, tasks: u32) {
    if tasks == 0 {
        return;
    }
    let bytes = if database.kind == Kind::Sqlite { "x'00'" } else { "'\\x00'::bytea" };
    let (now, later) = (NOW.micros(), NOW.micros() + 1_000_000_000);
    let numbers = format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {tasks})");
    let when = format!("CASE WHEN n % 1000 = 0 THEN {now} ELSE {later} + n END");
    for (status, due_at, not_before) in [("processing", when.as_str(), "NULL"), ("pending", "NULL", when.as_str())] {
        database
            .execute(&format!(
                "{numbers} INSERT INTO hub_tasks (id, generator, status, attempt, hub_submits, max_retries, timeout_us, priority,
                 not_before, due_at, late, empty_answers, late_hints, submit_unknown, request_digest, receipts, recent, created_at)
                 SELECT '{status}-' || n, 'busy', '{status}', 1, true, 3, 1000000, 1 + n % 10, {not_before}, {due_at}, false, 0, 0,
                 false, {bytes}, 0, {bytes}, {now} FROM numbers"
            ))
            .await;
        database
            .execute(&format!(
                "{numbers} INSERT INTO hub_attempts (task_id, number, generator, sending_at)
                 SELECT '{status}-' || n, 1, 'busy', CASE WHEN n % 100 = 0 THEN {now} END FROM numbers"
            ))
            .await;
    }
    database.execute("ANALYZE").await;
}
