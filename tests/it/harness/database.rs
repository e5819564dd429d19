//! A fresh database for each test: a SQLite file, or a PostgreSQL database copied from a migrated template.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, Database as SeaOrm, DatabaseConnection, Statement};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Which database a test runs on; every test that stores anything runs on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Gone when dropped.
pub(crate) struct Database {
    pub kind: Kind,
    pub url: String,
    folder: Option<TempDir>,
}

/// A server that the tests may make databases on; `tests/run` starts one where there is none.
fn server() -> String {
    std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432".to_owned())
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// Migrated already, where that saves time.
    pub(crate) async fn fresh(kind: Kind) -> Self {
        Self::copy_of(kind, Some(&TEMPLATE)).await
    }

    /// Without any table.
    pub(crate) async fn empty(kind: Kind) -> Self {
        Self::copy_of(kind, None).await
    }

    async fn copy_of(kind: Kind, migrated: Option<&OnceCell<String>>) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("hub.db").display());
                Self { kind, url, folder: Some(folder) }
            }
            Kind::Postgres => {
                let template = match migrated {
                    Some(migrated) => migrated.get_or_init(template).await,
                    None => "template0",
                };
                let name = format!("hub_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
                administrate(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                Self { kind, url: format!("{}/{name}", server()), folder: None }
            }
        }
    }

    /// A connection beside the app's own, for looking and for doing harm.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        SeaOrm::connect(&self.url).await.expect("the test's database")
    }

    pub(crate) async fn execute(&self, statement: &str) {
        let connection = self.connect().await;
        connection.execute_unprepared(statement).await.expect(statement);
        connection.close().await.expect("a connection closes");
    }

    /// How many rows a table has, or what stands behind its name narrows it to.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let connection = self.connect().await;
        let statement = Statement::from_string(connection.get_database_backend(), format!("SELECT COUNT(*) AS n FROM {table}"));
        let row = connection.query_one_raw(statement).await.expect(table).expect("a row");
        connection.close().await.expect("a connection closes");
        row.try_get("", "n").expect("a number")
    }

    /// The file, where the database is one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join("hub.db"))
    }

    /// Nobody writes to tasks until the hold is released; reading goes on.
    pub(crate) async fn hold(&self) -> Hold {
        self.hold_table("hub_tasks").await
    }

    /// The same of another table; where one writes at a time anyway, nobody writes at all.
    pub(crate) async fn hold_table(&self, table: &str) -> Hold {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1).min_connections(1);
        let connection = SeaOrm::connect(options).await.expect("the test's database");
        let begin = match self.kind {
            Kind::Sqlite => "BEGIN IMMEDIATE".to_owned(),
            Kind::Postgres => format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE"),
        };
        connection.execute_unprepared(&begin).await.expect(&begin);
        Hold(connection)
    }

    /// PostgreSQL: it is gone, connections and all. SQLite: nobody gets to write to it.
    pub(crate) async fn take_away(&self) -> Option<Hold> {
        if self.kind == Kind::Sqlite {
            return Some(self.hold().await);
        }
        let name = self.name();
        administrate(&format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")).await;
        administrate(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
        None
    }

    pub(crate) async fn give_back(&self, hold: Option<Hold>) {
        match hold {
            Some(hold) => hold.release().await,
            None => administrate(&format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", self.name())).await,
        }
    }

    fn name(&self) -> &str {
        self.url.rsplit_once('/').map_or("", |(_, name)| name)
    }
}

/// A transaction that keeps everybody else from writing.
pub(crate) struct Hold(DatabaseConnection);

impl Hold {
    pub(crate) async fn release(self) {
        self.0.execute_unprepared("ROLLBACK").await.expect("a rollback");
        self.0.close().await.expect("a connection closes");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((_, name)) = self.url.rsplit_once('/').filter(|_| self.kind == Kind::Postgres) else { return };
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // a drop cannot wait in an async test, and a runtime must not be blocked: a thread of its own can
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(administrate(&statement));
        });
        dropping.join().expect("the test's database is dropped");
    }
}

/// Migrated once a run: copying it is much faster than migrating anew.
async fn template() -> String {
    sweep().await;
    let name = format!("hub_template_{}", std::process::id());
    administrate(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    administrate(&format!("CREATE DATABASE {name}")).await;
    let url = format!("{}/{name}", server());
    callback_hub::store::migrate(&url).await.expect("the schema");
    name
}

/// Drops what runs left behind that were killed, or ended after their last test.
async fn sweep() {
    let connection = administrator().await;
    let names = "SELECT datname FROM pg_database WHERE datname ~ '^hub_(template_[0-9]+|test_[0-9]+_[0-9]+)$'";
    let statement = Statement::from_string(connection.get_database_backend(), names);
    for row in connection.query_all_raw(statement).await.expect("a list of databases") {
        let name: String = row.try_get("", "datname").expect("a name");
        let process = name.split('_').nth(2).unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            // another run may be sweeping, too
            let _ = connection.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await;
        }
    }
    connection.close().await.expect("a connection closes");
}

async fn administrator() -> DatabaseConnection {
    let url = format!("{}/postgres", server());
    SeaOrm::connect(&url).await.unwrap_or_else(|error| {
        panic!("PostgreSQL is needed at {url} (TEST_POSTGRES_URL; `tests/run` starts one where there is none): {error}")
    })
}

async fn administrate(statement: &str) {
    let connection = administrator().await;
    connection.execute_unprepared(statement).await.expect(statement);
    connection.close().await.expect("a connection closes");
}
