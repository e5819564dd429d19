//! Custom events: no task's business, stored once, to be handed on. What a callback brought has its receipt's id.

crate::dialect::migration!(
    "CREATE TABLE hub_events (
        id {uuid} NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        generator TEXT,
        task_id {id},
        data {uuid},
        data_start BIGINT NOT NULL,
        data_end BIGINT NOT NULL,
        metadata {uuid},
        at BIGINT NOT NULL,
        fingerprint {bytes}
    ) {clustered}

CREATE UNIQUE INDEX hub_events_once ON hub_events (fingerprint, generator, COALESCE(task_id, '')) WHERE fingerprint IS NOT NULL

CREATE INDEX hub_events_task ON hub_events (task_id) WHERE task_id IS NOT NULL"
);
