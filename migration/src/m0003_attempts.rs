//! A submission of a task. An external id belongs to one attempt of one task per generator.

crate::dialect::migration!(
    "CREATE TABLE hub_attempts (
        task_id {id} NOT NULL,
        number INTEGER NOT NULL,
        generator TEXT NOT NULL,
        external_id {id},
        sending_at BIGINT,
        submitted_at BIGINT,
        deadline_at BIGINT,
        ended_at BIGINT,
        PRIMARY KEY (task_id, number)
    ) {clustered}

CREATE UNIQUE INDEX hub_attempts_external ON hub_attempts (external_id, generator) WHERE external_id IS NOT NULL"
);
