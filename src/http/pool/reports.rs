//! What a publisher says about an entry: `POST /api/pool/{id}/published`, `/failed` and `/extend`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{EntryBody, lease_seconds};
use crate::domain::review::Act;
use crate::http::body::{self, Terms};
use crate::http::contents::{act, load, refused};
use crate::http::fields::Fields;
use crate::http::openapi::LeaseErrors;
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
/// By the holder of its lease. Webhooks hear `content.published`.
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
    request: Request<Body>,
) -> Result<Json<EntryBody>, Problem> {
    let body = read(&hub, request).await?;
    let mut fields = Fields::of_body(&body)?;
    let lease = lease_token(&mut fields);
    fields.finish()?;
    report(&hub, &id, Act::Published { lease }).await
}

/// Say that a content could not be published
///
/// By the holder of its lease. It waits for the next publisher, or, after the third try, is `failed`.
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
    request: Request<Body>,
) -> Result<Json<EntryBody>, Problem> {
    const WANTED: &str = "a whole number of seconds, at most 30 days";
    let body = read(&hub, request).await?;
    let mut fields = Fields::of_body(&body)?;
    let lease = lease_token(&mut fields);
    let error = fields.parse("error", "a text", |text| Some(shortened(text)));
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
    request: Request<Body>,
) -> Result<Json<EntryBody>, Problem> {
    let body = read(&hub, request).await?;
    let mut fields = Fields::of_body(&body)?;
    let lease = lease_token(&mut fields);
    let by = lease_seconds(&mut fields);
    fields.finish()?;
    report(&hub, &id, Act::Extend { lease, by }).await
}

async fn read(hub: &Hub, request: Request<Body>) -> Result<Bytes, Problem> {
    let terms = Terms { limit: hub.options.max_body, within: hub.options.body_timeout, sender: None };
    body::read(request.into_body(), &hub.budget, &terms).await
}

/// What cannot be a token is one that nobody holds.
fn lease_token(fields: &mut Fields<'_>) -> Uuid {
    let given = fields.raw("lease_token").map(|json| serde_json::from_str::<String>(json.get()));
    match given {
        Some(Ok(text)) => return text.parse().unwrap_or_default(),
        Some(Err(_)) => fields.blame("lease_token", "must be a text"),
        None => fields.blame("lease_token", "is missing: it is what the claim gave"),
    }
    Uuid::nil()
}

fn shortened(text: &str) -> String {
    text.chars().map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).take(LONGEST_ERROR).collect()
}

async fn report(hub: &Hub, id: &str, said: Act) -> Result<Json<EntryBody>, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such entry in the pool");
    let content = load(hub, id).await?.content;
    if content.review.entry().is_none() {
        return Err(unknown());
    }
    act(hub, &content, said, Papers::None).await?.map_err(refused)?;
    let content = load(hub, id).await?.content;
    EntryBody::of(&content).map(Json).ok_or_else(unknown)
}
