//! Whether a callback has told of a task's end before polling did: then polling has rescued nothing.

crate::dialect::migration!(
    "ALTER TABLE hub_tasks ADD COLUMN told BOOLEAN NOT NULL DEFAULT false

DROP INDEX hub_tasks_rescued

CREATE INDEX hub_tasks_rescued ON hub_tasks (generator) WHERE settled_by = 'poll' AND NOT told"
);
