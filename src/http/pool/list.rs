//! `GET /api/pool`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::EntryBody;
use crate::http::contents::position;
use crate::http::cursor::{self, DEFAULT_LIMIT};
use crate::http::fields::Fields;
use crate::http::openapi::ListErrors;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::store::ContentFilter;

const STAGES: [&str; 4] = ["pending", "publishing", "published", "failed"];

#[derive(Debug, Serialize, ToSchema)]
pub struct PoolList {
    items: Vec<EntryBody>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

/// List the publish pool
///
/// The newest contents first, without their texts; `claim` gives them out in another order. Where few are in the pool, a page
/// may hold fewer than `limit`, even none: there are more as long as `next_cursor` is there.
#[utoipa::path(
    get,
    path = "/api/pool",
    tag = "pool",
    params(
        ("status" = Option<String>, Query, pattern = "^(pending|publishing|published|failed)$", description = "`failed`: three publishers took it, and none has published it"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of entries", body = PoolList), ListErrors),
)]
pub async fn list_pool(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Result<Json<PoolList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let word = |text: &str| STAGES.contains(&text).then(|| text.to_owned());
    let stage = fields.parse("status", "one of pending, publishing, published, failed", word);
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(DEFAULT_LIMIT);
    let after = fields.parse("cursor", "the next_cursor of a page", position);
    fields.finish()?;

    let filter = ContentFilter { approved: stage.is_none(), stage, ..ContentFilter::default() };
    let (mut found, looked_to) = hub.store.contents(&filter, after, limit + 1).await?;
    let next_cursor = cursor::cut(&mut found, limit, |content| content.id, looked_to);
    Ok(Json(PoolList { items: found.iter().filter_map(EntryBody::of).collect(), next_cursor }))
}
