//! Secrets that the hub makes for itself once and keeps.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};

use super::entity::secret;
use super::error::StoreError;
use super::transaction::conclude;
use super::{Store, backend};
use crate::domain::time::Timestamp;

impl Store {
    /// The secret of this name; `fresh` becomes it if there is none yet. Replicas that start at once agree on one.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn secret_or(&self, name: &str, fresh: Vec<u8>, now: Timestamp) -> Result<Vec<u8>, StoreError> {
        let row = secret::ActiveModel { name: Set(name.to_owned()), value: Set(fresh), created_at: Set(now.micros()) };
        let keep_the_first = OnConflict::column(secret::Column::Name).do_nothing().to_owned();
        let transaction = self.begin().await?;
        let made = secret::Entity::insert(row).on_conflict(keep_the_first).exec_without_returning(&*transaction).await;
        conclude(transaction, made.map_err(backend::error)).await?;
        let kept = self.secret(name).await?;
        kept.ok_or_else(|| StoreError::Corrupt { table: "hub_secrets", row: name.to_owned(), column: "value" })
    }

    /// The secret of this name, if one was ever made.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let kept = secret::Entity::find_by_id(name).one(&self.reader).await.map_err(backend::error)?;
        Ok(kept.map(|row| row.value))
    }
}
