//! A completed result on its way to review, and into the publish pool.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::task::{GeneratorName, Lease, TaskId};
use super::time::Timestamp;

/// Publishers that took it and did not publish it, before it is given up.
pub const MOST_TRIES: u32 = 3;

/// What became of a completed task's result. One a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub id: Uuid,
    pub task: TaskId,
    pub generator: GeneratorName,
    /// Where title, text and pictures lie: a stored JSON object.
    pub document: Uuid,
    pub review: Review,
    pub note: Option<String>,
    pub created_at: Timestamp,
}

/// An approved content is in the pool: there is no approval without an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    Pending,
    Rejected,
    Approved(Entry),
}

/// A place in the publish pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1 is taken first, 10 last.
    pub priority: u8,
    pub stage: Stage,
    /// How often a publisher took it.
    pub tries: u32,
    /// Not taken before this time.
    pub publish_after: Timestamp,
    pub approved_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Pending,
    /// A publisher has it; when the lease ends before he says a word, it counts as a try.
    Publishing(Lease),
    Published {
        at: Timestamp,
    },
    Failed,
}

impl Review {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending_review",
            Self::Rejected => "rejected",
            Self::Approved(_) => "approved",
        }
    }

    #[must_use]
    pub const fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Approved(entry) => Some(entry),
            Self::Pending | Self::Rejected => None,
        }
    }
}

impl Stage {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Publishing(_) => "publishing",
            Self::Published { .. } => "published",
            Self::Failed => "failed",
        }
    }
}

/// How a result becomes a content: what its generator's file says.
pub trait Recipe: Debug + Send + Sync {
    /// Title, text and pictures, of the JSON texts of a completed task.
    fn make(&self, result: &str, input: Option<&str>, metadata: Option<&str>) -> Document;
}

/// A [`Recipe`] that is the same as another one if it is the very same.
#[derive(Clone, Debug)]
pub struct ContentRecipe(pub Arc<dyn Recipe>);

impl PartialEq for ContentRecipe {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ContentRecipe {}

/// What is reviewed and published. Its JSON object is what is stored, and what the API shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub title: Option<String>,
    pub summary: Option<String>,
    pub content: Option<String>,
    pub html: Option<String>,
    /// URLs, or objects as the generator describes its pictures.
    #[serde(default)]
    pub images: Vec<serde_json::Value>,
    pub cover_image: Option<String>,
    /// Of the text: Chinese, Japanese and Korean characters count as words of their own.
    pub word_count: Option<u64>,
    /// Under names of the generator's own.
    #[serde(default)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What an operator or a publisher does to a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A new document; only until it is approved.
    Edit {
        document: Uuid,
    },
    Approve {
        note: Option<String>,
        /// At once, if not.
        publish_after: Option<Timestamp>,
    },
    Reject {
        note: Option<String>,
    },
    /// By the holder of the lease.
    Published {
        lease: Uuid,
    },
    Failed {
        lease: Uuid,
        publish_after: Option<Timestamp>,
    },
    Extend {
        lease: Uuid,
        by: Duration,
    },
}
