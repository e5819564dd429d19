//! Tasks: created, read, listed, changed, erased, cancelled and retried by clients and operators.

mod actions;
mod create;
mod digest;
mod list;
mod own_webhook;
mod reconcile;
mod shape;
mod show;

pub(super) use actions::{__path_cancel_task, __path_erase_task, __path_patch_task, __path_retry_task};
pub use actions::{cancel_task, erase_task, patch_task, retry_task};
pub(super) use create::__path_create_task;
pub use create::create_task;
pub(super) use create::{idempotency_key, stored};
pub(super) use digest::digest;
pub(super) use list::__path_list_tasks;
pub use list::list_tasks;
pub(super) use reconcile::__path_reconcile_task;
pub use reconcile::reconcile_task;
pub use shape::TaskBody;
pub(super) use show::__path_read_task;
pub use show::read_task;

use std::collections::HashMap;

use super::problem::{Code, Problem};
use super::state::Hub;
use crate::domain::plan::Refusal;
use crate::domain::task::{GeneratorName, State, Task, TaskId};
use crate::store::{StoreError, TaskRecord};

pub use create::NewTaskBody;
pub use list::TaskList;

/// # Errors
/// `unknown_task`: what cannot be a task's id is none.
pub(super) fn task_id(text: &str) -> Result<TaskId, Problem> {
    TaskId::parse(text).map_err(|_| Problem::of(Code::UnknownTask))
}

/// A task as it is shown: its record, and what only a look at the others tells.
#[derive(Clone, Debug)]
pub struct View {
    record: TaskRecord,
    waiting_for_slot: bool,
}

/// A task with all that belongs to it.
async fn load(hub: &Hub, id: &TaskId) -> Result<View, Problem> {
    let record = hub.store.task(id).await?.ok_or_else(|| Problem::of(Code::UnknownTask))?;
    view(hub, vec![record]).await?.pop().ok_or_else(|| Problem::of(Code::UnknownTask))
}

/// Finds out which tasks wait only because their generator has enough to do.
async fn view(hub: &Hub, records: Vec<TaskRecord>) -> Result<Vec<View>, StoreError> {
    let now = hub.clock.now();
    let is_ready = |task: &Task| matches!(task.state, State::Pending { not_before } if not_before <= now);
    let catalog = hub.terms.catalog();
    let mut full: HashMap<GeneratorName, bool> = HashMap::new();
    for record in records.iter().filter(|record| is_ready(&record.task)) {
        let name = &record.task.generator;
        let most = catalog.find(name.as_str()).and_then(|generator| hub.terms.max_concurrent(generator));
        if let (Some(most), false) = (most, full.contains_key(name)) {
            let running = hub.store.count_running(name.as_str()).await?;
            full.insert(name.clone(), running >= u64::from(most));
        }
    }
    let is_full = |task: &Task| full.get(&task.generator).copied().unwrap_or(false);
    let view = |record: TaskRecord| View { waiting_for_slot: is_ready(&record.task) && is_full(&record.task), record };
    Ok(records.into_iter().map(view).collect())
}

/// As lists show them.
pub(super) async fn briefly(hub: &Hub, records: Vec<TaskRecord>) -> Result<Vec<TaskBody>, StoreError> {
    Ok(view(hub, records).await?.into_iter().map(|view| TaskBody::brief(hub, view)).collect())
}

/// A task without its documents.
pub(super) async fn known(hub: &Hub, id: &TaskId) -> Result<Task, Problem> {
    hub.store.task_state(id).await?.ok_or_else(|| Problem::of(Code::UnknownTask))
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownTask => Problem::of(Code::UnknownTask),
        Refusal::ExternalIdTaken | Refusal::ExternalIdSet | Refusal::IdToCome => {
            Problem::field(Code::Conflict, "external_id", refusal.to_string())
        }
        Refusal::IdTaken => Problem::field(Code::Conflict, "id", refusal.to_string()),
        Refusal::KeyReused => Problem::field(Code::Conflict, "Idempotency-Key", refusal.to_string()),
        other => Problem::new(Code::Conflict, other.to_string()),
    }
}
