//! Many callbacks in one body. Items are queued together, so that they share as few commits as possible.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::time::Instant;

use super::answer::{self, About, Accepted, BatchAccepted, BatchRefusal, BatchResult};
use super::ingress::{self, Entrance, Inbound, Proven};
use super::record::{self, Arrival};
use super::refused::Case;
use crate::domain::task::TaskId;
use crate::generator::payload::{BatchItem, decode_batch};
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;
use crate::journal::{Pending, RecordError};

/// An item that is on its way, or is not.
struct Item {
    task: Option<TaskId>,
    body: Bytes,
    state: Result<Queued, Problem>,
}

struct Queued {
    about: About,
    pending: Result<Pending, RecordError>,
}

pub(super) async fn take(hub: Arc<Hub>, inbound: Inbound) -> Response {
    let mut case = Case::open(&hub, &inbound);
    let answer = match batch(&hub, inbound, &mut case).await {
        Ok(response) => response,
        Err(problem) => case.close(&hub, problem).into_response(),
    };
    case.end(answer.status());
    answer
}

async fn batch(hub: &Hub, inbound: Inbound, case: &mut Case) -> Result<Response, Problem> {
    let proven = match ingress::prove(hub, inbound, case).await? {
        Entrance::Proven(proven) => proven,
        Entrance::Handshake(reply) => return Ok(answer::handshake(reply)),
    };
    let deadline = record::deadline(hub);
    let decoded = decode_batch(&proven.verified)?;
    case.lap("decode");
    let arrival = Arrival::of(&proven, case.trail.goes_on());
    let items: Vec<Item> = decoded.into_iter().map(|item| queue(hub, &arrival, item)).collect();
    let mut settled = Vec::with_capacity(items.len());
    for Item { task, body, state } in items {
        settled.push((task, body, settle(hub, &proven, deadline, state).await));
    }
    case.lap("record");
    // only now: what nobody waits for is not written
    let settled = settled.into_iter().map(|(task, body, outcome)| Ok((task, body, outcome?)));
    let settled: Vec<_> = settled.collect::<Result<_, Problem>>()?;
    let mut results = Vec::with_capacity(settled.len());
    for (task, body, outcome) in settled {
        results.push(match outcome {
            Ok(accepted) => BatchResult::Accepted(accepted),
            Err(problem) => {
                case.close_item(hub, &problem, task.as_ref(), &body);
                BatchResult::Refused(BatchRefusal::of(task.as_ref(), problem))
            }
        });
    }
    case.trail.recorded_items(results.len());
    hub.pulses.beat(proven.generator.name().as_str());
    let success = results.iter().all(|result| matches!(result, BatchResult::Accepted(_)));
    Ok((answer::status(&proven.generator), Json(BatchAccepted { success, results })).into_response())
}

fn queue(hub: &Hub, arrival: &Arrival<'_>, item: BatchItem) -> Item {
    let BatchItem { body, task, decoded } = item;
    let state = match decoded {
        Ok(decoded) => {
            let about = About::of(&decoded);
            let pending = hub.journal.enqueue(arrival.entry(hub, decoded));
            Ok(Queued { about, pending })
        }
        Err(refusal) => Err(refusal.into()),
    };
    Item { task, body, state }
}

/// # Errors
/// When the item, and with it the whole batch, has to come again.
async fn settle(
    hub: &Hub,
    proven: &Proven,
    deadline: Instant,
    state: Result<Queued, Problem>,
) -> Result<Result<Accepted, Problem>, Problem> {
    let Queued { about, pending } = match state {
        Ok(queued) => queued,
        Err(problem) => return Ok(Err(problem)),
    };
    let answer = match pending {
        Ok(pending) => record::until(deadline, pending.wait()).await,
        Err(error) => Err(error),
    };
    match answer::accepted(hub, &proven.generator, &about, answer) {
        // a 200 would tell the sender never to come again
        Err(problem) if matches!(problem.code, Code::Unavailable | Code::Internal) => Err(problem),
        outcome => Ok(outcome),
    }
}

impl BatchRefusal {
    fn of(task: Option<&TaskId>, problem: Problem) -> Self {
        Self {
            success: false,
            code: problem.code.as_str(),
            detail: problem.detail,
            task_id: task.map(|task| task.as_str().to_owned()),
            errors: problem.errors,
        }
    }
}
