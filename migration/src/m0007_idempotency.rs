//! What an `Idempotency-Key` of an API key stands for.

crate::dialect::migration!(
    "CREATE TABLE hub_idempotency (
        owner TEXT NOT NULL,
        idempotency_key {id} NOT NULL,
        task_id {id} NOT NULL,
        request_digest {bytes} NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (owner, idempotency_key)
    ) {clustered}

CREATE INDEX hub_idempotency_age ON hub_idempotency (created_at)"
);
