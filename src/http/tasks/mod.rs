//! Tasks: created, read, listed, changed, erased, cancelled and retried by clients and operators.

mod actions;
mod create;
mod list;
mod shape;
mod show;

use std::sync::Arc;

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
use crate::domain::task::TaskId;
use crate::generator::entry::Generator;
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

/// The generator of an existing task; its file may have gone since.
fn generator_of(hub: &Hub, name: &str) -> Result<Arc<Generator>, Problem> {
    let gone = || Problem::new(Code::Conflict, format!("The generator {name} is not in the catalog any more"));
    hub.catalog.find(name).cloned().ok_or_else(gone)
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
