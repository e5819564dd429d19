//! Bringing the schema up to date, one process at a time.

use migration::{MIGRATIONS_TABLE, Migrator, MigratorTrait, TABLES};
use sea_orm::FromQueryResult;

use super::error::StoreError;
use super::{Store, backend};

/// How a database's schema stands to the one that is known here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Migrations that are not applied yet.
    pub missing: Vec<String>,
    /// Applied ones that only a newer version knows. Migrations expand: what is served here is all there.
    pub newer: Vec<String>,
}

/// Applies what is missing. On PostgreSQL several replicas may start at once: they take turns. A schema that a newer version has
/// expanded stays as it is.
///
/// # Errors
/// When the database already has tables of our names that are not ours, lacks something though a newer version has been there,
/// or a migration fails.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let store = Store::connect(url, 1).await?;
    let found = async { Ok::<_, StoreError>((store.foreign_tables().await?, store.standing().await?)) }.await;
    store.close().await;
    let (foreign, Standing { missing, newer }) = found?;
    if !foreign.is_empty() {
        let names = foreign.join(", ");
        return Err(StoreError::Schema(format!("the database has tables of our names that this service did not make: {names}")));
    }
    if missing.is_empty() && !newer.is_empty() {
        return Ok(());
    }
    let Err(error) = backend::migrate::<Migrator>(url).await else { return Ok(()) };
    // a newer version may have been at it meanwhile
    let Standing { missing, newer } = standing(url).await?;
    match (missing.is_empty(), newer.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => Err(error),
        (false, false) => Err(StoreError::Schema(format!(
            "a newer version has been at the schema ({}), and yet it lacks {}",
            newer.join(", "),
            missing.join(", ")
        ))),
    }
}

/// Whether there is a database; looking for one does not make it.
#[must_use]
pub fn exists(url: &str) -> bool {
    backend::exists(url)
}

/// What is missing, and what a newer version has added; changes nothing.
///
/// # Errors
/// Whatever the database says.
pub async fn standing(url: &str) -> Result<Standing, StoreError> {
    if !exists(url) {
        return Ok(Standing { missing: known(), newer: Vec::new() });
    }
    let store = Store::connect(url, 1).await?;
    let standing = store.standing().await;
    store.close().await;
    standing
}

fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

const APPLIED: &str = "SELECT version AS name FROM hub_migrations ORDER BY version";

#[derive(FromQueryResult)]
struct Named {
    name: String,
}

impl Store {
    async fn standing(&self) -> Result<Standing, StoreError> {
        let tables = self.tables_like_ours().await?;
        let applied = if tables.iter().any(|name| name == MIGRATIONS_TABLE) {
            let statement = self.backend.statement(APPLIED, []);
            Named::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?
        } else {
            Vec::new()
        };
        let (mut missing, mut newer) = (known(), Vec::new());
        for Named { name } in applied {
            match missing.iter().position(|known| *known == name) {
                Some(place) => drop(missing.remove(place)),
                None => newer.push(name),
            }
        }
        Ok(Standing { missing, newer })
    }

    async fn tables_like_ours(&self) -> Result<Vec<String>, StoreError> {
        let statement = self.backend.statement(self.backend.list_tables(), []);
        let found = Named::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        Ok(found.into_iter().map(|table| table.name).collect())
    }

    /// Tables that are called like ours in a database where no migration of ours has run.
    async fn foreign_tables(&self) -> Result<Vec<String>, StoreError> {
        let found = self.tables_like_ours().await?;
        let ours = found.iter().any(|name| name == MIGRATIONS_TABLE);
        Ok(if ours { Vec::new() } else { found.into_iter().filter(|name| TABLES.contains(&name.as_str())).collect() })
    }
}
