//! The only room with SQL and entities. Everybody else speaks of domain values.
//!
//! [`Store::commit`] writes, a batch at a time, and only the journal calls it for tasks. Reading never waits for writing.

mod backend;
mod cancellations;
mod claims;
mod commit;
mod contents;
mod deliveries;
mod due;
mod entity;
mod error;
mod ids;
mod ignored;
mod keys;
mod lists;
mod load;
mod mailbox;
mod migrate;
mod parked;
mod plans;
mod pulses;
mod receipts;
mod rejections;
mod retention;
mod revival;
mod secrets;
mod space;
mod strays;
mod tallies;
mod tasks;
mod tidying;
mod transaction;
mod webhooks;
mod windows;
mod write;
mod written;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::domain::time::Timestamp;

use backend::{Backend, Bounded, Writers};
pub use cancellations::Cancellation;
pub use claims::{Order, Taken, Want};
pub use commit::{Again, Call, Committed, Draft, Entry, Origin, Papers, Told};
pub use contents::{ContentFilter, ContentRecord};
pub use deliveries::{Claimed, DeliveryOutcome, DueDelivery};
pub use error::StoreError;
use ids::Ids;
pub use keys::ApiKey;
pub use lists::{Listed, Page, Place, TaskFilter};
pub use mailbox::{Delivery, DeliveryFilter};
pub use migrate::{Standing, exists, migrate, standing};
pub use parked::ParkedCallback;
pub use plans::Plan;
pub use pulses::Beats;
pub use receipts::{Receipt, ReceiptFilter};
pub use rejections::{Rejection, RejectionLimits};
pub use retention::{Reach, Remains};
pub use revival::{Pace, Revivable, Revival, Revived};
pub use tallies::{Hour, Tally};
pub use tasks::{Rescued, StatusCount, TaskRecord};
use transaction::conclude;
pub use webhooks::{Registration, WebhookFilter};
pub use windows::WINDOW;
pub use written::{Mark, Newest, Refused, Said, made_at};

/// For connections to be closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is said of deliveries that nobody will get.
pub const WEBHOOK_DISABLED: &str = "webhook_disabled";

/// One database: a side that writes and a side that reads.
#[derive(Clone)]
pub struct Store {
    writers: Writers,
    reader: Bounded<DatabaseConnection>,
    backend: Backend,
    /// Of deliveries.
    ids: Ids,
    /// Where the database is one.
    file: Option<PathBuf>,
}

impl Store {
    /// # Errors
    /// When the database cannot be reached, or the URL is neither SQLite's nor PostgreSQL's.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let backend::Connections { writers, reader, backend } = backend::connect(url, max_connections).await?;
        Ok(Self { writers, reader, backend, ids: Ids::default(), file: backend.file(url) })
    }

    /// Whether the database answers, on either side.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader.execute_unprepared("SELECT 1").await.map_err(backend::error)?;
        let transaction = self.begin().await?;
        let answered = transaction.execute_unprepared("SELECT 1").await.map_err(backend::error);
        conclude(transaction, answered.map(drop)).await
    }

    /// What the database's own clock says; none where it has the clock of this process.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        let Some(text) = self.backend.read_clock() else { return Ok(None) };
        let row = self.reader.query_one_raw(self.backend.statement(text, [])).await.map_err(backend::error)?;
        let micros = row.map(|row| row.try_get_by_index::<i64>(0)).transpose().map_err(backend::error)?;
        Ok(micros.map(Timestamp::from_micros))
    }

    /// How many writers are worth having: more than one only where transactions run side by side.
    #[must_use]
    pub const fn writers_side_by_side(&self) -> usize {
        self.backend.writers_side_by_side()
    }

    /// Whether there is a log that somebody has to bring into the database.
    #[must_use]
    pub const fn has_log(&self) -> bool {
        self.backend.checkpoint().is_some()
    }

    /// Brings what the log holds into the database, beside whoever writes.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let Some(text) = self.backend.checkpoint() else { return Ok(()) };
        self.reader.query_one_raw(self.backend.statement(text, [])).await.map_err(backend::error)?;
        Ok(())
    }

    /// Copies the whole database into an empty file, as it is at one moment. False: it is a server's, which has
    /// tools of its own for that.
    ///
    /// # Errors
    /// Whatever the database says; a part of the file may be there then.
    pub async fn copy_to(&self, file: &Path) -> Result<bool, StoreError> {
        let Some(text) = self.backend.copy() else { return Ok(false) };
        let not_text = || StoreError::Schema("the name of the copy is no text".to_owned());
        let file = file.to_str().ok_or_else(not_text)?;
        let statement = self.backend.statement(text, [file.into()]);
        self.reader.execute_raw(statement).await.map_err(backend::error)?;
        Ok(true)
    }

    /// Whether other processes may write, and can be heard.
    #[must_use]
    pub const fn has_others(&self) -> bool {
        self.backend.announcement().is_some()
    }

    /// Tells whoever [hears](Self::hear) that something was written: after it was committed, and nothing of what it is. Inside
    /// of the transaction it would make all of them wait for each other.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn announce(&self) -> Result<(), StoreError> {
        let Some(text) = self.backend.announcement() else { return Ok(()) };
        self.reader.execute_unprepared(text).await.map_err(backend::error).map(drop)
    }

    /// Calls for each announcement, on a connection of its own, and also when some may have been missed. Comes back only when
    /// it cannot hear any more.
    pub async fn hear(&self, call: impl Fn() + Send) -> StoreError {
        self.backend.hear(self.reader.unbounded(), call).await
    }

    pub async fn close(self) {
        // the process ends anyway: what cannot be closed is closed by that
        let _ = tokio::time::timeout(PATIENCE, self.reader.into_inner().close()).await;
        self.writers.close().await;
    }
}
