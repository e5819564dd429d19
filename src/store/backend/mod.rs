//! Everything that differs between SQLite and PostgreSQL. The rest of the store asks here and knows neither.

mod bounded;
pub(super) mod listed;
mod parts;
mod postgres;
mod sorting;
mod sqlite;
mod table;
mod texts;
mod writers;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement,
    TransactionTrait, Value,
};

use super::error::StoreError;
pub(super) use sorting::error;
pub(super) use table::Table;
use texts::Texts;
pub(super) use writers::{Transaction, Writers};

pub(super) use bounded::Bounded;
use bounded::{Bound, Doubt};

/// For a server to say that a statement has taken too long.
const SAID: Duration = Duration::from_secs(2);

/// What a transaction writes with.
pub(super) type Writing = Bounded<DatabaseTransaction>;

#[derive(Clone, Copy)]
pub(super) struct Backend(DbBackend);

/// A way to ask the database for a statement's plan.
pub(super) struct Explanation {
    pub preparations: Vec<String>,
    pub question: Statement,
    /// Of the question's answer.
    pub column: &'static str,
    pub ends: Vec<String>,
}

/// The writing and the reading side of one database.
pub(super) struct Connections {
    pub writers: Writers,
    pub reader: Bounded<DatabaseConnection>,
    pub backend: Backend,
}

pub(super) async fn connect(url: &str, max_connections: u32) -> Result<Connections, StoreError> {
    let backend = Backend::of_url(url)?;
    if let Some(fault) = Some(url).filter(|_| backend.0 == DbBackend::Sqlite).and_then(sqlite::missing) {
        return Err(StoreError::Schema(fault));
    }
    let doubt = Doubt::default();
    let bound = |statement: Duration| {
        let bound = Bound { within: statement + SAID, doubt: doubt.clone() };
        Some(bound).filter(|_| backend.0 != DbBackend::Sqlite)
    };
    let (writer, writers, reader) = match backend.0 {
        DbBackend::Sqlite => {
            // the first connection creates the file and switches it to WAL before readers come
            let writer = open(sqlite::writer_options(url)).await?;
            (writer, 1, open(sqlite::options(url, max_connections)).await?)
        }
        _ => {
            // pools of their own, so that no flood of reading keeps the journal waiting for a connection
            let writers = (max_connections / 2).max(1);
            let readers = (max_connections - writers).max(1);
            (
                open(postgres::writer_options(url, writers)).await?,
                writers,
                open(postgres::reader_options(url, readers, doubt.clone())).await?,
            )
        }
    };
    let writers = Writers::new(writer, backend, writers, bound(postgres::WRITING));
    Ok(Connections { writers, reader: Bounded::new(reader, bound(postgres::READING)), backend })
}

/// Whether there is a database, as far as can be told without making one.
pub(super) fn exists(url: &str) -> bool {
    Backend::of_url(url).is_ok_and(|backend| backend.0 != DbBackend::Sqlite || sqlite::exists(url))
}

async fn open(mut options: ConnectOptions) -> Result<DatabaseConnection, StoreError> {
    options.sqlx_logging(false).acquire_timeout(Duration::from_secs(5)).connect_timeout(Duration::from_secs(5));
    Database::connect(options).await.map_err(error)
}

/// Runs the migrations on a connection of their own, one process at a time.
///
/// # Errors
/// Whatever the database says; a failed migration leaves no trace.
pub(super) async fn migrate<M: migration::MigratorTrait>(url: &str) -> Result<(), StoreError> {
    let backend = Backend::of_url(url)?;
    let options = match backend.0 {
        DbBackend::Sqlite => sqlite::options(url, 1),
        _ => postgres::migration_options(url),
    };
    let connection = open(options).await?;
    if backend.0 == DbBackend::Postgres {
        // held by the session, which is this connection's only one; it ends with it
        connection.execute_unprepared(postgres::LOCK_MIGRATIONS).await.map_err(error)?;
    }
    let outcome = M::up(&connection, None).await.map_err(error);
    connection.close().await.map_err(error)?;
    outcome
}

