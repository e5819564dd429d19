//! How far what is done once for each settled task has come; and the keys that stand for a task, so that they go with it.

crate::dialect::migration!(
    "CREATE TABLE hub_marks (
        name {id} NOT NULL PRIMARY KEY,
        settled_at BIGINT NOT NULL,
        task_id {id} NOT NULL
    ) {clustered}

CREATE INDEX hub_idempotency_task ON hub_idempotency (task_id)"
);
