//! `POST /api/callbacks/{id}/replay`: stored bytes, read with today's catalog, past the fingerprint but through the grid.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use bytes::Bytes;
use uuid::Uuid;

use super::answer::{self, About, Accepted};
use super::record::{self, Arrival};
use crate::domain::event::{Claim, Outcome};
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::domain::trace::TraceParent;
use crate::generator::entry::Generator;
use crate::generator::payload;
use crate::generator::raw::RawCallback;
use crate::generator::signature::verify;
use crate::generator::token::Capability;
use crate::http::access::Caller;
use crate::http::body::Nothing;
use crate::http::openapi::ReplayErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::{Call, Receipt, Rejection};

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
pub async fn replay_callback(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Json<Accepted>, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such callback");
    let id = id.parse::<Uuid>().map_err(|_| unknown())?;
    if let Some(receipt) = hub.store.receipt(id).await? {
        return replay_accepted(&hub, &caller, receipt).await.map(Json);
    }
    let rejection = hub.store.rejection(id).await?.ok_or_else(unknown)?;
    replay_rejected(&hub, &caller, rejection).await.map(Json)
}

async fn replay_accepted(hub: &Hub, caller: &Caller, receipt: Receipt) -> Result<Accepted, Problem> {
    if receipt.outcome == Outcome::Parked.as_str() {
        return Err(not_replayable("it waits for its task, and will be applied as soon as that is known"));
    }
    if receipt.outcome == Outcome::Event.as_str() {
        return Err(not_replayable("it is no task's business, and stored as an event already"));
    }
    let payload = receipt.payload.ok_or_else(|| not_replayable("its body is not kept"))?;
    let body = hub.store.payload(payload).await?.ok_or_else(|| not_replayable("its body is not kept any more"))?;
    let raw = stored(receipt.task.as_deref(), &receipt.headers, body, receipt.received_at)?;
    let generator = generator(hub, &receipt.generator)?;
    // it was proven when it came, and the attempt was settled then
    let attempt = receipt.attempt.and_then(|attempt| u32::try_from(attempt).ok());
    let claim = Claim { token: attempt, may_adopt: raw.task.is_some(), ..Claim::default() };
    // what proved it is forgotten: where it may have been a token that everybody's callbacks have, it is taken for that
    again((hub, caller), &generator, &raw, claim, generator.takes_ingress_token(), receipt.headers).await
}

async fn replay_rejected(hub: &Hub, caller: &Caller, rejection: Rejection) -> Result<Accepted, Problem> {
    if rejection.is_cut() {
        return Err(not_replayable("only the beginning of its body was kept"));
    }
    if rejection.token_wrong {
        return Err(not_replayable("its token was wrong, and tokens are not kept"));
    }
    let is_shared = rejection.path.starts_with("/hooks/");
    if rejection.task.is_none() && !is_shared {
        return Err(not_replayable("it names no task in its path"));
    }
    let generator = generator(hub, &rejection.generator)?;
    let mut raw = stored(rejection.task.as_deref(), &rejection.headers, rejection.body, rejection.received_at)?;
    // the token was not kept, but that it held; another one like it stands in
    match (&raw.task, rejection.token_attempt) {
        (Some(task), Some(attempt)) => {
            let token = hub.terms.capabilities().mint(Capability { task, attempt, generator: generator.name() });
            raw.query = vec![("attempt".to_owned(), attempt.to_string()), ("token".to_owned(), token)];
        }
        (None, Some(_)) => {
            raw.query = vec![("token".to_owned(), hub.terms.capabilities().mint_ingress(generator.name()))];
        }
        (_, None) => {}
    }
    let verified = verify(raw, &generator, hub.terms.capabilities(), hub.terms.published())
        .map_err(|(_, refusal)| not_replayable(&format!("it is still refused: {}", refusal.detail)))?;
    if !verified.is_proven() {
        return Err(not_replayable("nothing proves its sender"));
    }
    let claim = Claim { token: verified.token_attempt(), query: rejection.attempt, may_adopt: !is_shared, ..Claim::default() };
    again((hub, caller), &generator, verified.raw(), claim, verified.is_hearsay(), rejection.headers).await
}

async fn again(
    (hub, caller): (&Hub, &Caller),
    generator: &Arc<Generator>,
    raw: &RawCallback,
    claim: Claim,
    is_hearsay: bool,
    headers: String,
) -> Result<Accepted, Problem> {
    let decoded = payload::decode_stored(generator, raw, claim, is_hearsay)
        .map_err(|refusal| not_replayable(&format!("it still cannot be read: {}", refusal.detail)))?;
    let about = About::of(&decoded);
    let call = Call { query: Vec::new(), signed: !is_hearsay };
    let operator = Some(caller.name.clone());
    let trace = TraceParent::among(raw.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let arrival = Arrival { generator, received_at: hub.clock.now(), headers, call, operator, trace };
    let answer = record::record(hub, arrival.entry(hub, decoded)).await;
    answer::accepted(hub, generator, &about, answer)
}

fn generator(hub: &Hub, name: &str) -> Result<Arc<Generator>, Problem> {
    hub.terms.catalog().find(name).cloned().ok_or_else(|| not_replayable("its generator is not in the catalog"))
}

fn stored(task: Option<&str>, headers: &str, body: Vec<u8>, arrived: Timestamp) -> Result<RawCallback, Problem> {
    let headers: std::collections::BTreeMap<String, String> = serde_json::from_str(headers).unwrap_or_default();
    Ok(RawCallback {
        task: task.map(TaskId::parse).transpose().map_err(|_| not_replayable("it names no task"))?,
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
