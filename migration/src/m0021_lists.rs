//! Lists that operators narrow: a generator's tasks, and those that have ended without a result. The first is written once a
//! task, the second only where a task ends badly, so that callbacks pay for neither. The second is in the order of creation as
//! all tasks are, in other words: by the same ones a database may take either index.

crate::dialect::migration!(
    "CREATE INDEX hub_tasks_generator ON hub_tasks (generator, created_at, id)

CREATE INDEX hub_tasks_unsuccessful ON hub_tasks ((created_at + 0), id) WHERE settled_at IS NOT NULL AND result_payload IS NULL"
);
