//! `POST /api/callbacks/{id}/replay`: stored bytes, read with today's catalog, past the fingerprint but through the grid.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use uuid::Uuid;

use super::answer::{self, Accepted};
use super::ingress;
use super::record::{self, Arrival};
use crate::domain::event::Claim;
use crate::domain::task::TaskId;
use crate::generator::entry::Generator;
use crate::generator::payload;
use crate::generator::raw::RawCallback;
use crate::generator::signature::verify;
use crate::generator::token::Capability;
use crate::http::openapi::ReplayErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::{Receipt, Rejection};

/// Replay a callback
///
/// An accepted one counts once more, though only as far as the task's state lets it; a refused one is verified again,
/// with today's secrets, as of its own time of arrival.
#[utoipa::path(
    post,
    path = "/api/callbacks/{callback_id}/replay",
    tag = "receipts",
    params(("callback_id" = Uuid, Path, description = "The receipt's id")),
    responses((status = 200, description = "What became of it this time", body = Accepted), ReplayErrors),
)]
pub async fn replay_callback(State(hub): State<Arc<Hub>>, Segment(id): Segment) -> Result<Json<Accepted>, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such callback");
    let id = id.parse::<Uuid>().map_err(|_| unknown())?;
    if let Some(receipt) = hub.store.receipt(id).await? {
        return replay_accepted(&hub, receipt).await.map(Json);
    }
    let rejection = hub.store.rejection(id).await?.ok_or_else(unknown)?;
    replay_rejected(&hub, rejection).await.map(Json)
}

async fn replay_accepted(hub: &Hub, receipt: Receipt) -> Result<Accepted, Problem> {
    let (Some(payload), Some(task)) = (receipt.payload, receipt.task.as_deref()) else {
        return Err(not_replayable("its body is not kept"));
    };
    let body = hub.store.payload(payload).await?.ok_or_else(|| not_replayable("its body is not kept any more"))?;
    let raw = stored(task, &receipt.headers, body, receipt.received_at)?;
    // it was proven when it came, and the attempt was settled then
    let claim =
        Claim { token: receipt.attempt.and_then(|attempt| u32::try_from(attempt).ok()), may_adopt: true, ..Claim::default() };
    again(hub, &receipt.generator, &raw, claim, receipt.headers).await
}

async fn replay_rejected(hub: &Hub, rejection: Rejection) -> Result<Accepted, Problem> {
    if rejection.is_cut() {
        return Err(not_replayable("only the beginning of its body was kept"));
    }
    if rejection.token_wrong {
        return Err(not_replayable("its token was wrong, and tokens are not kept"));
    }
    let Some(task) = rejection.task.as_deref() else { return Err(not_replayable("it names no task in its path")) };
    let mut raw = stored(task, &rejection.headers, rejection.body, rejection.received_at)?;
    let generator = generator(hub, &rejection.generator)?;
    if let (Some(task), Some(attempt)) = (&raw.task, rejection.token_attempt) {
        // the token was not kept, but that it held; another one like it stands in
        let token = hub.terms.capabilities().mint(Capability { task, attempt, generator: generator.name() });
        raw.query = vec![("attempt".to_owned(), attempt.to_string()), ("token".to_owned(), token)];
    }
    let verified = verify(raw, &generator, hub.terms.capabilities(), hub.terms.published())
        .map_err(|(_, refusal)| not_replayable(&format!("it is still refused: {}", refusal.detail)))?;
    if !verified.is_proven() {
        return Err(not_replayable("nothing proves its sender"));
    }
    let claim = Claim { token: rejection.token_attempt, query: rejection.attempt, may_adopt: true, ..Claim::default() };
    again(hub, &rejection.generator, verified.raw(), claim, rejection.headers).await
}

async fn again(hub: &Hub, generator_name: &str, raw: &RawCallback, claim: Claim, headers: String) -> Result<Accepted, Problem> {
    let generator = generator(hub, generator_name)?;
    let decoded = payload::decode_stored(&generator, raw, claim)
        .map_err(|refusal| not_replayable(&format!("it still cannot be read: {}", refusal.detail)))?;
    let event = ingress::of_task(decoded)?;
    let Some(task) = event.task.clone() else { return Err(not_replayable("it names no task")) };
    let word = event.word.clone();
    let arrival = Arrival { generator: &generator, received_at: hub.clock.now(), headers, replayed: true };
    let entry = arrival.entry(hub, task.clone(), event);
    let answer = record::record(hub, entry).await;
    answer::accepted(hub, &generator, &task, word.as_deref(), answer)
}

fn generator(hub: &Hub, name: &str) -> Result<Arc<Generator>, Problem> {
    hub.terms.catalog().find(name).cloned().ok_or_else(|| not_replayable("its generator is not in the catalog"))
}

fn stored(task: &str, headers: &str, body: Vec<u8>, arrived: crate::domain::time::Timestamp) -> Result<RawCallback, Problem> {
    let headers: std::collections::BTreeMap<String, String> = serde_json::from_str(headers).unwrap_or_default();
    Ok(RawCallback {
        task: Some(TaskId::parse(task).map_err(|_| not_replayable("it names no task"))?),
        headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
        query: Vec::new(),
        body: Bytes::from(body),
        arrived,
        url: String::new(),
    })
}

fn not_replayable(why: &str) -> Problem {
    Problem::new(Code::NotReplayable, format!("This callback cannot be replayed: {why}"))
}
