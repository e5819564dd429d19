//! A generator's tasks in the order of creation, in other words than all tasks are: so that they can be asked for by their
//! generator and the rest of the key, and no database takes the index of all. PostgreSQL (up to 17) does not stop at the end of a
//! window whose bound compares the generator together with the rest.

crate::dialect::migration!(
    "DROP INDEX hub_tasks_generator

CREATE INDEX hub_tasks_generator ON hub_tasks (generator, (created_at + 0), id)"
);
