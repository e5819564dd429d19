//! How due rows are found: every statement reads as much of an index as there is due, and a probe or two more, however
//! many rows wait. They are constant texts, and a [test](super::Store::explain_claims) keeps their plans.

use sea_orm::Statement;

use super::backend::Backend;
use super::claims::Order;
use super::error::StoreError;
use super::write::json;
use crate::domain::time::Timestamp;

/// From one generator to the next, and the earliest of each. `ORDER BY … LIMIT 1` is one probe whatever the planner thinks
/// of the table; `min` and `EXISTS` may be answered by reading all rows, as long as it takes them for few.
pub(super) const GENERATORS: &str = "WITH RECURSIVE names(generator) AS (
        SELECT (SELECT generator FROM hub_tasks WHERE due_at IS NOT NULL ORDER BY generator LIMIT 1)
        UNION ALL
        SELECT (
            SELECT t.generator FROM hub_tasks AS t WHERE t.due_at IS NOT NULL AND t.generator > names.generator
            ORDER BY t.generator LIMIT 1)
        FROM names WHERE names.generator IS NOT NULL)
    SELECT generator FROM names WHERE generator IS NOT NULL AND (
        SELECT t.due_at FROM hub_tasks AS t WHERE t.due_at IS NOT NULL AND t.generator = names.generator
        ORDER BY t.due_at LIMIT 1) <= $1";

/// The same, and from one priority to the next.
pub(super) const PENDING_GENERATORS: &str = "WITH RECURSIVE names(generator) AS (
        SELECT (SELECT generator FROM hub_tasks WHERE not_before IS NOT NULL ORDER BY generator LIMIT 1)
        UNION ALL
        SELECT (
            SELECT t.generator FROM hub_tasks AS t WHERE t.not_before IS NOT NULL AND t.generator > names.generator
            ORDER BY t.generator LIMIT 1)
        FROM names WHERE names.generator IS NOT NULL),
    queues(generator, priority) AS (
        SELECT names.generator, (
            SELECT t.priority FROM hub_tasks AS t WHERE t.not_before IS NOT NULL AND t.generator = names.generator
            ORDER BY t.priority LIMIT 1)
        FROM names WHERE names.generator IS NOT NULL
        UNION ALL
        SELECT queues.generator, (
            SELECT t.priority FROM hub_tasks AS t
            WHERE t.not_before IS NOT NULL AND t.generator = queues.generator AND t.priority > queues.priority
            ORDER BY t.priority LIMIT 1)
        FROM queues WHERE queues.priority IS NOT NULL)
    SELECT DISTINCT generator FROM queues WHERE priority IS NOT NULL AND (
        SELECT t.not_before FROM hub_tasks AS t
        WHERE t.not_before IS NOT NULL AND t.generator = queues.generator AND t.priority = queues.priority
        ORDER BY t.not_before LIMIT 1) <= $1
    ORDER BY generator";

/// Of generator `$1`.
const PRIORITIES: &str = "WITH RECURSIVE queues(priority) AS (
        SELECT (SELECT priority FROM hub_tasks WHERE not_before IS NOT NULL AND generator = $1 ORDER BY priority LIMIT 1)
        UNION ALL
        SELECT (
            SELECT t.priority FROM hub_tasks AS t
            WHERE t.not_before IS NOT NULL AND t.generator = $1 AND t.priority > queues.priority
            ORDER BY t.priority LIMIT 1)
        FROM queues WHERE queues.priority IS NOT NULL)
    SELECT priority FROM queues WHERE priority IS NOT NULL AND (
        SELECT t.not_before FROM hub_tasks AS t
        WHERE t.not_before IS NOT NULL AND t.generator = $1 AND t.priority = queues.priority
        ORDER BY t.not_before LIMIT 1) <= $2";

const BY_READINESS: &str = "(SELECT t.not_before FROM hub_tasks AS t
        WHERE t.not_before IS NOT NULL AND t.generator = $1 AND t.priority = queues.priority
        ORDER BY t.not_before LIMIT 1)";

/// Tasks with attempts that are sent and not ended.
pub(super) const RUNNING: &str =
    "SELECT task_id FROM hub_attempts WHERE generator = $1 AND ended_at IS NULL AND sending_at IS NOT NULL";

/// Those that have been due for longest.
pub(super) fn tasks(backend: Backend, generator: &str, now: Timestamp, limit: u64) -> Statement {
    let values = [generator.into(), now.micros().into(), bound(limit).into()];
    backend.statement(&backend.texts().due_tasks, values)
}

/// Priorities of which a pending task is due: the most urgent first, or the one first whose task has waited for longest.
pub(super) fn priorities(backend: Backend, generator: &str, now: Timestamp, order: Order) -> Statement {
    let by = if order == Order::MostUrgent { "priority" } else { BY_READINESS };
    backend.statement(&format!("{PRIORITIES} ORDER BY {by}"), [generator.into(), now.micros().into()])
}

/// Pending tasks of one priority.
pub(super) fn pending(backend: Backend, generator: &str, priority: i32, now: Timestamp, limit: u64) -> Statement {
    let values = [generator.into(), priority.into(), now.micros().into(), bound(limit).into()];
    backend.statement(&backend.texts().pending_tasks, values)
}

/// Those of these tasks that are pending.
///
/// # Errors
/// Never: texts can be written as JSON.
pub(super) fn orphaned(backend: Backend, running: &[String], now: Timestamp, limit: u64) -> Result<Statement, StoreError> {
    let values = [json(running)?.into(), now.micros().into(), bound(limit).into()];
    Ok(backend.statement(&backend.texts().orphaned_tasks, values))
}

/// Parked callbacks, of those that wait for the same id only the first.
pub(super) fn parked(backend: Backend, now: Timestamp, limit: u64) -> Statement {
    backend.statement(&backend.texts().due_parked, [now.micros().into(), bound(limit).into()])
}

fn bound(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
