//! Pending tasks are told by when they may go, which only they have: with an index that looks at the status, each change of a
//! status would be written to every index of the table.

crate::dialect::migration!(
    "DROP INDEX hub_tasks_pending

CREATE INDEX hub_tasks_pending ON hub_tasks (generator, priority, not_before) WHERE not_before IS NOT NULL"
);
