//! `POST /api/pool/claim`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{EntryBody, lease_seconds};
use crate::domain::task::Lease;
use crate::http::body::Sent;
use crate::http::contents::ContentBody;
use crate::http::fields::Fields;
use crate::http::openapi::BulkErrors;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::store::ContentRecord;

const MOST_ENTRIES: u64 = 100;

/// How many, and for how long.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Claim)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
struct ClaimBody {
    /// At most; 1 if absent. Fewer come where their texts are large.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// 300 if absent. A publisher that has said nothing until then has used a try.
    #[schema(minimum = 10, maximum = 3600)]
    lease_seconds: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Claimed {
    /// Empty if nothing waits.
    items: Vec<ClaimedEntry>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimedEntry {
    #[serde(flatten)]
    entry: EntryBody,
    /// To be given back with whatever is said about the entry.
    lease_token: Uuid,
    content: ContentBody,
}

/// Take contents to publish them
///
/// Nobody else is given them until the lease ends. Priority 1 comes first, and of a priority what has waited for longest.
/// The texts of one answer are no more than 32 MiB together; a larger one comes alone.
#[utoipa::path(
    post,
    path = "/api/pool/claim",
    tag = "pool",
    request_body(content = Option<ClaimBody>, content_type = "application/json"),
    responses((status = 200, description = "What was taken, with the texts", body = Claimed), BulkErrors),
)]
pub async fn claim_entries(State(hub): State<Arc<Hub>>, Sent(body): Sent) -> Result<Json<Claimed>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let limit = fields.whole("limit", "a whole number from 1 to 100").unwrap_or(1);
    if !(1..=MOST_ENTRIES).contains(&limit) {
        fields.blame("limit", "must be a whole number from 1 to 100");
    }
    let lasts = lease_seconds(&mut fields);
    fields.finish()?;

    let now = hub.clock.now();
    let lease = Lease { token: Uuid::now_v7(), until: now.plus(lasts) };
    let store = hub.store.clone();
    let claim = async move { store.claim_pool(lease, now, limit).await };
    let lent = hub.lifecycle.see_through(claim).await.ok_or_else(|| Problem::unavailable("The service is stopping"))??;
    Ok(Json(Claimed { items: lent.into_iter().filter_map(|record| claimed(record, lease.token)).collect() }))
}

fn claimed(record: ContentRecord, lease_token: Uuid) -> Option<ClaimedEntry> {
    Some(ClaimedEntry { entry: EntryBody::of(&record.content)?, lease_token, content: record.into() })
}
