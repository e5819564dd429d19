//! Where databases are made: files in a folder that goes away, schemas of a database that was given empty.

use anyhow::Context;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::fill::connect;
use super::sample::Base;
use crate::settings::DatabaseUrl;

pub struct Place {
    folder: TempDir,
    postgres: Option<String>,
}

impl Place {
    /// # Errors
    /// When there is no temporary folder.
    pub fn new(postgres: Option<&str>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        Ok(Self { folder, postgres: postgres.map(str::to_owned) })
    }

    /// That can be used here.
    pub fn bases(&self) -> impl Iterator<Item = Base> {
        [Base::Sqlite].into_iter().chain(self.postgres.as_ref().map(|_| Base::Postgres))
    }

    /// A new database.
    ///
    /// # Errors
    /// When it is there already.
    pub async fn url(&self, base: Base, name: &str) -> anyhow::Result<String> {
        let name = if let Base::SlowedSqlite(millis) = base { format!("{name}_{millis}") } else { name.to_owned() };
        match (base, &self.postgres) {
            (Base::Postgres, Some(url)) => schema(url, &format!("bench_{name}")).await,
            _ => Ok(DatabaseUrl::of_file(&self.folder.path().join(format!("{name}.db"))).expose().to_owned()),
        }
    }
}

/// Makes a schema; a URL by which it is all that there is.
///
/// # Errors
/// When it is there already.
pub async fn schema(url: &str, name: &str) -> anyhow::Result<String> {
    let connection = connect(url).await?;
    connection.execute_unprepared(&format!("CREATE SCHEMA {name}")).await.context("the database has to be an empty one")?;
    connection.close().await?;
    let mark = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{mark}options=-c%20search_path%3D{name}"))
}
