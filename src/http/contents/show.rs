//! `GET /api/contents/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{ContentBody, load};
use crate::http::openapi::ContentErrors;
use crate::http::problem::Problem;
use crate::http::segment::Segment;
use crate::http::state::Hub;

/// Read a content
///
/// With its text, and where it is on its way.
#[utoipa::path(
    get,
    path = "/api/contents/{content_id}",
    tag = "contents",
    params(("content_id" = Uuid, Path, description = "The content's id")),
    responses((status = 200, description = "The content", body = ContentBody), ContentErrors),
)]
pub async fn read_content(State(hub): State<Arc<Hub>>, Segment(id): Segment) -> Result<Json<ContentBody>, Problem> {
    Ok(Json(load(&hub, &id).await?.into()))
}
