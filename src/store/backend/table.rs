//! Writing many rows at once. A text takes a fixed number of rows, each value a parameter of its own type: rows that travel
//! as JSON are read anew for every column, which took longer than all the rest of a transaction.

use std::fmt::Write;
use std::sync::{LazyLock, OnceLock};

use sea_orm::{
    ActiveModelTrait, DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn, Statement,
    Value,
};

use super::Backend;

/// Rows of one statement, at most.
const MOST: usize = 64;
/// What a value costs on its way besides its own bytes.
const BESIDE: usize = 12;

/// How an entity's rows are written.
pub(in crate::store) struct Table<E: EntityTrait> {
    columns: Vec<E::Column>,
    key: Vec<E::Column>,
    insert: Texts,
    upsert: Texts,
    /// What an upsert overwrites; without any of it, what is there stays.
    mutable: Vec<E::Column>,
    /// From the one that gives the most columns to the one that gives the fewest.
    updates: Vec<Update<E>>,
}

/// What gives its values away without copying them.
pub(in crate::store) trait Row: ModelTrait {
    fn values(self, columns: &[<Self::Entity as EntityTrait>::Column]) -> Vec<Value>;
}

impl<M, A> Row for M
where
    M: ModelTrait + IntoActiveModel<A>,
    M::Entity: EntityTrait<ActiveModel = A>,
    A: ActiveModelTrait<Entity = M::Entity>,
{
    fn values(self, columns: &[<M::Entity as EntityTrait>::Column]) -> Vec<Value> {
        let mut row = self.into_active_model();
        columns.iter().filter_map(|column| row.take(*column).into_value()).collect()
    }
}

/// Some columns of rows that are there.
struct Update<E: EntityTrait> {
    columns: Vec<E::Column>,
    texts: Texts,
}

impl<E: EntityTrait> Update<E> {
    fn of(columns: Vec<E::Column>) -> Self {
        Self { columns, texts: Texts::default() }
    }
}

/// Of either backend and so many rows, made when first needed.
struct Texts {
    sqlite: [OnceLock<String>; MOST],
    postgres: [OnceLock<String>; MOST],
}

impl Default for Texts {
    fn default() -> Self {
        Self { sqlite: [const { OnceLock::new() }; MOST], postgres: [const { OnceLock::new() }; MOST] }
    }
}

impl Texts {
    fn get(&self, backend: DbBackend, rows: usize, make: impl FnOnce(usize) -> String) -> &str {
        let texts = if backend == DbBackend::Sqlite { &self.sqlite } else { &self.postgres };
        texts[rows - 1].get_or_init(|| make(rows))
    }
}

/// The columns of the tables that the journal reads, as its texts name them: tasks, attempts, fingerprints (`f.`),
/// idempotency keys (`i.`), receipts (`r.`), parked callbacks (`p.`), events (`e.`), ignored callbacks (`g.`), webhooks, contents.
pub(super) fn columns() -> [String; 10] {
    use crate::store::entity::{attempt, content, event, fingerprint, idempotency, ignored, parked, receipt, task, webhook};
    [
        list::<task::Entity>(""),
        list::<attempt::Entity>(""),
        list::<fingerprint::Entity>("f."),
        list::<idempotency::Entity>("i."),
        list::<receipt::Entity>("r."),
        list::<parked::Entity>("p."),
        list::<event::Entity>("e."),
        list::<ignored::Entity>("g."),
        list::<webhook::Entity>(""),
        list::<content::Entity>(""),
    ]
}

fn list<E: EntityTrait>(alias: &str) -> String {
    join(E::Column::iter(), ", ", |name| format!("{alias}{name}"))
}

fn join<C: IdenStatic>(columns: impl IntoIterator<Item = C>, between: &str, write: impl Fn(&str) -> String) -> String {
    let pieces: Vec<String> = columns.into_iter().map(|column| write(column.as_str())).collect();
    pieces.join(between)
}

impl<E: EntityTrait> Table<E> {
    /// A table whose rows do not change.
    pub(in crate::store) fn constant() -> Self {
        Self::of(Vec::new())
    }

    /// A table whose rows change in all columns but these, and those of the key.
    pub(in crate::store) fn changing_but(constant: &[E::Column]) -> Self {
        let key: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
        Self::of(without(&without(&E::Column::iter().collect::<Vec<_>>(), &key), constant))
    }

    /// The same, where all of these may be left out of an update. Indexes on columns that are given are written anew, even
    /// where nothing has changed.
    pub(in crate::store) fn or_without(mut self, unchanged: &[E::Column]) -> Self {
        self.updates.push(Update::of(without(&self.mutable, unchanged)));
        self
    }

