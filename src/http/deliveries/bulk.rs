//! `POST /api/deliveries/retry`, and the same for one task: many dead deliveries are retried, little by little.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{narrowed, ring};
use crate::http::body::Sent;
use crate::http::fields::Fields;
use crate::http::openapi::{BulkErrors, ChangeErrors};
use crate::http::problem::Problem;
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::http::tasks::{known, task_id};
use crate::store::{DeliveryFilter, Pace, Revivable, Store, StoreError};

/// Those of one webhook become due at this rate.
const A_SECOND: u32 = 100;
const DEFAULT_MOST: u64 = 10_000;
const MOST: u64 = 100_000;

/// Which dead deliveries are retried: those for which everything holds that is given.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RetryDeliveries)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct BulkBody {
    webhook_id: Option<Uuid>,
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")]
    task_id: Option<String>,
    /// An event's name.
    #[schema(min_length = 1, example = "task.completed")]
    event: Option<String>,
    /// Made at or after.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_after: Option<String>,
    /// Made before.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_before: Option<String>,
    /// Only `dead`, which is also what is meant if it is absent.
    #[schema(pattern = "^dead$", example = "dead")]
    status: Option<String>,
    /// Retried at most, the oldest first; 10,000 if absent.
    #[schema(minimum = 1, maximum = 100_000)]
    limit: Option<u64>,
    /// Only count.
    dry_run: Option<bool>,
}

/// How a task's dead deliveries are retried; an empty body is enough.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RetryTaskDeliveries)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct PushBody {
    /// Retried at most, the oldest first; 100,000 if absent.
    #[schema(minimum = 1, maximum = 100_000)]
    limit: Option<u64>,
    /// Only count.
    dry_run: Option<bool>,
}

/// What was retried. `matched` is the sum of all the others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetriedDeliveries)]
pub struct BulkAnswer {
    matched: u64,
    /// Pending now; in a dry run, those that would be.
    retried: u64,
    skipped: Skipped,
    /// Left dead for `limit`'s sake.
    remaining: u64,
    dry_run: bool,
}

/// Left dead because nobody would hear.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SkippedDeliveries)]
struct Skipped {
    webhook_disabled: u64,
    webhook_deleted: u64,
}

/// Retry dead deliveries
///
/// Those of each webhook become due at 100 a second, oldest first, with the whole schedule before them. Paused webhooks get
/// theirs when they are active again.
#[utoipa::path(
    post,
    path = "/api/deliveries/retry",
    tag = "deliveries",
    request_body(content = BulkBody, content_type = "application/json"),
    responses((status = 200, description = "What was retried", body = BulkAnswer), BulkErrors),
)]
pub async fn retry_deliveries(State(hub): State<Arc<Hub>>, Sent(body): Sent) -> Result<Json<BulkAnswer>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let filter = narrowed(&mut fields);
    // accepted for the sake of those who say what is meant anyway
    fields.parse("status", "dead: only dead deliveries are retried in bulk", |text| (text == "dead").then_some(()));
    let (most, dry_run) = bounds(&mut fields);
    fields.finish()?;
    retry(&hub, filter, most.unwrap_or(DEFAULT_MOST), dry_run).await
}

/// Retry a task's dead deliveries
///
/// To all webhooks that hear of the task.
#[utoipa::path(
    post,
    path = "/api/tasks/{task_id}/retry-push",
    tag = "deliveries",
    params(("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")),
    request_body(content = Option<PushBody>, content_type = "application/json"),
    responses((status = 200, description = "What was retried", body = BulkAnswer), ChangeErrors),
)]
pub async fn retry_task_deliveries(
    State(hub): State<Arc<Hub>>,
    Segment(task): Segment,
    Sent(body): Sent,
) -> Result<Json<BulkAnswer>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let (most, dry_run) = bounds(&mut fields);
    fields.finish()?;
    let task = task_id(&task)?;
    known(&hub, &task).await?;
    retry(&hub, DeliveryFilter { task: Some(task), ..DeliveryFilter::default() }, most.unwrap_or(MOST), dry_run).await
}

/// How many at most, and whether only to count.
fn bounds(fields: &mut Fields<'_>) -> (Option<u64>, bool) {
    let most: Option<u64> = fields.whole("limit", "a whole number from 1 to 100000");
    if most.is_some_and(|most| !(1..=MOST).contains(&most)) {
        fields.blame("limit", "must be a whole number from 1 to 100000");
    }
    (most, fields.take("dry_run", "true or false").unwrap_or(false))
}

async fn retry(hub: &Arc<Hub>, filter: DeliveryFilter, most: u64, dry_run: bool) -> Result<Json<BulkAnswer>, Problem> {
    if dry_run {
        let found = hub.store.revivable(&filter, None).await?;
        let retried = found.willing.min(most);
        return Ok(Json(BulkAnswer::of(retried, found, found.willing - retried, true)));
    }
    let hub_too = hub.clone();
    let done = hub.lifecycle.see_through(async move { revive(&hub_too, &filter, most).await }).await;
    let (retried, found, remaining) = done.ok_or_else(|| Problem::unavailable("The service is stopping"))??;
    Ok(Json(BulkAnswer::of(retried, found, remaining, false)))
}

/// How many are due now; what was left; how much of that only for the bound's sake.
async fn revive(hub: &Hub, filter: &DeliveryFilter, most: u64) -> Result<(u64, Revivable, u64), StoreError> {
    let store: &Store = &hub.store;
    let mut pace = Pace::new(hub.clock.now(), A_SECOND);
    let (mut retried, mut left, mut last) = (0, Revivable::default(), None);
    loop {
        let part = store.revive_part(filter, last, most - retried, &mut pace).await?;
        retried += part.count;
        left += part.left;
        last = part.last;
        ring(hub, part.lanes.iter().map(String::as_str));
        if last.is_none() {
            break;
        }
        if retried == most {
            // those that are retried and dead again by now are counted already
            left += store.revivable(filter, last).await?;
            break;
        }
    }
    Ok((retried, left, left.willing))
}

impl BulkAnswer {
    fn of(retried: u64, found: Revivable, remaining: u64, dry_run: bool) -> Self {
        let skipped = Skipped { webhook_disabled: found.disabled, webhook_deleted: found.deleted };
        let matched = retried + skipped.webhook_disabled + skipped.webhook_deleted + remaining;
        Self { matched, retried, skipped, remaining, dry_run }
    }
}
