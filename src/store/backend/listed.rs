//! Rows as one text. SQLite's driver hands rows over one by one from its own thread, and each wakes whoever waits for it: for
//! what is read all the time that took longer than reading it. PostgreSQL's rows come together anyhow.

use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable};
use serde::{Deserialize, Deserializer};

/// An expression for all rows of a table whose `key` is in the JSON array `$1`: a JSON array of arrays, which hold the columns
/// in the order of the entity's fields.
pub(super) fn listed<E: EntityTrait>(key: &str) -> String {
    let columns: Vec<String> = E::Column::iter().map(written::<E>).collect();
    let table = E::default();
    format!(
        "(SELECT json_group_array(json_array({})) FROM {} WHERE {key} IN (SELECT value FROM json_each($1)))",
        columns.join(", "),
        table.table_name()
    )
}

/// JSON has no bytes, and SQLite writes its floats with fewer digits than they need.
fn written<E: EntityTrait>(column: E::Column) -> String {
    let name = column.as_str();
    let (definition, of) = (column.def(), |text: String| format!("iif({name} IS NULL, NULL, {text})"));
    match definition.get_column_type() {
        ColumnType::Uuid | ColumnType::Blob | ColumnType::VarBinary(_) | ColumnType::Binary(_) => of(format!("hex({name})")),
        ColumnType::Double | ColumnType::Float => of(format!("format('%!.17g', {name})")),
        _ => name.to_owned(),
    }
}

/// 0 or 1.
pub(in crate::store) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    i64::deserialize(deserializer).map(|number| number != 0)
}

/// Its digits.
pub(in crate::store) fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let digits = Option::<&str>::deserialize(deserializer)?;
    digits.map(|digits| digits.parse().map_err(serde::de::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, FromQueryResult, ModelTrait};
    use serde::de::DeserializeOwned;
    use tokio::runtime::Runtime;
    use uuid::Uuid;

    use super::super::table::Row;
    use super::super::{Backend, Table};
    use super::listed;
    use crate::store::entity::{attempt, task};

    const SQLITE: Backend = Backend(DbBackend::Sqlite);

    fn texts() -> impl Strategy<Value = Option<String>> {
        proptest::option::of(proptest::string::string_regex("[^\u{0}]{0,8}").expect("a pattern"))
    }

    /// Percents are the only ones that there are.
    fn floats() -> impl Strategy<Value = Option<f64>> {
        let small = (0.0..=100.0, 0..12).prop_map(|(number, digits)| number / 10_f64.powi(digits));
        proptest::option::of(prop_oneof![0.0..=100.0, small, Just(100.0 / 3.0), Just(0.1 + 0.2), Just(0.0), Just(100.0)])
    }

    prop_compose! {
        fn tasks()(
            percent in floats(),
            (stage, message, error_details) in (texts(), texts(), texts()),
            (not_before, receipts) in (any::<Option<i64>>(), any::<i64>()),
            (told, late) in any::<(bool, bool)>(),
            (last_receipt, recent) in (any::<Option<u128>>(), any::<Vec<u8>>()),
            attempt in any::<i32>(),
        ) -> task::Model {
            let last_receipt = last_receipt.map(Uuid::from_u128);
            let id = Uuid::now_v7().to_string();
            task::Model {
                id, percent, stage, message, error_details, not_before, receipts, told, late, last_receipt, recent, attempt,
                ..task::Model::default()
            }
        }
    }

    prop_compose! {
        fn attempts()(
            external_id in proptest::option::of(any::<u64>()),
            (sending_at, overdue_at) in any::<(Option<i64>, Option<i64>)>(),
            is_over in any::<bool>(),
            answer in any::<Option<u128>>(),
            number in any::<i32>(),
        ) -> attempt::Model {
            attempt::Model {
                task_id: Uuid::now_v7().to_string(), number, generator: "default".to_owned(),
                external_id: external_id.map(|id| id.to_string()), sending_at, submitted_at: None, deadline_at: Some(7),
                ended_at: None, is_over, answer: answer.map(Uuid::from_u128), overdue_at,
            }
        }
    }

    /// Rows as they come one by one, and as they come as one text.
    async fn both_ways<M>(
        database: &DatabaseConnection,
        table: &LazyLock<Table<M::Entity>>,
        key: &str,
        rows: Vec<M>,
        ids: Vec<String>,
    ) -> (Vec<M>, Vec<M>)
    where
        M: Row + FromQueryResult + DeserializeOwned + ModelTrait<Entity: EntityTrait<Model = M>>,
    {
        for statement in SQLITE.insert(table, rows) {
            database.execute_raw(statement).await.unwrap();
        }
        let alone = <M::Entity as EntityTrait>::find().all(database).await.unwrap();
        let text = format!("SELECT {}", listed::<M::Entity>(key));
        let ids = serde_json::to_string(&ids).unwrap();
        let together = database.query_one_raw(SQLITE.statement(&text, [ids.into()])).await.unwrap().unwrap();
        let together: String = together.try_get_by_index(0).unwrap();
        <M::Entity as EntityTrait>::delete_many().exec(database).await.unwrap();
        (alone, serde_json::from_str(&together).unwrap())
    }

    #[test]
    fn as_one_text_or_one_by_one_rows_are_the_same() {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("hub.db").display());
        let database = runtime.block_on(async {
            crate::store::migrate(&url).await.unwrap();
            Database::connect(&url).await.unwrap()
        });
        let rows = (proptest::collection::vec(tasks(), 0..40), proptest::collection::vec(attempts(), 0..40));
        proptest!(ProptestConfig::with_cases(256), |((tasks, attempts) in rows)| {
            let ids = tasks.iter().map(|task| task.id.clone()).collect();
            let (alone, together) = runtime.block_on(both_ways(&database, &task::TABLE, "id", tasks, ids));
            prop_assert_eq!(alone, together);
            let ids = attempts.iter().map(|attempt| attempt.task_id.clone()).collect();
            let (alone, together) = runtime.block_on(both_ways(&database, &attempt::TABLE, "task_id", attempts, ids));
            prop_assert_eq!(alone, together);
        });
    }
}
