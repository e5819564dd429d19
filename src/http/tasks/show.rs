//! `GET /api/tasks/{id}`

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::{Extension, Json};
use tokio::time::Instant;

use super::{TaskBody, load, task_id};
use crate::domain::role::Role;
use crate::domain::task::TaskId;
use crate::http::access::Caller;
use crate::http::fields::Fields;
use crate::http::openapi::TaskErrors;
use crate::http::problem::Problem;
use crate::http::segment::Segment;
use crate::http::state::Hub;

const LONGEST_WAIT: u64 = 60;
/// Another replica may settle the task: its news reach this one only through the database.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Read a task
///
/// With `wait`, answers when the task settles, or after that many seconds as it is then.
#[utoipa::path(
    get,
    path = "/api/tasks/{task_id}",
    tag = "tasks",
    params(
        ("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42"),
        ("wait" = Option<u64>, Query, maximum = 60, description = "Seconds to wait for the end", example = 30),
    ),
    responses((status = 200, description = "The task, settled or not", body = TaskBody), TaskErrors),
)]
pub async fn read_task(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Segment(task): Segment,
    RawQuery(query): RawQuery,
) -> Result<Json<TaskBody>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let wait = fields.parse("wait", "a whole number of seconds from 0 to 60", |text| {
        text.parse().ok().filter(|seconds| *seconds <= LONGEST_WAIT)
    });
    fields.finish()?;
    let id = task_id(&task)?;
    if let Some(seconds) = wait {
        settled(&hub, &id, Duration::from_secs(seconds)).await?;
    }
    let task = load(&hub, &id).await?;
    // its URL is the right to call back
    Ok(Json(if caller.role >= Role::Tasks { TaskBody::whole(&hub, task) } else { TaskBody::brief(&hub, task) }))
}

/// Comes back when the task is settled, unknown or erased, the time is up, or the service stops.
async fn settled(hub: &Hub, id: &TaskId, wait: Duration) -> Result<(), Problem> {
    let until = Instant::now() + wait;
    // register before looking: what settles in between is not missed
    let mut news = hub.journal.settled();
    loop {
        let settled = hub.store.task_state(id).await?.is_none_or(|task| task.status().is_settled());
        if settled || Instant::now() >= until {
            return Ok(());
        }
        let next_look = until.min(Instant::now() + LOOK_EVERY);
        loop {
            tokio::select! {
                about = news.recv() => match about {
                    Ok(about) if about != *id => {}
                    // this task's news, or so many that some were missed
                    _ => break,
                },
                () = tokio::time::sleep_until(next_look) => break,
                () = hub.stopping.cancelled() => return Ok(()),
            }
        }
    }
}
