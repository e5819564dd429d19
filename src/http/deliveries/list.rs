//! `GET /api/deliveries`, one of them, and those of a task.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{DeliveryBody, delivery_id, load, narrowed};
use crate::domain::delivery::Status;
use crate::domain::task::TaskId;
use crate::http::cursor::{self, DEFAULT_LIMIT};
use crate::http::fields::Fields;
use crate::http::openapi::{ListErrors, ReceiptErrors, TaskErrors};
use crate::http::problem::Problem;
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::http::tasks::{known, task_id};
use crate::store::DeliveryFilter;

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryList {
    items: Vec<DeliveryBody>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

/// List deliveries
///
/// Newest first, without bodies. `status=dead` is the dead-letter queue. Where few deliveries fit, a page may hold fewer than
/// `limit`, even none: there are more as long as `next_cursor` is there.
#[utoipa::path(
    get,
    path = "/api/deliveries",
    tag = "deliveries",
    params(
        ("status" = Option<String>, Query, pattern = "^(pending|delivered|dead|superseded)(,(pending|delivered|dead|superseded))*$", description = "One or several states, separated by commas", example = "dead"),
        ("webhook_id" = Option<Uuid>, Query, description = "To this webhook"),
        ("task_id" = Option<String>, Query, min_length = 1, description = "About this task"),
        ("event" = Option<String>, Query, min_length = 1, description = "Of events of this name", example = "task.completed"),
        ("created_after" = Option<String>, Query, format = DateTime, description = "Made at or after", example = "2026-02-08T12:00:00Z"),
        ("created_before" = Option<String>, Query, format = DateTime, description = "Made before", example = "2026-02-08T12:00:00Z"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of deliveries", body = DeliveryList), ListErrors),
)]
pub async fn list_deliveries(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Result<Json<DeliveryList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let (status, narrowed) = (states(&mut fields), narrowed(&mut fields));
    let (limit, after) = page(&mut fields);
    fields.finish()?;
    read(&hub, &DeliveryFilter { status, ..narrowed }, after, limit).await
}

/// List a task's deliveries
///
/// Newest first, without bodies, to registered webhooks and to the task's own.
#[utoipa::path(
    get,
    path = "/api/tasks/{task_id}/deliveries",
    tag = "deliveries",
    params(
        ("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42"),
        ("status" = Option<String>, Query, pattern = "^(pending|delivered|dead|superseded)(,(pending|delivered|dead|superseded))*$", description = "One or several states, separated by commas", example = "dead"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of deliveries", body = DeliveryList), TaskErrors),
)]
pub async fn list_task_deliveries(
    State(hub): State<Arc<Hub>>,
    Segment(task): Segment,
    RawQuery(query): RawQuery,
) -> Result<Json<DeliveryList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let status = states(&mut fields);
    let (limit, after) = page(&mut fields);
    fields.finish()?;
    let task: TaskId = task_id(&task)?;
    known(&hub, &task).await?;
    read(&hub, &DeliveryFilter { status, task: Some(task), ..DeliveryFilter::default() }, after, limit).await
}

/// Read a delivery
///
/// With the body that was sent, or will be, and the latest attempts.
#[utoipa::path(
    get,
    path = "/api/deliveries/{delivery_id}",
    tag = "deliveries",
    params(("delivery_id" = Uuid, Path, description = "The delivery's id: the subscriber's `webhook-id`")),
    responses((status = 200, description = "The delivery", body = DeliveryBody), ReceiptErrors),
)]
pub async fn read_delivery(State(hub): State<Arc<Hub>>, Segment(id): Segment) -> Result<Json<DeliveryBody>, Problem> {
    Ok(Json(load(&hub, delivery_id(&id)?).await?))
}

fn states(fields: &mut Fields<'_>) -> Vec<Status> {
    fields.several("status", &Status::ALL, Status::as_str).unwrap_or_default()
}

fn page(fields: &mut Fields<'_>) -> (u64, Option<Uuid>) {
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(DEFAULT_LIMIT);
    let after = fields.parse("cursor", "the next_cursor of a page", |text| {
        let [id] = cursor::decode(text)?;
        id.parse().ok()
    });
    (limit, after)
}

async fn read(hub: &Hub, filter: &DeliveryFilter, after: Option<Uuid>, limit: u64) -> Result<Json<DeliveryList>, Problem> {
    let (mut found, looked_to) = hub.store.deliveries(filter, after, limit + 1).await?;
    let next_cursor = cursor::cut(&mut found, limit, |delivery| delivery.id, looked_to);
    let items = found.into_iter().map(|delivery| DeliveryBody::of(delivery, None)).collect();
    Ok(Json(DeliveryList { items, next_cursor }))
}