impl Backend {
    fn of_url(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            Ok(Self(DbBackend::Sqlite))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Ok(Self(DbBackend::Postgres))
        } else {
            Err(StoreError::Schema("the database URL is neither sqlite: nor postgres:".to_owned()))
        }
    }

    pub(super) fn texts(self) -> &'static Texts {
        static SQLITE: LazyLock<Texts> = LazyLock::new(sqlite::texts);
        static POSTGRES: LazyLock<Texts> = LazyLock::new(postgres::texts);
        match self.0 {
            DbBackend::Sqlite => &SQLITE,
            _ => &POSTGRES,
        }
    }

    /// Whether an id, a text, is one of a JSON array of them.
    pub(super) fn is_among(self, ids: String) -> Expr {
        let text = match self.0 {
            DbBackend::Sqlite => "id IN (SELECT value FROM json_each(?))",
            _ => "id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))",
        };
        Expr::cust_with_values(text, [ids])
    }

    pub(super) fn statement(self, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.0, text, values)
    }

    /// How many rows a statement may have, from many to one: the statement cache is keyed by texts.
    pub(super) const fn row_counts(self) -> &'static [usize] {
        match self.0 {
            DbBackend::Sqlite => &sqlite::ROW_COUNTS,
            _ => &postgres::ROW_COUNTS,
        }
    }

    /// How large a statement's rows may be together; a larger row goes alone.
    pub(super) const fn message_bytes(self) -> usize {
        match self.0 {
            DbBackend::Sqlite => usize::MAX,
            _ => postgres::MESSAGE,
        }
    }

    pub(super) const fn writers_side_by_side(self) -> usize {
        match self.0 {
            DbBackend::Sqlite => 1,
            _ => postgres::WRITERS,
        }
    }

    /// Begins a transaction that will write: it has the right to from its first statement on.
    const fn begin(self) -> &'static str {
        match self.0 {
            DbBackend::Sqlite => sqlite::BEGIN,
            _ => "BEGIN",
        }
    }

    /// The same, and the first row of what is read before all else. Each text is a way to the database and back, and SQLite
    /// takes several statements in one.
    async fn begin_with(self, writer: &Writing, first: Option<&Statement>) -> Result<Option<QueryResult>, DbErr> {
        match first {
            Some(first) if self.0 == DbBackend::Sqlite => {
                let sql = format!("{}; {}", sqlite::BEGIN, first.sql);
                writer.query_one_raw(Statement { sql, ..first.clone() }).await
            }
            _ => {
                writer.execute_unprepared(self.begin()).await?;
                match first {
                    Some(first) => writer.query_one_raw(first.clone()).await,
                    None => Ok(None),
                }
            }
        }
    }

    async fn write_and_commit(self, writer: &Writing, mut last: Statement) -> Result<(), DbErr> {
        if self.0 == DbBackend::Sqlite {
            last.sql.push_str("; COMMIT");
            return writer.execute_raw(last).await.map(drop);
        }
        writer.execute_raw(last).await?;
        writer.execute_unprepared("COMMIT").await.map(drop)
    }

    /// Begins a transaction on a connection of a pool's.
    async fn begin_write(self, writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
        match self.0 {
            DbBackend::Sqlite => writer.begin_with_options(sqlite::immediate()).await,
            _ => writer.begin().await,
        }
    }

    /// Makes replicas that count a generator's slots, or its parked callbacks, do so one after the other; where one writes at
    /// a time anyway, nothing.
    pub(super) fn take_turn(self, counted: &str) -> Option<Statement> {
        (self.0 != DbBackend::Sqlite).then(|| self.statement(postgres::TAKE_TURN, [counted.into()]))
    }

    /// Every plan that a statement may get in a session.
    pub(super) fn explanations(self, statement: &Statement) -> Vec<Explanation> {
        match self.0 {
            DbBackend::Sqlite => vec![sqlite::explanation(statement)],
            _ => postgres::explanations(statement),
        }
    }

    /// Brings a part of the log into the database, while others write: none where the database does that itself.
    pub(super) const fn checkpoint(self) -> Option<&'static str> {
        match self.0 {
            DbBackend::Sqlite => Some(sqlite::CHECKPOINT),
            _ => None,
        }
    }

    /// Writes a copy of the database into the file of that name, while others write: none where it is a server's to do.
    pub(super) const fn copy(self) -> Option<&'static str> {
        match self.0 {
            DbBackend::Sqlite => Some(sqlite::COPY),
            _ => None,
        }
    }

    /// Tells other processes that something was written; none where there are none.
    pub(super) const fn announcement(self) -> Option<&'static str> {
        match self.0 {
            DbBackend::Sqlite => None,
            _ => Some(postgres::ANNOUNCE),
        }
    }

    /// See [`Store::hear`](super::Store::hear).
    pub(super) async fn hear(self, reader: &DatabaseConnection, call: impl Fn() + Send) -> StoreError {
        match self.0 {
            DbBackend::Sqlite => std::future::pending().await,
            _ => postgres::hear(reader, call).await,
        }
    }

    pub(super) const fn read_clock(self) -> Option<&'static str> {
        match self.0 {
            DbBackend::Sqlite => None,
            _ => Some(postgres::READ_CLOCK),
        }
    }

    /// The file that a database is.
    pub(super) fn file(self, url: &str) -> Option<PathBuf> {
        match self.0 {
            DbBackend::Sqlite => sqlite::file(url),
            _ => None,
        }
    }

    pub(super) const fn table_bytes(self) -> &'static str {
        match self.0 {
            DbBackend::Sqlite => sqlite::TABLE_BYTES,
            _ => postgres::TABLE_BYTES,
        }
    }

    pub(super) const fn list_tables(self) -> &'static str {
        match self.0 {
            DbBackend::Sqlite => sqlite::LIST_TABLES,
            _ => postgres::LIST_TABLES,
        }
    }
}
