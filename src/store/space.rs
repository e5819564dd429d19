//! What the database takes on disk, by what is kept in it, and what is left there.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult};

use super::error::StoreError;
use super::{Store, backend};

/// Of what a table is a part, and what it is called there.
const KINDS: [(&str, &[&str]); 7] = [
    ("tasks", &["hub_tasks", "hub_attempts", "hub_fingerprints", "hub_idempotency", "hub_cancellations"]),
    ("callbacks", &["hub_receipts", "hub_parked", "hub_ignored"]),
    ("rejected", &["hub_rejections"]),
    // of callbacks and answers, inputs, results, letters
    ("bodies", &["hub_payloads"]),
    ("events", &["hub_events"]),
    ("deliveries", &["hub_deliveries"]),
    ("contents", &["hub_contents"]),
];
const OTHERS: &str = "other";

impl Store {
    /// Bytes of tables and their indexes, by kind; each is there. Reads as many pages as there are where the database is a
    /// file.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn bytes(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let statement = self.backend.statement(self.backend.table_bytes(), []);
        let rows = self.reader.query_all_raw(statement).await.map_err(backend::error)?;
        let size = |row: &QueryResult| Ok((row.try_get::<String>("", "name")?, row.try_get::<i64>("", "bytes")?));
        let sizes = rows.iter().map(size).collect::<Result<Vec<_>, _>>().map_err(backend::error)?;
        let names = KINDS.iter().map(|(kind, _)| *kind).chain([OTHERS]);
        let mut bytes: BTreeMap<String, u64> = names.map(|kind| (kind.to_owned(), 0)).collect();
        for (table, size) in sizes {
            let kind = KINDS.iter().find(|(_, tables)| tables.contains(&table.as_str())).map_or(OTHERS, |(kind, _)| kind);
            *bytes.entry(kind.to_owned()).or_default() += u64::try_from(size).unwrap_or(0);
        }
        Ok(bytes)
    }

    /// Bytes that are free where the database's file lies; none where it is a server's, or nobody can say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let file = self.file.as_deref()?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
        let free = nix::sys::statvfs::statvfs(folder).ok()?;
        // what an ordinary user may take
        free.blocks_available().checked_mul(free.fragment_size())
    }
}
