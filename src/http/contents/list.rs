//! `GET /api/contents`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ContentBody;
use crate::domain::review::Content;
use crate::domain::task::TaskId;
use crate::http::cursor::{self, DEFAULT_LIMIT};
use crate::http::fields::Fields;
use crate::http::openapi::ListErrors;
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;
use crate::store::ContentFilter;

/// A page ends where its texts get longer than this, in bytes.
const LONGEST_PAGE: usize = 8 << 20;
/// Texts that are read together.
const AT_ONCE: usize = 10;

#[derive(Debug, Serialize, ToSchema)]
pub struct ContentList {
    #[schema(value_type = Vec<ContentBody>)]
    items: Vec<Box<RawValue>>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

/// List contents
///
/// Newest first. A page of long texts, or where few contents fit, may hold fewer than `limit`, even none: there are more as long
/// as `next_cursor` is there.
#[utoipa::path(
    get,
    path = "/api/contents",
    tag = "contents",
    params(
        ("review_status" = Option<String>, Query, pattern = "^(pending_review|approved|rejected)$", description = "`pending_review` is what waits for somebody to decide"),
        ("publish_status" = Option<String>, Query, pattern = "^(draft|pooled|publishing|published|failed)$", description = "Where it is on its way to the public"),
        ("task_id" = Option<String>, Query, description = "The content of this task", example = "article-7"),
        ("generator" = Option<String>, Query, min_length = 1, description = "Contents that this generator made"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of contents", body = ContentList), ListErrors),
)]
pub async fn list_contents(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Result<Json<ContentList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let filter = filter(&mut fields);
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(DEFAULT_LIMIT);
    let after = fields.parse("cursor", "the next_cursor of a page", position);
    fields.finish()?;

    let (mut found, looked_to) = hub.store.contents(&filter, after, limit + 1).await?;
    let mut next_cursor = cursor::cut(&mut found, limit, |content| content.id, looked_to);
    let all: Vec<Uuid> = found.iter().map(|content| content.id).collect();
    let items = with_texts(&hub, found).await?;
    if items.len() < all.len() {
        next_cursor = items.len().checked_sub(1).and_then(|last| all.get(last)).map(|id| cursor::encode(&[&id.to_string()]));
    }
    Ok(Json(ContentList { items, next_cursor }))
}

/// As many of them, from the first, as a page holds.
async fn with_texts(hub: &Hub, mut contents: Vec<Content>) -> Result<Vec<Box<RawValue>>, Problem> {
    let (mut items, mut length) = (Vec::new(), 0);
    while !contents.is_empty() && length <= LONGEST_PAGE {
        let rest = contents.split_off(contents.len().min(AT_ONCE));
        for record in hub.store.with_documents(std::mem::replace(&mut contents, rest)).await? {
            let item = to_raw_value(&ContentBody::from(record)).map_err(|_| Problem::of(Code::Internal))?;
            length += item.get().len();
            if length <= LONGEST_PAGE || items.is_empty() {
                items.push(item);
            }
        }
    }
    Ok(items)
}

fn filter(fields: &mut Fields<'_>) -> ContentFilter {
    let one_of = |words: &'static [&'static str]| move |text: &str| words.contains(&text).then(|| text.to_owned());
    let review = ["pending_review", "approved", "rejected"].as_slice();
    let publish = ["draft", "pooled", "publishing", "published", "failed"].as_slice();
    let status = fields.parse("publish_status", "one of draft, pooled, publishing, published, failed", one_of(publish));
    let draft = status.as_deref() == Some("draft");
    // the pool's own word for what waits in it
    let stage = status.filter(|_| !draft).map(|word| if word == "pooled" { "pending".to_owned() } else { word });
    ContentFilter {
        review: fields.parse("review_status", "one of pending_review, approved, rejected", one_of(review)),
        stage,
        approved: false,
        draft,
        task: fields.parse("task_id", "a task's id", |text| TaskId::parse(text).ok()),
        generator: fields.text("generator", "a generator's name"),
    }
}

/// Where a page of contents, or of the pool, has ended.
pub(in crate::http) fn position(text: &str) -> Option<Uuid> {
    let [id] = cursor::decode(text)?;
    id.parse().ok()
}
