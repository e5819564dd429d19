//! Who acts for a task right now, and when the loops have to look at it: only rows that are due are ever read by them.

crate::dialect::migration!(
    "ALTER TABLE hub_tasks ADD COLUMN finished_at BIGINT

ALTER TABLE hub_tasks ADD COLUMN hinted BOOLEAN NOT NULL DEFAULT false

ALTER TABLE hub_tasks ADD COLUMN polled_at BIGINT

ALTER TABLE hub_tasks ADD COLUMN polls INTEGER NOT NULL DEFAULT 0

ALTER TABLE hub_tasks ADD COLUMN lease {uuid}

ALTER TABLE hub_tasks ADD COLUMN leased_until BIGINT

ALTER TABLE hub_tasks ADD COLUMN due_at BIGINT

ALTER TABLE hub_attempts ADD COLUMN is_over BOOLEAN NOT NULL DEFAULT false

ALTER TABLE hub_attempts ADD COLUMN answer {uuid}

UPDATE hub_tasks SET due_at = (
        SELECT deadline_at FROM hub_attempts AS a WHERE a.task_id = hub_tasks.id AND a.number = hub_tasks.attempt)
    WHERE status IN ('submitted', 'processing')

CREATE INDEX hub_tasks_due ON hub_tasks (generator, due_at) WHERE due_at IS NOT NULL

CREATE INDEX hub_tasks_pending ON hub_tasks (generator, priority, not_before) WHERE status = 'pending'

CREATE INDEX hub_tasks_rescued ON hub_tasks (generator) WHERE settled_by = 'poll'

CREATE INDEX hub_attempts_running ON hub_attempts (generator) WHERE ended_at IS NULL AND sending_at IS NOT NULL"
);
