//! Fingerprints of tasks with many events, beyond the newest that travel in the task's row.

crate::dialect::migration!(
    "CREATE TABLE hub_fingerprints (
        task_id {id} NOT NULL,
        fingerprint {bytes} NOT NULL,
        attempt INTEGER NOT NULL,
        PRIMARY KEY (task_id, fingerprint, attempt)
    ) {clustered}"
);
