//! What a transaction counts of deliveries. It is written last: everybody counts in the same few rows, and keeps the others
//! waiting from here to the end.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;

use crate::domain::figure::Figure;
use crate::domain::time::Timestamp;
use crate::store::backend::Writing;
use crate::store::backend::{self, Backend};
use crate::store::error::StoreError;
use crate::store::write::arrays;

/// In the order in which everybody locks the rows.
#[derive(Default)]
pub(in crate::store) struct Counts(BTreeMap<(String, Figure), i64>);

#[derive(Serialize)]
struct Row<'a> {
    lane: &'a str,
    hour: i64,
    figure: String,
    amount: i64,
}

impl Counts {
    pub(in crate::store) fn add(&mut self, lane: String, figure: Figure, amount: i64) {
        *self.0.entry((lane, figure)).or_default() += amount;
    }

    pub(in crate::store) fn statements(&self, backend: Backend, now: Timestamp) -> Result<Vec<Statement>, StoreError> {
        let hour = now.hour();
        let rows = self.0.iter().map(|((lane, figure), amount)| Row { lane, hour, figure: figure.to_string(), amount: *amount });
        let statement = |rows: String| backend.statement(backend.texts().add_figures, [rows.into()]);
        Ok(arrays(rows, backend.message_bytes())?.into_iter().map(statement).collect())
    }

    pub(in crate::store) async fn write(
        &self,
        backend: Backend,
        transaction: &Writing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for statement in self.statements(backend, now)? {
            transaction.execute_raw(statement).await.map_err(backend::error)?;
        }
        Ok(())
    }
}
