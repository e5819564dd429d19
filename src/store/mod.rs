//! The only room with SQL and entities. Everybody else speaks of domain values.
//!
//! [`Store::commit`] writes, a batch at a time, and only the journal calls it for tasks. Reading never waits for writing.

mod backend;
mod commit;
mod entity;
mod error;
mod keys;
mod load;
mod migrate;
mod receipts;
mod rejections;
mod secrets;
mod tasks;
mod write;

use sea_orm::{ConnectionTrait, DatabaseConnection};

use backend::Backend;
pub use commit::{Draft, Entry, Papers};
pub use error::StoreError;
pub use keys::ApiKey;
pub use migrate::{exists, migrate, pending_migrations};
pub use receipts::{Receipt, ReceiptFilter};
pub use rejections::{Rejection, RejectionLimits};
pub use tasks::{Page, StatusCount, TaskFilter, TaskRecord};

/// One database: a side that writes and a side that reads.
#[derive(Clone)]
pub struct Store {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    backend: Backend,
}

impl Store {
    /// # Errors
    /// When the database cannot be reached, or the URL is neither SQLite's nor PostgreSQL's.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let backend::Connections { writer, reader, backend } = backend::connect(url, max_connections).await?;
        Ok(Self { writer, reader, backend })
    }

    /// Whether the database answers, on either side.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn ping(&self) -> Result<(), StoreError> {
        for side in [&self.reader, &self.writer] {
            side.execute_unprepared("SELECT 1").await.map_err(backend::error)?;
        }
        Ok(())
    }

    pub async fn close(self) {
        // the process ends anyway: what cannot be closed is closed by that
        let _ = self.reader.close().await;
        let _ = self.writer.close().await;
    }
}
