//! Attempts that their generator should be told to stop: the row is the queue.

crate::dialect::migration!(
    "CREATE TABLE hub_cancellations (
        task_id {id} NOT NULL,
        number INTEGER NOT NULL,
        generator TEXT NOT NULL,
        due_at BIGINT NOT NULL,
        tries INTEGER NOT NULL,
        PRIMARY KEY (task_id, number)
    ) {clustered}

CREATE INDEX hub_cancellations_due ON hub_cancellations (due_at)"
);
