//! Callbacks that were refused: bounded in rate, rows and bytes by the writer.

crate::dialect::migration!(
    "CREATE TABLE hub_rejections (
        id {uuid} NOT NULL PRIMARY KEY,
        task_id TEXT,
        generator TEXT NOT NULL,
        code TEXT NOT NULL,
        detail TEXT NOT NULL,
        received_at BIGINT NOT NULL,
        duration_us BIGINT NOT NULL,
        method TEXT NOT NULL,
        path TEXT NOT NULL,
        attempt INTEGER,
        token_attempt INTEGER,
        token_wrong BOOLEAN NOT NULL,
        headers TEXT NOT NULL,
        body {bytes} NOT NULL,
        body_length BIGINT NOT NULL
    )"
);
