//! What was accepted, in the order of arrival. A task's receipts form a chain from the newest back (`previous`), so that
//! the table needs no index on random values.

crate::dialect::migration!(
    "CREATE TABLE hub_receipts (
        id {uuid} NOT NULL PRIMARY KEY,
        task_id TEXT,
        generator TEXT NOT NULL,
        attempt INTEGER,
        sequence BIGINT NOT NULL,
        previous {uuid},
        source TEXT NOT NULL,
        event TEXT NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT,
        received_at BIGINT NOT NULL,
        duration_us BIGINT NOT NULL,
        headers TEXT NOT NULL,
        payload {uuid}
    ) {clustered}"
);