    /// The same, where it may be these alone that are given.
    pub(in crate::store) fn or_only(mut self, changed: &[E::Column]) -> Self {
        self.updates.push(Update::of(changed.to_vec()));
        self
    }

    fn of(mutable: Vec<E::Column>) -> Self {
        Self {
            columns: E::Column::iter().collect(),
            key: E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect(),
            insert: Texts::default(),
            upsert: Texts::default(),
            updates: vec![Update::of(mutable.clone())],
            mutable,
        }
    }

    fn insert_text(&self, backend: DbBackend, rows: usize) -> String {
        format!(
            "INSERT {}INTO {} ({}) VALUES {}",
            or_fail(backend),
            E::default().table_name(),
            join(self.columns.iter().copied(), ", ", str::to_owned),
            places(backend, rows, self.columns.len())
        )
    }

    fn upsert_text(&self, backend: DbBackend, rows: usize) -> String {
        let overwritten = join(self.mutable.iter().copied(), ", ", |name| format!("{name} = excluded.{name}"));
        let act = if overwritten.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {overwritten}") };
        let key = join(self.key.iter().copied(), ", ", str::to_owned);
        format!("{} ON CONFLICT ({key}) DO {act}", self.insert_text(backend, rows))
    }

    fn update_text(&self, columns: &[E::Column], backend: DbBackend, rows: usize) -> String {
        let table = E::default();
        let names = join(columns.iter().chain(&self.key).copied(), ", ", str::to_owned);
        format!(
            "WITH v({names}) AS (VALUES {}) UPDATE {}{} AS t SET {} FROM v WHERE {}",
            places(backend, rows, columns.len() + self.key.len()),
            or_fail(backend),
            table.table_name(),
            join(columns.iter().copied(), ", ", |name| format!("{name} = v.{name}")),
            join(self.key.iter().copied(), " AND ", |name| format!("t.{name} = v.{name}"))
        )
    }
}

/// A statement that fails takes its transaction with it: nobody may catch its error and go on (and `conclude` never does).
/// SQLite would else keep a copy of each page that it changes, in a file that it makes and removes each time, to be able to
/// undo the one statement.
const fn or_fail(backend: DbBackend) -> &'static str {
    if matches!(backend, DbBackend::Sqlite) { "OR FAIL " } else { "" }
}

/// Columns are plain enums that cannot be compared but by their names.
fn without<C: IdenStatic>(columns: &[C], these: &[C]) -> Vec<C> {
    columns.iter().copied().filter(|column| !these.iter().any(|other| other.as_str() == column.as_str())).collect()
}

/// `($1, $2), ($3, $4)`; SQLite looks numbered ones up by their names.
fn places(backend: DbBackend, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            // writing to a String cannot fail
            let _ = match backend {
                DbBackend::Sqlite => write!(text, "{comma}?"),
                _ => write!(text, "{comma}${}", row * columns + column + 1),
            };
        }
        text.push(')');
    }
    text
}

impl Backend {
    pub(in crate::store) fn insert<M: Row>(self, table: &LazyLock<Table<M::Entity>>, rows: Vec<M>) -> Vec<Statement> {
        let table = &**table;
        self.write(rows, &table.columns, |rows| table.insert.get(self.0, rows, |rows| table.insert_text(self.0, rows)))
    }

    /// A row whose key exists is overwritten where the table allows it.
    pub(in crate::store) fn upsert<M: Row>(self, table: &LazyLock<Table<M::Entity>>, rows: Vec<M>) -> Vec<Statement> {
        let table = &**table;
        self.write(rows, &table.columns, |rows| table.upsert.get(self.0, rows, |rows| table.upsert_text(self.0, rows)))
    }

    /// Rows that are there.
    pub(in crate::store) fn update<M: Row>(self, table: &LazyLock<Table<M::Entity>>, rows: Vec<M>) -> Vec<Statement> {
        self.update_by(table, 0, rows)
    }

    /// The same, by one of the table's updates.
    pub(in crate::store) fn update_by<M: Row>(
        self,
        table: &LazyLock<Table<M::Entity>>,
        number: usize,
        rows: Vec<M>,
    ) -> Vec<Statement> {
        let table = &**table;
        let Update { columns, texts } = &table.updates[number];
        let given: Vec<_> = columns.iter().chain(&table.key).copied().collect();
        self.write(rows, &given, |rows| texts.get(self.0, rows, |rows| table.update_text(columns, self.0, rows)))
    }

