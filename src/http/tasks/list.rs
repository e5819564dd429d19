//! `GET /api/tasks`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{TaskBody, briefly};
use crate::domain::task::Status;
use crate::domain::time::Timestamp;
use crate::http::cursor::{self, DEFAULT_LIMIT, MOST_ITEMS};
use crate::http::fields::Fields;
use crate::http::openapi::ListErrors;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::store::{Listed, Page, Place, TaskFilter};

#[derive(Debug, Serialize, ToSchema)]
pub struct TaskList {
    items: Vec<TaskBody>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

/// List tasks
///
/// Newest first, without `input`, `params`, `result` and `callback_url`. Where few tasks fit, a page may hold fewer than `limit`,
/// even none: there are more as long as `next_cursor` is there.
#[utoipa::path(
    get,
    path = "/api/tasks",
    tag = "tasks",
    params(
        ("status" = Option<String>, Query, pattern = "^(pending|submitted|processing|completed|failed|timed_out|cancelled)(,(pending|submitted|processing|completed|failed|timed_out|cancelled))*$", description = "One or several states, separated by commas", example = "failed,timed_out"),
        ("generator" = Option<String>, Query, min_length = 1, description = "Tasks of this generator", example = "default"),
        ("external_id" = Option<String>, Query, min_length = 1, description = "The task with this id of a generator, in any attempt"),
        ("q" = Option<String>, Query, min_length = 1, description = "A prefix of the id or of an external id"),
        ("overdue" = Option<bool>, Query, description = "True: only tasks that run past their deadline"),
        ("created_after" = Option<String>, Query, format = DateTime, description = "Created at or after", example = "2026-02-08T12:00:00Z"),
        ("created_before" = Option<String>, Query, format = DateTime, description = "Created before", example = "2026-02-08T12:00:00Z"),
        ("settled_after" = Option<String>, Query, format = DateTime, description = "Settled at or after: for asking what has ended since", example = "2026-02-08T12:00:00Z"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of tasks", body = TaskList), ListErrors),
)]
pub async fn list_tasks(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Result<Json<TaskList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let filter = filter(&hub, &mut fields);
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(DEFAULT_LIMIT);
    let after = fields.parse("cursor", "the next_cursor of a page", position);
    fields.finish()?;
    debug_assert!(limit <= MOST_ITEMS);

    let page = Page { limit: limit + 1, after };
    let Listed { mut records, looked_to } = hub.store.tasks(&filter, &page).await?;
    let more = records.len() as u64 > limit;
    records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = records.last().filter(|_| more).map(|record| (record.task.created_at, record.task.id.as_str().to_owned()));
    let next_cursor = last.or(looked_to).map(|(created, id)| cursor::encode(&[&created.micros().to_string(), &id]));
    let items = briefly(&hub, records).await?;
    Ok(Json(TaskList { items, next_cursor }))
}

fn filter(hub: &Hub, fields: &mut Fields<'_>) -> TaskFilter {
    let flag = |text: &str| text.parse::<bool>().ok();
    TaskFilter {
        status: fields.several("status", &Status::ALL, Status::as_str).unwrap_or_default(),
        generator: fields.text("generator", "a generator's name"),
        external_id: fields.text("external_id", "an external id"),
        prefix: fields.text("q", "the beginning of an id"),
        overdue_at: fields.parse("overdue", "true or false", flag).filter(|wanted| *wanted).map(|_| hub.clock.now()),
        created_after: fields.time("created_after"),
        created_before: fields.time("created_before"),
        settled_after: fields.time("settled_after"),
    }
}

fn position(text: &str) -> Option<Place> {
    let [created, id] = cursor::decode(text)?;
    Some((Timestamp::from_micros(created.parse().ok()?), id))
}
