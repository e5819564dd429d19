//! A hub on a filled database, and all that it has answered.

use std::net::SocketAddr;
use std::time::Duration;

use super::audit::{Audit, Books};
use super::effort::{Effort, Stopwatch};
use super::fill::Filled;
use super::latency::Latency;
use super::load::{Answer, Callbacks, Load, Pace, Sent};
use super::subject::{Kind, Subject};

pub struct Hub {
    pub subject: Subject,
    filled: Filled,
    answers: Vec<Answer>,
    /// Tasks that are completed.
    completed: usize,
}

/// What came of one load.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub per_second: f64,
    pub commits: Option<f64>,
    pub latency: Option<Latency>,
    pub effort: Effort,
}

impl Hub {
    /// Fills an empty database and starts on it.
    ///
    /// # Errors
    /// When either does not work.
    pub async fn start(kind: Kind, url: String, tasks: usize, slowed: u64) -> anyhow::Result<Self> {
        Self::on(kind, Filled::new(url, tasks, 0).await?, slowed)
    }

    /// # Errors
    /// When the process does not become ready.
    pub fn on(kind: Kind, filled: Filled, slowed: u64) -> anyhow::Result<Self> {
        let subject = Subject::start_as(kind, &filled.url, 0, &filled.run, slowed)?;
        Ok(Self { subject, filled, answers: Vec::new(), completed: 0 })
    }

    /// Another process on the same database.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn replica(&self) -> anyhow::Result<Subject> {
        Subject::start_as(Kind::Journal, &self.filled.url, 0, &self.filled.run, 0)
    }

    /// # Errors
    /// When anything but 200 is answered.
    pub async fn progress(&mut self, connections: usize, pace: Pace, replica: Option<&Subject>) -> anyhow::Result<Figures> {
        self.load(Callbacks::Progress { tasks: self.filled.tasks }, connections, pace, replica).await
    }

    /// Of the first so many tasks alone.
    ///
    /// # Errors
    /// When anything but 200 is answered.
    pub async fn progress_of(&mut self, tasks: usize, connections: usize, pace: Pace) -> anyhow::Result<Figures> {
        self.load(Callbacks::Progress { tasks }, connections, pace, None).await
    }

    /// # Errors
    /// When anything but 200 is answered, or no task is left.
    pub async fn complete(&mut self, connections: usize, time: Duration) -> anyhow::Result<Figures> {
        let (first, tasks) = (self.completed, self.filled.tasks);
        anyhow::ensure!(first < tasks, "all of {tasks} tasks are completed: it takes more of them, or less time");
        self.load(Callbacks::CompletedAnywhere { first, tasks }, connections, Pace::For(time), None).await
    }

    async fn load(
        &mut self,
        callbacks: Callbacks,
        connections: usize,
        pace: Pace,
        replica: Option<&Subject>,
    ) -> anyhow::Result<Figures> {
        let subjects: Vec<&Subject> = [&self.subject].into_iter().chain(replica).collect();
        let addresses: Vec<SocketAddr> = subjects.iter().map(|subject| subject.address).collect();
        let before = commits(&subjects).await?;
        let load = Load { addresses: &addresses, run: &self.filled.run, callbacks, connections, pace };
        let processes: Vec<u32> = subjects.iter().map(|subject| subject.process()).collect();
        let watch = Stopwatch::start(&processes);
        let sent = load.send().await?;
        let effort = watch.stop(sent.answers.len());
        let commits = commits(&subjects).await? - before;
        let figures = figures(&sent, Some(commits), effort);
        if !matches!(callbacks, Callbacks::Progress { .. }) {
            self.completed += sent.answers.len();
        }
        self.answers.extend(sent.answers);
        Ok(figures)
    }

    /// Ends the process and reads what it has written.
    ///
    /// # Errors
    /// When it ends badly or the database cannot be read.
    pub async fn audit(self) -> anyhow::Result<Audit> {
        self.subject.end()?;
        Books { filled: &self.filled, answers: &self.answers }.audit().await
    }
}

/// # Errors
/// When anything but 200 is answered.
pub async fn ceiling(subject: &Subject, tasks: usize, connections: usize, time: Duration) -> anyhow::Result<Figures> {
    let (addresses, callbacks) = (&[subject.address], Callbacks::Progress { tasks });
    let processes = [subject.process()];
    let watch = Stopwatch::start(&processes);
    let sent = Load { addresses, run: &subject.run, callbacks, connections, pace: Pace::For(time) }.send().await?;
    let effort = watch.stop(sent.answers.len());
    Ok(figures(&sent, None, effort))
}

async fn commits(subjects: &[&Subject]) -> anyhow::Result<u64> {
    let mut commits = 0;
    for subject in subjects {
        commits += subject.figures().await?.commits;
    }
    Ok(commits)
}

fn figures(sent: &Sent, commits: Option<u64>, effort: Effort) -> Figures {
    #[expect(clippy::cast_precision_loss, reason = "rates, not counts")]
    let (answered, commits) = (sent.answers.len() as f64, commits.map(|commits| commits as f64));
    Figures {
        per_second: answered / sent.elapsed.as_secs_f64(),
        commits: commits.map(|commits| commits / answered.max(1.0)),
        latency: Latency::of(sent.answers.iter().map(|answer| answer.took)),
        effort,
    }
}