    /// As many rows as fit at a time; a larger row goes alone.
    fn write<'a, M: Row>(
        self,
        rows: Vec<M>,
        columns: &[<M::Entity as EntityTrait>::Column],
        text: impl Fn(usize) -> &'a str,
    ) -> Vec<Statement> {
        let rows: Vec<Vec<Value>> = rows.into_iter().map(|row| row.values(columns)).collect();
        let sizes: Vec<usize> = rows.iter().map(|row| row.iter().map(|value| BESIDE + bytes(value)).sum()).collect();
        let (mut rows, mut sizes) = (rows.into_iter(), sizes.as_slice());
        let mut statements = Vec::new();
        while !sizes.is_empty() {
            let fits = |count: usize| {
                count == 1 || sizes.get(..count).is_some_and(|few| few.iter().sum::<usize>() <= self.message_bytes())
            };
            let count = self.row_counts().iter().copied().find(|count| fits(*count)).unwrap_or(1);
            let values: Vec<Value> = rows.by_ref().take(count).flatten().collect();
            sizes = &sizes[count..];
            statements.push(self.statement(text(count), values));
        }
        statements
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::store::entity::{fingerprint, payload, task};

    fn payloads(sizes: &[usize]) -> Vec<payload::Model> {
        sizes.iter().map(|size| payload::Model { id: uuid::Uuid::nil(), bytes: vec![7; *size] }).collect()
    }

    /// Rows of each statement.
    fn parts(backend: DbBackend, rows: Vec<payload::Model>) -> Vec<usize> {
        let statements = Backend(backend).insert(&payload::TABLE, rows);
        statements.iter().map(|statement| statement.values.as_ref().map_or(0, |values| values.0.len()) / 2).collect()
    }

    #[test]
    fn rows_go_in_as_few_statements_as_there_are_texts_for() {
        assert_eq!(parts(DbBackend::Sqlite, payloads(&[1; 103])), [64, 32, 7]);
        assert!((1..=32).all(|rows| parts(DbBackend::Sqlite, payloads(&vec![1; rows])).len() == 1));
        assert!((1..=64).all(|rows| parts(DbBackend::Sqlite, payloads(&vec![1; rows])).len() <= 2));
        assert_eq!(parts(DbBackend::Postgres, payloads(&[1; 39])), [32, 6, 1]);
        assert!((1..=64).all(|rows| parts(DbBackend::Postgres, payloads(&vec![1; rows])).len() <= 3));
        assert!(parts(DbBackend::Sqlite, payloads(&[])).is_empty());
    }

    #[test]
    fn no_message_is_larger_than_it_may_be_but_for_a_single_row() {
        let large = postgres_message();
        assert_eq!(parts(DbBackend::Postgres, payloads(&[large, 1, 1, large / 2, large / 2])), [1, 3, 1]);
        assert_eq!(parts(DbBackend::Sqlite, payloads(&[large, 1, 1, large / 2])), [4]);
    }

    fn postgres_message() -> usize {
        Backend(DbBackend::Postgres).message_bytes()
    }

    #[test]
    fn texts_are_what_the_databases_understand() {
        let rows = || vec![fingerprint::Model { task_id: "t".to_owned(), fingerprint: vec![1], attempt: 1 }; 2];
        let text = |backend| Backend(backend).upsert(&fingerprint::TABLE, rows()).remove(0).sql;
        assert_eq!(
            text(DbBackend::Sqlite),
            "INSERT OR FAIL INTO hub_fingerprints (task_id, fingerprint, attempt) VALUES (?, ?, ?), (?, ?, ?) \
             ON CONFLICT (task_id, fingerprint, attempt) DO NOTHING"
        );
        assert_eq!(
            text(DbBackend::Postgres),
            "INSERT INTO hub_fingerprints (task_id, fingerprint, attempt) VALUES ($1, $2, $3), ($4, $5, $6) \
             ON CONFLICT (task_id, fingerprint, attempt) DO NOTHING"
        );
    }

    #[tokio::test]
    async fn no_index_of_tasks_names_what_is_updated_quietly() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("hub.db").display());
        crate::store::migrate(&url).await.unwrap();
        let database = sea_orm::Database::connect(&url).await.unwrap();
        let indexes = "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'hub_tasks' AND sql IS NOT NULL";
        let rows = database.query_all_raw(Backend(DbBackend::Sqlite).statement(indexes, [])).await.unwrap();
        let texts: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        let is_named = |column: &&str| {
            let is_it = |word: &str| word == *column;
            texts.iter().any(|text| text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(is_it))
        };
        let table = &*task::TABLE;
        let named = |columns: &[task::Column]| -> Vec<&str> { columns.iter().map(IdenStatic::as_str).filter(is_named).collect() };
        let named: Vec<_> = table.updates.iter().map(|update| named(&update.columns)).collect();
        let indexed = vec!["priority", "not_before", "settled_at", "settled_by", "result_payload", "told", "due_at"];
        assert_eq!(named, [indexed, vec![], vec![]]);
    }
}
