//! Contents: what completed results have become, looked through by people before it is published.

mod decide;
mod edit;
mod list;
mod shape;
mod show;

pub(super) use decide::{__path_approve_content, __path_reject_content};
pub use decide::{approve_content, reject_content};
pub(super) use edit::__path_edit_content;
pub use edit::edit_content;
pub(super) use list::__path_list_contents;
pub use list::list_contents;
pub(super) use list::position;
pub use shape::ContentBody;
pub(super) use show::__path_read_content;
pub use show::read_content;

use uuid::Uuid;

use super::problem::{Code, Problem};
use super::state::Hub;
use crate::domain::plan::{Answer, Command, Item, Refusal};
use crate::domain::review::{Act, Content};
use crate::store::{ContentRecord, Entry, Papers};

/// A content with its title, text and pictures.
///
/// # Errors
/// `not_found`: what cannot be a content's id is none.
pub(super) async fn load(hub: &Hub, id: &str) -> Result<ContentRecord, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such content");
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    hub.store.content(id).await?.ok_or_else(unknown)
}

/// Brings what somebody does to a content to the journal.
pub(super) async fn act(hub: &Hub, content: &Content, act: Act, papers: Papers) -> Result<Result<(), Refusal>, Problem> {
    let item = Item { task: Some(content.task.clone()), at: hub.clock.now(), command: Command::Review(act) };
    match hub.journal.record(Entry { item, papers }).await? {
        Answer::Refused(refusal) => Ok(Err(refusal)),
        _ => Ok(Ok(())),
    }
}

/// What was refused, as an answer.
pub(super) fn refused(refusal: Refusal) -> Problem {
    match refusal {
        // erased since it was looked for
        Refusal::NoContent => Problem::new(Code::NotFound, "There is no such content"),
        Refusal::LeaseLost => Problem::new(Code::LeaseLost, "The lease has ended, or it was never yours: claim again"),
        other => Problem::new(Code::Conflict, other.to_string()),
    }
}
