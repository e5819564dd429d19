//! What is in the database, read past the hub.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};
use serde_json::Value;
use uuid::Uuid;

pub(super) struct Books {
    pub tasks: BTreeMap<String, TaskRow>,
    /// By task, in the order of their sequence.
    pub receipts: BTreeMap<String, Vec<ReceiptRow>>,
    pub payloads: BTreeMap<Uuid, Vec<u8>>,
    /// Numbers of attempts by task.
    pub attempts: BTreeMap<String, Vec<i32>>,
    /// How many fingerprints have left their task's row.
    pub spilled: BTreeMap<String, usize>,
    /// Tasks by idempotency key.
    pub keys: BTreeMap<String, String>,
}

pub(super) struct TaskRow {
    pub status: String,
    pub attempt: i32,
    pub percent: Option<f64>,
    pub receipts: i64,
    pub last_receipt: Option<Uuid>,
    pub input: Option<Uuid>,
    pub metadata: Option<Uuid>,
    /// The payload, and where in it the result lies.
    pub result: Option<(Uuid, usize, usize)>,
}

pub(super) struct ReceiptRow {
    pub id: Uuid,
    pub sequence: i64,
    pub previous: Option<Uuid>,
    pub event: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub payload: Option<Uuid>,
}

impl Books {
    pub(super) async fn read(url: &str) -> Self {
        let connection = Database::connect(url).await.expect("the test's database");
        let mut receipts: BTreeMap<String, Vec<ReceiptRow>> = BTreeMap::new();
        for row in rows(&connection, "SELECT * FROM hub_receipts ORDER BY task_id, sequence, id").await {
            receipts.entry(get(&row, "task_id")).or_default().push(ReceiptRow::of(&row));
        }
        let mut attempts: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for row in rows(&connection, "SELECT * FROM hub_attempts ORDER BY task_id, number").await {
            attempts.entry(get(&row, "task_id")).or_default().push(get(&row, "number"));
        }
        let mut spilled: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows(&connection, "SELECT * FROM hub_fingerprints").await {
            *spilled.entry(get(&row, "task_id")).or_default() += 1;
        }
        let tasks = rows(&connection, "SELECT * FROM hub_tasks").await;
        let payloads = rows(&connection, "SELECT * FROM hub_payloads").await;
        let keys = rows(&connection, "SELECT * FROM hub_idempotency").await;
        let books = Self {
            tasks: tasks.iter().map(|row| (get(row, "id"), TaskRow::of(row))).collect(),
            receipts,
            payloads: payloads.iter().map(|row| (get(row, "id"), get(row, "bytes"))).collect(),
            attempts,
            spilled,
            keys: keys.iter().map(|row| (get(row, "idempotency_key"), get(row, "task_id"))).collect(),
        };
        check_integrity(&connection).await;
        connection.close().await.expect("a connection closes");
        books
    }

    pub(super) fn json(&self, payload: Uuid) -> Value {
        let bytes = self.payloads.get(&payload).unwrap_or_else(|| panic!("payload {payload} is not there"));
        serde_json::from_slice(bytes).expect("bodies are JSON")
    }
}

impl TaskRow {
    fn of(row: &QueryResult) -> Self {
        let place = |column: &str| get::<Option<i64>>(row, column).map(|at| usize::try_from(at).expect("a place"));
        let span = place("result_start").zip(place("result_end"));
        Self {
            status: get(row, "status"),
            attempt: get(row, "attempt"),
            percent: get(row, "percent"),
            receipts: get(row, "receipts"),
            last_receipt: get(row, "last_receipt"),
            input: get(row, "input"),
            metadata: get(row, "metadata"),
            result: get::<Option<Uuid>>(row, "result_payload").zip(span).map(|(payload, (start, end))| (payload, start, end)),
        }
    }
}

impl ReceiptRow {
    fn of(row: &QueryResult) -> Self {
        Self {
            id: get(row, "id"),
            sequence: get(row, "sequence"),
            previous: get(row, "previous"),
            event: get(row, "event"),
            outcome: get(row, "outcome"),
            reason: get(row, "reason"),
            payload: get(row, "payload"),
        }
    }
}

fn get<T: sea_orm::TryGetable>(row: &QueryResult, column: &str) -> T {
    row.try_get("", column).unwrap_or_else(|error| panic!("column {column}: {error}"))
}

async fn rows(connection: &DatabaseConnection, query: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), query);
    connection.query_all_raw(statement).await.expect(query)
}

/// The database's own opinion of its tables and indexes.
async fn check_integrity(connection: &DatabaseConnection) {
    if connection.get_database_backend() == DbBackend::Sqlite {
        let verdict = rows(connection, "PRAGMA integrity_check").await;
        let verdict: Vec<String> = verdict.iter().map(|row| get(row, "integrity_check")).collect();
        assert_eq!(verdict, ["ok"], "SQLite finds its file damaged");
        return;
    }
    let needed = "amcheck is needed, it comes with PostgreSQL's contrib modules (`tests/run` installs them)";
    connection.execute_unprepared("CREATE EXTENSION IF NOT EXISTS amcheck").await.expect(needed);
    let ours = "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = current_schema()";
    let heaps = format!("SELECT h.msg AS msg {ours}, verify_heapam(c.oid, check_toast => true) AS h WHERE c.relkind = 'r'");
    let damaged: Vec<String> = rows(connection, &heaps).await.iter().map(|row| get(row, "msg")).collect();
    assert_eq!(damaged, [""; 0], "PostgreSQL finds tables damaged");
    // raises an error where an index is damaged or lacks a row
    let indexes = format!(
        "SELECT bt_index_parent_check(c.oid, true) {ours} JOIN pg_am AS a ON a.oid = c.relam AND a.amname = 'btree' WHERE c.relkind = 'i'"
    );
    assert!(rows(connection, &indexes).await.len() > 8, "all indexes were checked");
}
