//! Callbacks that came before their task was known: the row is the queue. Bodies and headers are their receipts'.
//!
//! The first index finds what is due, the second who waits for an id, in the order of arrival, and how many wait at all.

crate::dialect::migration!(
    "CREATE TABLE hub_parked (
        id {uuid} NOT NULL PRIMARY KEY,
        generator TEXT NOT NULL,
        awaits {id} NOT NULL,
        named BOOLEAN NOT NULL,
        fingerprint {bytes},
        token_attempt INTEGER,
        query_attempt INTEGER,
        may_adopt BOOLEAN NOT NULL,
        query TEXT NOT NULL,
        signed BOOLEAN NOT NULL,
        arrived_at BIGINT NOT NULL,
        due_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        looks INTEGER NOT NULL
    ) {clustered}

CREATE INDEX hub_parked_due ON hub_parked (due_at)

CREATE INDEX hub_parked_queue ON hub_parked (generator, awaits, arrived_at, id)

CREATE UNIQUE INDEX hub_parked_once ON hub_parked (awaits, generator, fingerprint)"
);
