//! Tasks: created, read, listed, changed, erased, cancelled and retried by clients and operators.

mod actions;
mod create;
mod list;
mod shape;
mod show;

pub(super) use actions::{__path_cancel_task, __path_erase_task, __path_patch_task, __path_retry_task};
pub use actions::{cancel_task, erase_task, patch_task, retry_task};
pub(super) use create::__path_create_task;
pub use create::create_task;
pub(super) use list::__path_list_tasks;
pub use list::list_tasks;
pub use shape::TaskBody;
pub(super) use show::__path_read_task;
pub use show::read_task;

use super::problem::{Code, Problem};
use super::state::Hub;
use crate::domain::plan::Refusal;
use crate::domain::task::{Task, TaskId};
use crate::store::TaskRecord;

pub use create::NewTaskBody;
pub use list::TaskList;

/// # Errors
/// `unknown_task`: what cannot be a task's id is none.
fn task_id(text: &str) -> Result<TaskId, Problem> {
    TaskId::parse(text).map_err(|_| Problem::of(Code::UnknownTask))
}

/// A task with all that belongs to it.
async fn load(hub: &Hub, id: &TaskId) -> Result<TaskRecord, Problem> {
    hub.store.task(id).await?.ok_or_else(|| Problem::of(Code::UnknownTask))
}

/// A task without its documents.
async fn known(hub: &Hub, id: &TaskId) -> Result<Task, Problem> {
    hub.store.task_state(id).await?.ok_or_else(|| Problem::of(Code::UnknownTask))
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownTask => Problem::of(Code::UnknownTask),
        Refusal::ExternalIdTaken | Refusal::ExternalIdSet => Problem::field(Code::Conflict, "external_id", refusal.to_string()),
        Refusal::IdTaken => Problem::field(Code::Conflict, "id", refusal.to_string()),
        Refusal::KeyReused => Problem::field(Code::Conflict, "Idempotency-Key", refusal.to_string()),
        other => Problem::new(Code::Conflict, other.to_string()),
    }
}
