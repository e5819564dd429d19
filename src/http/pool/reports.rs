//! What a publisher says about an entry: `POST /api/pool/{id}/published`, `/failed` and `/extend`; and an operator: `/retry`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{EntryBody, lease_seconds};
use crate::domain::plan::Refusal;
use crate::domain::review::{Act, Content};
use crate::http::body::{Nothing, Sent};
use crate::http::contents::{act, refused};
use crate::http::fields::Fields;
use crate::http::openapi::{ActionErrors, LeaseErrors};
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::Papers;

/// Characters that are kept.
const LONGEST_ERROR: usize = 2_000;
const LONGEST_PAUSE: u64 = 30 * 24 * 3600;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Published)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
struct PublishedBody {
    /// As `claim` gave it.
    lease_token: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PublishFailure)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
struct FailedBody {
    /// As `claim` gave it.
    lease_token: String,
    /// What went wrong, for whoever looks into it; its first 2,000 characters are kept.
    #[schema(example = "the platform says: too many posts today")]
    error: Option<String>,
    /// Nobody is given the entry before; at once if absent.
    #[schema(maximum = 2_592_000)]
    retry_after_seconds: Option<u64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LeaseExtension)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
struct ExtensionBody {
    /// As `claim` gave it.
    lease_token: String,
    /// From now; 300 if absent. A lease never gets shorter.
    #[schema(minimum = 10, maximum = 3600)]
    lease_seconds: Option<u64>,
}

/// Say that a content is published
///
/// By the holder of its lease. Webhooks hear `content.published`. Said again with the same token, it changes nothing, and
/// answers the same.
#[utoipa::path(
    post,
    path = "/api/pool/{entry_id}/published",
    tag = "pool",
    params(("entry_id" = Uuid, Path, description = "The entry's id")),
    request_body(content = PublishedBody, content_type = "application/json"),
    responses((status = 200, description = "The entry as it is now", body = EntryBody), LeaseErrors),
)]
pub async fn entry_published(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<EntryBody>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let lease = lease_token(&mut fields);
    fields.finish()?;
    report(&hub, &id, Act::Published { lease }).await
}

/// Say that a content could not be published
///
/// By the holder of its lease. It waits for the next publisher, or, after the third try, is `failed`. Said again with the same
/// token, it changes nothing as long as nobody else was given the entry.
#[utoipa::path(
    post,
    path = "/api/pool/{entry_id}/failed",
    tag = "pool",
    params(("entry_id" = Uuid, Path, description = "The entry's id")),
    request_body(content = FailedBody, content_type = "application/json"),
    responses((status = 200, description = "The entry as it is now", body = EntryBody), LeaseErrors),
)]
pub async fn entry_failed(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<EntryBody>, Problem> {
    const WANTED: &str = "a whole number of seconds, at most 30 days";
    let mut fields = Fields::of_body(&body)?;
    let lease = lease_token(&mut fields);
    let error = fields.parse("error", "a text", |text| Some(text.chars().take(LONGEST_ERROR).collect()));
    let pause: Option<u64> = fields.whole("retry_after_seconds", WANTED);
    if pause.is_some_and(|seconds| seconds > LONGEST_PAUSE) {
        fields.blame("retry_after_seconds", format!("must be {WANTED}"));
    }
    fields.finish()?;
    let publish_after = pause.map(|seconds| hub.clock.now().plus(Duration::from_secs(seconds)));
    report(&hub, &id, Act::Failed { lease, error, publish_after }).await
}

/// Keep a content for longer
///
/// By the holder of its lease, as long as that has not ended.
#[utoipa::path(
    post,
    path = "/api/pool/{entry_id}/extend",
    tag = "pool",
    params(("entry_id" = Uuid, Path, description = "The entry's id")),
    request_body(content = ExtensionBody, content_type = "application/json"),
    responses((status = 200, description = "The entry as it is now", body = EntryBody), LeaseErrors),
)]
pub async fn extend_entry(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<EntryBody>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let lease = lease_token(&mut fields);
    let by = lease_seconds(&mut fields);
    fields.finish()?;
    report(&hub, &id, Act::Extend { lease, by }).await
}

/// Offer a failed content again
///
/// It waits for publishers as if none had tried. An entry that is not `failed` answers 409.
#[utoipa::path(
    post,
    path = "/api/pool/{entry_id}/retry",
    tag = "pool",
    params(("entry_id" = Uuid, Path, description = "The entry's id")),
    responses((status = 200, description = "The entry, pending", body = EntryBody), ActionErrors),
)]
pub async fn retry_entry(State(hub): State<Arc<Hub>>, Segment(id): Segment, _: Nothing) -> Result<Json<EntryBody>, Problem> {
    let entry = report(&hub, &id, Act::Retry).await?;
    tracing::info!(content = id, "a content that nobody could publish is offered again");
    Ok(entry)
}

/// What cannot be a token is one that nobody holds.
fn lease_token(fields: &mut Fields<'_>) -> Uuid {
    let given = fields.document("lease_token").map(|json| serde_json::from_str::<String>(json.get()));
    match given {
        Some(Ok(text)) => return text.parse().unwrap_or_default(),
        Some(Err(_)) => fields.blame("lease_token", "must be a text"),
        None => fields.blame_too("lease_token", "is missing: it is what the claim gave"),
    }
    Uuid::nil()
}

async fn report(hub: &Hub, id: &str, said: Act) -> Result<Json<EntryBody>, Problem> {
    let content = entry(hub, id).await?;
    match act(hub, &content, said, Papers::None).await? {
        // erased since it was looked for
        Err(Refusal::NoContent) => return Err(unknown()),
        outcome => outcome.map_err(refused)?,
    }
    EntryBody::of(&entry(hub, id).await?).map(Json).ok_or_else(unknown)
}

/// A content that is in the pool.
async fn entry(hub: &Hub, id: &str) -> Result<Content, Problem> {
    let found = id.parse().ok().map(|id| hub.store.content(id));
    let found = if let Some(found) = found { found.await? } else { None };
    found.map(|record| record.content).filter(|content| content.review.entry().is_some()).ok_or_else(unknown)
}

/// A publisher may hold a lease of what somebody has erased meanwhile: then there is nothing that he could publish.
fn unknown() -> Problem {
    Problem::new(Code::NotFound, "There is no such entry in the pool: there never was, or it was erased with its task")
}
