//! The few words in which the two databases differ, so that a migration is written once.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// Words between braces stand for a type or clause of the database at hand.
fn word(backend: DbBackend, word: &str) -> &'static str {
    let postgres = backend == DbBackend::Postgres;
    match word {
        // ids are compared and sorted by bytes everywhere
        "id" if postgres => "TEXT COLLATE \"C\"",
        "id" => "TEXT",
        "uuid" if postgres => "UUID",
        "bytes" if postgres => "BYTEA",
        "uuid" | "bytes" => "BLOB",
        "real" if postgres => "DOUBLE PRECISION",
        "real" => "REAL",
        // small rows that are found by their key lie in the key's own tree
        "clustered" if postgres => "",
        "clustered" => "WITHOUT ROWID",
        // room for changed versions of a row on its own page, so that no index has to be touched
        "often changed" if postgres => "WITH (fillfactor = 70)",
        "often changed" => "WITHOUT ROWID",
        other => unreachable!("no dialect has a word for {other}"),
    }
}

/// Runs statements (separated by blank lines) with the dialect's words put in.
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let backend = connection.get_database_backend();
    for statement in statements.split("\n\n") {
        connection.execute_unprepared(&spell(backend, statement)).await?;
    }
    Ok(())
}

fn spell(backend: DbBackend, statement: &str) -> String {
    let mut pieces = statement.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (key, rest) = piece.split_once('}').unwrap_or((piece, ""));
        text.push_str(word(backend, key));
        text.push_str(rest);
    }
    text
}

/// A migration that is nothing but its statements.
macro_rules! migration {
    ($statements:expr) => {
        use sea_orm_migration::prelude::*;

        #[derive(DeriveMigrationName)]
        pub(crate) struct Migration;

        #[async_trait::async_trait]
        impl MigrationTrait for Migration {
            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }

            async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
                crate::dialect::run(manager, $statements).await
            }
        }
    };
}
pub(crate) use migration;
