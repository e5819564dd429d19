//! Gives a hub tasks for a generator, and looks how they end: whether it is right, and by which road the news came.

use futures_util::stream::{self, Stream, StreamExt};

use super::client::{Hub, Lost, Task};
use super::line::{Line, Settled};
use super::script::End;
use crate::domain::task::TaskId;

/// What the hub calls the end of a task whose job never ends.
const NEVER: &str = "timed_out";
/// Why the hub says that a task has failed whose job is completed.
const EXPIRED: &str = "RESULT_EXPIRED";

/// What is to be made.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Of the tasks' ids: `NAME-01`, `NAME-02` …
    pub name: String,
    pub tasks: u32,
    /// Tasks at once.
    pub concurrency: usize,
    /// What the hub knows the generator as.
    pub generator: String,
}

/// A task that has ended at the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub task: String,
    pub status: String,
    /// The road of the news.
    pub by: String,
    /// What the generator calls it, if the hub knows.
    pub job: Option<String>,
    /// Why it failed.
    pub code: Option<String>,
}

impl Errand {
    /// The name of the task with this number, from 1.
    #[must_use]
    pub fn task(&self, number: u32) -> String {
        named(&self.name, number, self.tasks)
    }
}

/// Creates all tasks, and tells of each when it has ended, or that it could not be created.
pub fn drive(errand: &Errand, hub: &Hub) -> impl Stream<Item = Result<Finished, Line>> {
    let tasks = (1..=errand.tasks).map(move |job| async move {
        let task = errand.task(job);
        match one(errand, hub, &task, job).await {
            Ok(Task { status, external_id, settled_by, error }) => {
                let (by, code) = (settled_by.unwrap_or_default(), error.map(|error| error.code));
                Ok(Finished { task, status, by, job: external_id, code })
            }
            Err(error) => Err(Line::Lost { task, error }),
        }
    });
    stream::iter(tasks).buffer_unordered(errand.concurrency.max(1))
}

pub(super) fn named(name: &str, job: u32, of: u32) -> String {
    let digits = of.to_string().len().max(2);
    format!("{name}-{job:0digits$}")
}

async fn one(errand: &Errand, hub: &Hub, task: &str, job: u32) -> Result<Task, String> {
    let task = TaskId::parse(task).map_err(|error| error.to_string())?;
    let said = |lost: Lost| lost.to_string();
    hub.create(&errand.generator, &task, job).await.map_err(said)?;
    hub.settled(&task).await.map_err(said)
}

impl Finished {
    /// `right` is the end of its job, and within it none if the job has no end; `expires`: results are removed.
    #[must_use]
    pub fn judged(self, right: Option<Option<End>>, expires: bool) -> Settled {
        let right = right.map(|end| end.map_or(NEVER, End::as_str));
        let expired = expires && right == Some(End::Completed.as_str()) && self.code.as_deref() == Some(EXPIRED);
        let well = right == Some(self.status.as_str()) || expired;
        let Self { task, status, by, .. } = self;
        Settled { task, status, by, right: right.map(str::to_owned), well }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(status: &str, code: Option<&str>) -> Finished {
        let [task, by] = ["demo-01", "poll"].map(str::to_owned);
        Finished { task, status: status.to_owned(), by, job: Some("job-1".to_owned()), code: code.map(str::to_owned) }
    }

    #[test]
    fn an_end_is_right_if_it_is_the_jobs_own() {
        let well = |status, right| finished(status, None).judged(right, false).well;
        assert!(well("completed", Some(Some(End::Completed))) && well("timed_out", Some(None)));
        assert!(!well("completed", Some(Some(End::Failed))) && !well("completed", Some(None)) && !well("completed", None));
    }

    #[test]
    fn a_completed_job_may_have_failed_where_its_result_has_expired() {
        let expired = || finished("failed", Some("RESULT_EXPIRED"));
        assert!(expired().judged(Some(Some(End::Completed)), true).well);
        assert!(!expired().judged(Some(Some(End::Completed)), false).well);
        assert!(!finished("failed", None).judged(Some(Some(End::Completed)), true).well);
    }
}
