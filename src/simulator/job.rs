//! One job: where it stands follows from its course and the time alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body;
use super::faults::Course;
use super::script::{End, News};
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

pub(super) struct Job {
    /// From 1, in the order of submission.
    pub number: u32,
    pub id: TaskId,
    /// By which the client repeats its submission.
    pub key: Option<String>,
    /// What faults are drawn for: the key, else the number.
    pub identity: String,
    pub callback_url: Option<String>,
    pub course: Course,
    pub begun: Timestamp,
    pub pace: Duration,
    /// By its client.
    pub cancelled: Option<Timestamp>,
    pub counts: Counts,
}

/// What a job has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// More than one: the same key came again.
    pub submissions: u32,
    pub polls: u32,
    /// Requests for the result.
    pub results: u32,
    pub cancellations: u32,
    /// Callbacks, forged ones left out.
    pub sent: u32,
    /// Callbacks that were never sent.
    pub lost: u32,
}

/// Where a job stands, as its client sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Status {
    pub id: String,
    pub status: &'static str,
    /// 0 to 100.
    pub progress: u32,
    pub stage: &'static str,
    pub finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Queued,
    Running,
    Ended { end: End, at: Timestamp },
}

impl Job {
    pub(super) fn phase(&self, now: Timestamp) -> Phase {
        if let Some(at) = self.cancelled {
            return Phase::Ended { end: End::Cancelled, at };
        }
        match self.latest(now) {
            None => Phase::Queued,
            Some((News::Ended(end), at)) => Phase::Ended { end, at },
            Some(_) => Phase::Running,
        }
    }

    pub(super) fn status(&self, now: Timestamp) -> Status {
        let phase = self.phase(now);
        let (progress, finished_at) = match phase {
            Phase::Ended { end: End::Completed, at } => (100, Some(at)),
            Phase::Ended { at, .. } => (self.percent(at), Some(at)),
            Phase::Queued | Phase::Running => (self.percent(now), None),
        };
        let error = matches!(phase, Phase::Ended { end: End::Failed, .. }).then(body::error);
        let id = self.id.as_str().to_owned();
        Status { id, status: phase.as_str(), progress, stage: body::stage(progress), finished_at, error }
    }

    /// How its task must end; none: it has no end.
    pub(super) fn right_end(&self) -> Option<End> {
        self.cancelled.map_or(self.course.end, |_| Some(End::Cancelled))
    }

    /// The last thing that has happened, and when.
    fn latest(&self, now: Timestamp) -> Option<(News, Timestamp)> {
        let past = self.course.truth.iter().map(|sending| (sending.news, self.begun.plus(self.pace * sending.happened)));
        past.take_while(|(_, at)| *at <= now).last()
    }

    fn percent(&self, now: Timestamp) -> u32 {
        let past = self.course.truth.iter().take_while(|sending| self.begun.plus(self.pace * sending.happened) <= now);
        past.filter_map(|sending| sending.news.percent()).last().unwrap_or(0)
    }
}

impl Phase {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ended { end, .. } => end.as_str(),
        }
    }
}
