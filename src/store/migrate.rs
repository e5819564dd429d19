//! Bringing the schema up to date, one process at a time.

use migration::{MIGRATIONS_TABLE, Migrator, MigratorTrait, TABLES};
use sea_orm::FromQueryResult;

use super::error::StoreError;
use super::{Store, backend};

/// Applies what is missing. On PostgreSQL several replicas may start at once: they take turns.
///
/// # Errors
/// When the database already has tables of our names that are not ours, or a migration fails.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let store = Store::connect(url, 1).await?;
    let foreign = store.foreign_tables().await;
    store.close().await;
    let foreign = foreign?;
    if !foreign.is_empty() {
        let names = foreign.join(", ");
        return Err(StoreError::Schema(format!("the database has tables of our names that this service did not make: {names}")));
    }
    backend::migrate::<Migrator>(url).await
}

/// Whether there is a database; looking for one does not make it.
#[must_use]
pub fn exists(url: &str) -> bool {
    backend::exists(url)
}

/// The names of the migrations that are not applied yet; changes nothing.
///
/// # Errors
/// Whatever the database says.
pub async fn pending_migrations(url: &str) -> Result<Vec<String>, StoreError> {
    if !exists(url) {
        return Ok(Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect());
    }
    let store = Store::connect(url, 1).await?;
    let pending = Migrator::get_pending_migrations_read_only(&store.reader).await.map_err(backend::error);
    store.close().await;
    Ok(pending?.iter().map(|migration| migration.name().to_owned()).collect())
}

#[derive(FromQueryResult)]
struct Named {
    name: String,
}

impl Store {
    /// Tables that are called like ours in a database where no migration of ours has run.
    async fn foreign_tables(&self) -> Result<Vec<String>, StoreError> {
        let statement = self.backend.statement(self.backend.list_tables(), []);
        let found = Named::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        let found: Vec<String> = found.into_iter().map(|table| table.name).collect();
        let ours = found.iter().any(|name| name == MIGRATIONS_TABLE);
        Ok(if ours { Vec::new() } else { found.into_iter().filter(|name| TABLES.contains(&name.as_str())).collect() })
    }
}
