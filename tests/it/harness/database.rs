//! A fresh database for each test: a SQLite file, or a PostgreSQL database copied from a migrated template.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Database as SeaOrm, DatabaseConnection};
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
    _folder: Option<TempDir>,
}

/// A server that the tests may make databases on; `tests/run` starts one where there is none.
fn server() -> String {
    std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432".to_owned())
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Database {
    pub(crate) async fn fresh(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("hub.db").display());
                Self { kind, url, _folder: Some(folder) }
            }
            Kind::Postgres => {
                let template = TEMPLATE.get_or_init(template).await;
                let name = format!("hub_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
                administrate(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                Self { kind, url: format!("{}/{name}", server()), _folder: None }
            }
        }
    }

    /// A connection beside the app's own, for looking and for doing harm.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        SeaOrm::connect(&self.url).await.expect("the test's database")
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
    let name = format!("hub_template_{}", std::process::id());
    administrate(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    administrate(&format!("CREATE DATABASE {name}")).await;
    let url = format!("{}/{name}", server());
    callback_hub::store::migrate(&url).await.expect("the schema");
    name
}

async fn administrate(statement: &str) {
    let url = format!("{}/postgres", server());
    let connection = SeaOrm::connect(&url).await.unwrap_or_else(|error| {
        panic!("PostgreSQL is needed at {url} (TEST_POSTGRES_URL; `tests/run` starts one where there is none): {error}")
    });
    connection.execute_unprepared(statement).await.expect(statement);
    connection.close().await.expect("a connection closes");
}
