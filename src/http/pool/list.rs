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
/// The newest contents first, without their texts; `claim` gives them out in another order.
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

    let filter = ContentFilter { stage, approved: true, ..ContentFilter::default() };
    let mut found = hub.store.contents(&filter, limit + 1, after).await?;
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = found.last().filter(|_| more).map(|content| cursor::encode(&[&content.id.to_string()]));
    Ok(Json(PoolList { items: found.iter().filter_map(EntryBody::of).collect(), next_cursor }))
}
