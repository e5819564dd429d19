//! Version N runs on the schema of version N+1: no migration takes anything away that an older version reads, or demands what an
//! older version does not write.

use std::collections::{BTreeMap, BTreeSet};

use migration::{Migrator, MigratorTrait};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::harness::{Database, Kind};

/// Unique indexes over nothing but old columns, which older versions might run into: by name, with the reason why they may be.
/// None so far.
const EXCEPTIONS: [&str; 0] = [];

const SQLITE_COLUMNS: &str = r#"SELECT t.name AS a, c.name AS b, c.type AS kind,
    CASE WHEN c."notnull" = 0 AND c.pk = 0 OR c.dflt_value IS NOT NULL THEN 'may be left out' ELSE 'needed' END AS need,
    CASE WHEN c."notnull" = 0 AND c.pk = 0 THEN 'nullable' ELSE 'not null' END AS nulls
    FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name LIKE 'hub\_%' ESCAPE '\'"#;
const POSTGRES_COLUMNS: &str = r"SELECT table_name::text AS a, column_name::text AS b, data_type::text AS kind,
    CASE WHEN is_nullable = 'YES' OR column_default IS NOT NULL THEN 'may be left out' ELSE 'needed' END AS need,
    CASE WHEN is_nullable = 'YES' THEN 'nullable' ELSE 'not null' END AS nulls
    FROM information_schema.columns WHERE table_schema = current_schema() AND table_name LIKE 'hub\_%'";

/// An expression is no column, and is told by an empty name.
const SQLITE_UNIQUE: &str = r#"SELECT i.name AS a, t.name AS b, COALESCE(c.name, '') AS kind
    FROM sqlite_master AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c
    WHERE t.type = 'table' AND t.name LIKE 'hub\_%' ESCAPE '\' AND i."unique" = 1"#;
const POSTGRES_UNIQUE: &str = r"SELECT i.relname::text AS a, t.relname::text AS b, COALESCE(c.attname::text, '') AS kind
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = current_schema()
    CROSS JOIN unnest(x.indkey::int2[]) AS k(number)
    LEFT JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum = k.number AND k.number > 0
    WHERE x.indisunique AND t.relname LIKE 'hub\_%'";

/// What a migration leaves behind.
#[derive(Default)]
struct Schema {
    /// By table and name.
    columns: BTreeMap<(String, String), Column>,
    /// By name.
    unique: BTreeMap<String, Unique>,
}

#[derive(PartialEq, Eq)]
struct Column {
    kind: String,
    /// Whether a row may be written without it.
    may_be_left_out: bool,
    is_nullable: bool,
}

#[derive(Default)]
struct Unique {
    table: String,
    columns: BTreeSet<String>,
}

#[rstest]
#[tokio::test]
async fn each_migration_only_expands(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::empty(kind).await;
    let connection = database.connect().await;
    let mut before = Schema::default();
    for migration in Migrator::migrations() {
        Migrator::up(&connection, Some(1)).await.expect("a migration");
        let after = Schema::read(&connection, kind).await;
        assert!(!after.columns.is_empty() && !after.unique.is_empty(), "the schema can be read");
        after.only_expands(&before, migration.name());
        before = after;
    }
    let tables: BTreeSet<&str> = before.columns.keys().map(|(table, _)| table.as_str()).collect();
    assert!(migration::TABLES.iter().all(|table| tables.contains(table)), "all tables were looked at: {tables:?}");
    connection.close().await.expect("a connection closes");
}

/// The check can fail.
#[rstest]
#[case::a_column_that_goes("ALTER TABLE hub_tasks DROP COLUMN told")]
#[case::a_column_with_another_name("ALTER TABLE hub_tasks RENAME COLUMN told TO said")]
#[case::a_table_that_goes("DROP TABLE hub_pulses")]
#[case::a_unique_index_over_old_columns("CREATE UNIQUE INDEX hub_tasks_odd ON hub_tasks (generator, created_at)")]
#[case::a_unique_index_that_goes("DROP INDEX hub_parked_once")]
#[tokio::test]
async fn what_does_not_only_expand_is_seen(#[case] statement: &str, #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    let connection = database.connect().await;
    let before = Schema::read(&connection, kind).await;
    if statement.contains("COLUMN told") {
        // it is in an index, which would be in the way
        for index in indexes(&connection, kind).await {
            connection.execute_unprepared(&format!("DROP INDEX {index}")).await.expect("an index");
        }
    }
    connection.execute_unprepared(statement).await.expect(statement);
    let after = Schema::read(&connection, kind).await;
    assert!(!after.faults(&before).is_empty(), "{statement}");
    connection.close().await.expect("a connection closes");
}

