//! `POST /api/tasks/{id}/reconcile`

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::actions::operate;
use super::{TaskBody, known, load, task_id};
use crate::domain::event::Event;
use crate::domain::task::{Status, Task, TaskId};
use crate::domain::time::Timestamp;
use crate::http::access::Caller;
use crate::http::body::Nothing;
use crate::http::openapi::ChangeErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;

const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Another replica may be the one that asks: its news reach this one only through the database.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the generator was found to say, and the task as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reconciled {
    /// `completed`, `failed`, `cancelled`, `running`, `without_result`, `unknown_word`, `not_found`, `result_gone`, or why
    /// there was no answer: `unreachable`, `server_error`, `throttled`, `denied`, `refused`, `redirect`, `unreadable`,
    /// `too_large`, `not_ready`, `left_alone`. Null: nothing was found yet, or another replica has asked.
    #[schema(value_type = Option<String>, example = "completed")]
    found: Option<&'static str>,
    #[serde(flatten)]
    task: TaskBody,
}

/// Ask the generator about a task now
///
/// Waits at most 15 seconds for what is found; 202 if that was not long enough.
#[utoipa::path(
    post,
    path = "/api/tasks/{task_id}/reconcile",
    tag = "tasks",
    params(("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")),
    responses(
        (status = 200, description = "What was found", body = Reconciled),
        (status = 202, description = "It will be asked; nothing was found yet", body = Reconciled),
        ChangeErrors,
    ),
)]
pub async fn reconcile_task(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Segment(task): Segment,
    _: Nothing,
) -> Result<Response, Problem> {
    let id = task_id(&task)?;
    check(&hub, &known(&hub, &id).await?)?;
    // register before asking: what is found in between is not missed
    let mut findings = hub.reconciler.findings();
    let asked = hub.clock.now();
    operate(&hub, &caller, &task, Event::Hint).await?;
    let waiting = hub.stopping.run_until_cancelled(found(&hub, &id, asked, &mut findings));
    let (status, found) = match tokio::time::timeout(LONGEST_WAIT, waiting).await {
        Ok(Some(found)) => (StatusCode::OK, found?),
        Ok(None) | Err(_) => (StatusCode::ACCEPTED, None),
    };
    let task = TaskBody::brief(&hub, load(&hub, &id).await?);
    Ok((status, Json(Reconciled { found, task })).into_response())
}

fn check(hub: &Hub, task: &Task) -> Result<(), Problem> {
    let policy = hub.terms.policy_of(task.generator.as_str());
    let refuse = |detail: String| Err(Problem::new(Code::Conflict, detail));
    match task.status() {
        Status::Completed | Status::Failed | Status::Cancelled => refuse(format!("The task is {}", task.status().as_str())),
        _ if !policy.can_ask => refuse(format!("The generator {} has no status request, or polling is off", task.generator)),
        Status::Submitted | Status::Processing | Status::TimedOut if !policy.can_ask_about(task) => {
            refuse("The generator's own id of the job is not known".to_owned())
        }
        _ => Ok(()),
    }
}

type Findings = tokio::sync::broadcast::Receiver<(TaskId, crate::pursuit::figures::Finding)>;

async fn found(hub: &Hub, id: &TaskId, since: Timestamp, findings: &mut Findings) -> Result<Option<&'static str>, Problem> {
    loop {
        let next_look = Instant::now() + LOOK_EVERY;
        loop {
            tokio::select! {
                finding = findings.recv() => match finding {
                    Ok((about, found)) if about == *id => return Ok(Some(found.as_str())),
                    _ => {}
                },
                () = tokio::time::sleep_until(next_look) => break,
            }
        }
        let task = known(hub, id).await?;
        if task.polled_at.is_some_and(|asked| asked >= since) || !is_open(&task) {
            return Ok(None);
        }
    }
}

fn is_open(task: &Task) -> bool {
    !task.status().is_settled() || task.status() == Status::TimedOut
}
