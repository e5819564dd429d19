//! Webhooks: registered, read, listed, changed, tried out and removed by operators.

mod actions;
mod auth;
mod change;
mod create;
mod fields;
mod file;
mod list;
mod shape;
mod show;

pub(super) use actions::{__path_rotate_webhook_secret, __path_test_webhook};
pub use actions::{rotate_webhook_secret, test_webhook};
pub(super) use change::{__path_change_webhook, __path_delete_webhook};
pub use change::{change_webhook, delete_webhook};
pub(super) use create::__path_create_webhook;
pub use create::create_webhook;
pub(super) use fields::SignatureWord;
pub use file::{Entry, entries};
pub(super) use list::__path_list_webhooks;
pub use list::list_webhooks;
pub use shape::WebhookBody;
pub(super) use show::__path_read_webhook;
pub use show::read_webhook;

use uuid::Uuid;

use super::fields::Fields;
use super::problem::{Code, Problem};
use super::state::Hub;
use crate::registrar::{Fault, Registered};
use crate::store::{Registration, StoreError};

/// A webhook that was not removed.
async fn known(hub: &Hub, id: &str) -> Result<Registration, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such webhook");
    let id = id.parse::<Uuid>().map_err(|_| unknown())?;
    hub.store.registration(id).await?.ok_or_else(unknown)
}

/// Writes to the end, whether the client waits for it or not.
async fn written<T: Send + 'static>(
    hub: &Hub,
    writing: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, Problem> {
    let outcome = hub.lifecycle.see_through(writing).await;
    Ok(outcome.ok_or_else(|| Problem::unavailable("The service is stopping"))??)
}

/// What was read and what was made of it: everything that is wrong with either.
fn judged(mut fields: Fields<'_>, outcome: Result<Registered, Vec<Fault>>) -> Result<Registered, Problem> {
    match outcome {
        Ok(registered) => fields.finish().map(|()| registered),
        Err(faults) => {
            for Fault { field, says } in faults {
                fields.blame_too(&field, says);
            }
            fields.finish()?;
            Err(Problem::of(Code::Internal))
        }
    }
}