/// Those of tasks that tell of a column `told`.
async fn indexes(connection: &DatabaseConnection, kind: Kind) -> Vec<String> {
    let query = match kind {
        Kind::Sqlite => "SELECT name AS a, '' AS b, '' AS kind FROM sqlite_master WHERE type = 'index' AND sql LIKE '%told%'",
        Kind::Postgres => {
            "SELECT indexname::text AS a, '' AS b, '' AS kind FROM pg_indexes
            WHERE schemaname = current_schema() AND tablename = 'hub_tasks' AND indexdef LIKE '%told%'"
        }
    };
    read(connection, query, ["a", "b", "kind"]).await.into_iter().map(|[name, ..]| name).collect()
}

impl Schema {
    async fn read(connection: &DatabaseConnection, kind: Kind) -> Self {
        let (columns, indexes) = match kind {
            Kind::Sqlite => (SQLITE_COLUMNS, SQLITE_UNIQUE),
            Kind::Postgres => (POSTGRES_COLUMNS, POSTGRES_UNIQUE),
        };
        let mut schema = Self::default();
        for [table, name, kind, need, nulls] in read(connection, columns, ["a", "b", "kind", "need", "nulls"]).await {
            let column = Column { kind, may_be_left_out: need == "may be left out", is_nullable: nulls == "nullable" };
            schema.columns.insert((table, name), column);
        }
        for [name, table, column] in read(connection, indexes, ["a", "b", "kind"]).await {
            let unique = schema.unique.entry(name).or_default();
            unique.table = table;
            unique.columns.insert(column);
        }
        schema
    }

    fn only_expands(&self, before: &Self, migration: &str) {
        let faults = self.faults(before);
        assert!(faults.is_empty(), "{migration} does not only expand: {}", faults.join("; "));
    }

    /// What an older version would run into.
    fn faults(&self, before: &Self) -> Vec<String> {
        let mut faults = Vec::new();
        for ((table, name), old) in &before.columns {
            match self.columns.get(&(table.clone(), name.clone())) {
                None => faults.push(format!("{table}.{name} is gone")),
                Some(new) if new.kind != old.kind => {
                    faults.push(format!("{table}.{name} was {} and is {}", old.kind, new.kind));
                }
                Some(new) if (old.is_nullable && !new.is_nullable) || (old.may_be_left_out && !new.may_be_left_out) => {
                    faults.push(format!("{table}.{name} is needed now"));
                }
                Some(_) => {}
            }
        }
        let is_old = |table: &str| before.columns.keys().any(|(known, _)| known == table);
        let new = self.columns.iter().filter(|(place, _)| !before.columns.contains_key(*place) && is_old(&place.0));
        for ((table, name), _) in new.filter(|(_, column)| !column.may_be_left_out) {
            faults.push(format!("{table}.{name} is new, and needed"));
        }
        // who writes "unless it is there already" names the columns of such an index
        let gone = before.unique.keys().filter(|name| !self.unique.contains_key(*name));
        faults.extend(gone.map(|name| format!("the unique index {name} is gone")));
        for (name, unique) in self.unique.iter().filter(|(name, _)| !before.unique.contains_key(*name)) {
            let is_known =
                |column: &String| column.is_empty() || before.columns.contains_key(&(unique.table.clone(), column.clone()));
            if is_old(&unique.table) && unique.columns.iter().all(is_known) && !EXCEPTIONS.contains(&name.as_str()) {
                faults.push(format!("the new unique index {name} is over old columns of {} alone", unique.table));
            }
        }
        faults
    }
}

/// Rows of texts.
async fn read<const N: usize>(connection: &DatabaseConnection, query: &str, columns: [&str; N]) -> Vec<[String; N]> {
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let rows = connection.query_all_raw(statement).await.expect(query);
    rows.iter().map(|row| columns.map(|column| row.try_get("", column).expect(column))).collect()
}
