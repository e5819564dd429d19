//! `POST /api/contents/{id}/approve` and `/reject`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ContentBody, act, load, refused};
use crate::domain::review::Act;
use crate::domain::time::Timestamp;
use crate::http::body::Sent;
use crate::http::fields::Fields;
use crate::http::openapi::ActionErrors;
use crate::http::problem::Problem;
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::Papers;

/// Characters.
const LONGEST_NOTE: usize = 10_000;

/// Why it is approved, and from when on it may be published.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Approval)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
struct ApprovalBody {
    #[schema(max_length = 10000, pattern = r"^[^\x00]*$", example = "Good, publish it on Monday")]
    note: Option<String>,
    /// Not given to publishers before; at once if absent.
    #[schema(format = DateTime)]
    publish_after: Option<String>,
}

/// Why it is rejected.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Rejection)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
struct RejectionBody {
    #[schema(max_length = 10000, pattern = r"^[^\x00]*$", example = "The second paragraph is wrong")]
    note: Option<String>,
}

/// Approve a content
///
/// It goes into the publish pool, at its task's priority. A rejected one can be approved after all; one that is approved
/// already answers 409.
#[utoipa::path(
    post,
    path = "/api/contents/{content_id}/approve",
    tag = "contents",
    params(("content_id" = Uuid, Path, description = "The content's id")),
    request_body(content = Option<ApprovalBody>, content_type = "application/json"),
    responses((status = 200, description = "The approved content", body = ContentBody), ActionErrors),
)]
pub async fn approve_content(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<ContentBody>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let note = note(&mut fields);
    let publish_after = fields.parse("publish_after", "an RFC 3339 time", Timestamp::parse);
    fields.finish()?;
    decide(&hub, &id, Act::Approve { note, publish_after }).await
}

/// Reject a content
///
/// It is not published. It can still be edited, and approved after all. One that was decided on already answers 409.
#[utoipa::path(
    post,
    path = "/api/contents/{content_id}/reject",
    tag = "contents",
    params(("content_id" = Uuid, Path, description = "The content's id")),
    request_body(content = Option<RejectionBody>, content_type = "application/json"),
    responses((status = 200, description = "The rejected content", body = ContentBody), ActionErrors),
)]
pub async fn reject_content(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<ContentBody>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let note = note(&mut fields);
    fields.finish()?;
    decide(&hub, &id, Act::Reject { note }).await
}

fn note(fields: &mut Fields<'_>) -> Option<String> {
    fields.parse("note", "a text of at most 10,000 characters", |text| {
        Some(text.to_owned()).filter(|text| text.chars().count() <= LONGEST_NOTE)
    })
}

async fn decide(hub: &Hub, id: &str, decision: Act) -> Result<Json<ContentBody>, Problem> {
    let content = load(hub, id).await?.content;
    act(hub, &content, decision, Papers::None).await?.map_err(refused)?;
    Ok(Json(load(hub, id).await?.into()))
}
