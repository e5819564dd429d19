//! API keys: only their hashes are kept.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::entity::key;
use super::error::StoreError;
use super::transaction::conclude;
use super::{Store, backend};
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    /// None: a newer hub has words that this one does not know, and such a key opens nothing here.
    pub role: Option<Role>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn add_key(&self, name: &str, role: Role, hash: &[u8], now: Timestamp) -> Result<ApiKey, StoreError> {
        let row = key::ActiveModel {
            id: Set(Uuid::now_v7()),
            name: Set(name.to_owned()),
            hash: Set(hash.to_vec()),
            created_at: Set(now.micros()),
            revoked_at: Set(None),
            role: Set(role.as_str().to_owned()),
        };
        let transaction = self.begin().await?;
        let added = row.insert(&*transaction).await;
        conclude(transaction, added.map(ApiKey::from).map_err(backend::error)).await
    }

    /// A live key with this hash.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn find_key(&self, hash: &[u8]) -> Result<Option<ApiKey>, StoreError> {
        let live = key::Entity::find().filter(key::Column::Hash.eq(hash)).filter(key::Column::RevokedAt.is_null());
        Ok(live.one(&self.reader).await.map_err(backend::error)?.map(ApiKey::from))
    }

    /// The live key of that id.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn live_key(&self, id: Uuid) -> Result<Option<ApiKey>, StoreError> {
        let live = key::Entity::find_by_id(id).filter(key::Column::RevokedAt.is_null());
        Ok(live.one(&self.reader).await.map_err(backend::error)?.map(ApiKey::from))
    }

    /// # Errors
    /// Whatever the database says.
    pub async fn has_keys(&self) -> Result<bool, StoreError> {
        let live = key::Entity::find().filter(key::Column::RevokedAt.is_null());
        Ok(live.count(&self.reader).await.map_err(backend::error)? > 0)
    }

    /// # Errors
    /// Whatever the database says.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = key::Entity::find().order_by_asc(key::Column::Id).all(&self.reader).await;
        Ok(rows.map_err(backend::error)?.into_iter().map(ApiKey::from).collect())
    }

    /// Whether there was such a live key.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn revoke_key(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let live = key::Entity::find_by_id(id).filter(key::Column::RevokedAt.is_null());
        let Some(row) = live.one(&self.reader).await.map_err(backend::error)? else { return Ok(false) };
        let mut row = key::ActiveModel::from(row);
        row.revoked_at = Set(Some(now.micros()));
        let transaction = self.begin().await?;
        let revoked = row.update(&*transaction).await;
        conclude(transaction, revoked.map(|_| true).map_err(backend::error)).await
    }
}

impl From<key::Model> for ApiKey {
    fn from(row: key::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            role: Role::parse(&row.role),
            created_at: Timestamp::from_micros(row.created_at),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
        }
    }
}
