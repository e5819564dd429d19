//! Many callbacks in one body. Items are queued together, so that they share as few commits as possible.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::answer::{self, BatchAccepted, BatchRefusal, BatchResult};
use super::ingress::{self, Inbound, Proven};
use super::record::{self, Arrival};
use super::refused::Case;
use crate::domain::task::TaskId;
use crate::generator::payload::{Decoded, decode_batch};
use crate::generator::refusal::Refusal;
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;
use crate::journal::{Pending, RecordError};

/// An item that is on its way, or is not.
enum Item {
    Queued { task: TaskId, word: Option<String>, pending: Result<Pending, RecordError> },
    Refused { task: Option<TaskId>, problem: Problem },
}

pub(super) async fn take(hub: Arc<Hub>, inbound: Inbound) -> Response {
    let mut case = Case::open(&hub, &inbound);
    match batch(&hub, inbound, &mut case).await {
        Ok(accepted) => Json(accepted).into_response(),
        Err(problem) => case.close(&hub, &problem).into_response(),
    }
}

async fn batch(hub: &Hub, inbound: Inbound, case: &mut Case) -> Result<BatchAccepted, Problem> {
    let proven = ingress::prove(hub, inbound, case).await?;
    let decoded = decode_batch(&proven.verified)?;
    let arrival = Arrival::of(&proven);
    let items: Vec<Item> = decoded.into_iter().map(|item| queue(hub, &arrival, item)).collect();
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        results.push(settle(hub, &proven, item).await?);
    }
    let success = results.iter().all(|result| matches!(result, BatchResult::Accepted(_)));
    Ok(BatchAccepted { success, results })
}

fn queue(hub: &Hub, arrival: &Arrival<'_>, item: Result<Decoded, Refusal>) -> Item {
    match item.map(|decoded| (decoded.task.clone(), decoded)) {
        Ok((Some(task), decoded)) => {
            let word = decoded.word.clone();
            let pending = hub.journal.enqueue(arrival.entry(hub, task.clone(), decoded));
            Item::Queued { task, word, pending }
        }
        Ok((None, _)) => Item::Refused { task: None, problem: Problem::of(Code::UnknownTask) },
        Err(refusal) => Item::Refused { task: None, problem: refusal.into() },
    }
}

/// # Errors
/// When the item, and with it the whole batch, has to come again.
async fn settle(hub: &Hub, proven: &Proven, item: Item) -> Result<BatchResult, Problem> {
    let (task, problem) = match item {
        Item::Refused { task, problem } => (task, problem),
        Item::Queued { task, word, pending } => {
            let answer = match pending {
                Ok(pending) => record::within(hub, pending.wait()).await,
                Err(error) => Err(error),
            };
            match answer::accepted(hub, &proven.generator, &task, word.as_deref(), answer) {
                Ok(accepted) => return Ok(BatchResult::Accepted(accepted)),
                Err(problem) => (Some(task), problem),
            }
        }
    };
    if problem.code == Code::Unavailable {
        return Err(problem);
    }
    hub.figures.count_rejection(problem.code.as_str());
    Ok(BatchResult::Refused(BatchRefusal {
        success: false,
        code: problem.code.as_str(),
        detail: problem.detail,
        task_id: task.map(|task| task.as_str().to_owned()),
        errors: problem.errors,
    }))
}
