//! An entry of the pool as publishers see it.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::review::{Content, Stage};
use crate::domain::time::Timestamp;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PoolEntry)]
pub struct EntryBody {
    /// The same as `content_id`: a content has one place in the pool.
    id: Uuid,
    content_id: Uuid,
    #[schema(example = "article-7")]
    task_id: String,
    /// 1 is taken first, 10 last.
    priority: u8,
    #[schema(value_type = StageWord, example = "pending")]
    status: &'static str,
    /// How often a publisher took it; three are the most.
    tries: u32,
    /// Not taken before.
    #[schema(value_type = String, format = DateTime)]
    publish_after: Timestamp,
    /// While a publisher has it. A lease that is over is ended by the next claim.
    #[schema(value_type = Option<String>, format = DateTime)]
    lease_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    published_at: Option<Timestamp>,
    /// What the publisher said who has last given it back.
    last_error: Option<String>,
}

/// For the API document.
#[derive(Debug, ToSchema)]
#[schema(as = PoolStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a word for the API document")]
enum StageWord {
    Pending,
    Publishing,
    Published,
    Failed,
}

impl EntryBody {
    /// None: the content is not in the pool.
    pub(super) fn of(content: &Content) -> Option<Self> {
        let entry = content.review.entry()?;
        let (lease_until, published_at) = match &entry.stage {
            Stage::Publishing(lease) => (Some(lease.until), None),
            Stage::Published { at } => (None, Some(*at)),
            Stage::Pending | Stage::Failed => (None, None),
        };
        Some(Self {
            id: content.id,
            content_id: content.id,
            task_id: content.task.as_str().to_owned(),
            priority: entry.priority,
            status: entry.stage.as_str(),
            tries: entry.tries,
            publish_after: entry.publish_after,
            lease_until,
            published_at,
            last_error: entry.error.clone(),
        })
    }
}
