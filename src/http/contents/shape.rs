//! A content as clients see it.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::review::{Content, Document};
use crate::domain::time::Timestamp;
use crate::store::ContentRecord;
use crate::subscription::publish_status;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Content)]
pub struct ContentBody {
    id: Uuid,
    #[schema(example = "article-7")]
    task_id: String,
    #[schema(example = "content-creator")]
    generator: String,
    title: Option<String>,
    summary: Option<String>,
    /// The text, as the generator wrote it: often Markdown.
    content: Option<String>,
    html: Option<String>,
    /// URLs, or objects as the generator describes its pictures.
    #[schema(value_type = Vec<serde_json::Value>)]
    images: Vec<Value>,
    cover_image: Option<String>,
    /// Chinese, Japanese and Korean characters count as words of their own.
    word_count: Option<u64>,
    /// Under names of the generator's own.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    fields: Map<String, Value>,
    #[schema(value_type = ReviewWord, example = "pending_review")]
    review_status: &'static str,
    /// What whoever approved or rejected it has said; until then why it waits, if that is not the rule.
    review_note: Option<String>,
    #[schema(value_type = PublishWord, example = "draft")]
    publish_status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// For the API document.
#[derive(Debug, ToSchema)]
#[schema(as = ReviewStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a word for the API document")]
enum ReviewWord {
    PendingReview,
    Approved,
    Rejected,
}

/// `draft` until it is approved, then in the publish pool.
#[derive(Debug, ToSchema)]
#[schema(as = PublishStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a word for the API document")]
enum PublishWord {
    Draft,
    Pooled,
    Publishing,
    Published,
    Failed,
}

impl From<ContentRecord> for ContentBody {
    fn from(record: ContentRecord) -> Self {
        let ContentRecord { content, document } = record;
        let Document { title, summary, content: text, html, images, cover_image, word_count, fields } = document;
        let Content { id, task, generator, document: _, review, note, created_at } = content;
        Self {
            id,
            task_id: task.as_str().to_owned(),
            generator: generator.as_str().to_owned(),
            title,
            summary,
            content: text,
            html,
            images,
            cover_image,
            word_count,
            fields,
            review_status: review.as_str(),
            review_note: note,
            publish_status: publish_status(&review),
            created_at,
        }
    }
}
