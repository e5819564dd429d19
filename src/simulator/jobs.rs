//! All jobs of a generator, and what each request about them comes to. Time is an argument.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body;
use super::faults::{Asked, Hiccup, Temper};
use super::job::{Counts, Job, Phase, Status};
use super::script::End;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

pub(super) struct Jobs {
    temper: Temper,
    /// Begins every id, so that those of another run are others.
    run: String,
    jobs: Vec<Job>,
    by_id: HashMap<String, usize>,
    by_key: HashMap<String, usize>,
    /// By identity: submissions that were refused count, too.
    submissions: HashMap<String, u32>,
    unnamed: u32,
    callback_urls: HashSet<String>,
    totals: Totals,
}

/// A submission that was understood.
#[derive(Default)]
pub(super) struct Wanted {
    pub key: Option<String>,
    pub callback_url: Option<String>,
}

/// What became of a submission. With a hiccup, the client is told of nothing else.
pub(super) struct Submission {
    pub hiccup: Option<Hiccup>,
    pub job: Option<Taken>,
}

pub(super) struct Taken {
    pub id: TaskId,
    /// False: the key was known.
    pub is_new: bool,
}

/// Why a request is not answered as its client would like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    Hiccup(Hiccup),
    /// No such job, or it cannot be found yet.
    Unknown,
    /// The job has no result, or has not yet.
    NotCompleted,
    /// The result was removed.
    Expired,
    /// The job has ended already.
    Ended,
}

/// A cancellation that was carried out; with a hiccup, the client is told of nothing else.
pub(super) struct Cancellation {
    pub hiccup: Option<Hiccup>,
    pub status: Status,
    /// False: it was cancelled before.
    pub is_new: bool,
}

/// Everything about all jobs, for people and tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    pub seed: u64,
    pub totals: Totals,
    pub jobs: Vec<Entry>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub jobs: u32,
    /// Submissions whose key was known: answered with the first job.
    pub repeated: u32,
    /// Jobs with another job's callback URL: somebody pays twice.
    pub doubled: u32,
    /// Requests that were answered with an error that the generator made up.
    pub errors: u32,
    /// Of all jobs; submissions that were refused are among them.
    #[serde(flatten)]
    pub counts: Counts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: String,
    pub key: Option<String>,
    pub status: String,
    pub progress: u32,
    /// How its task must end; none: never.
    pub end: Option<End>,
    #[serde(flatten)]
    pub counts: Counts,
}

impl Jobs {
    pub(super) fn new(temper: Temper, run: String) -> Self {
        Self {
            temper,
            run,
            jobs: Vec::new(),
            by_id: HashMap::new(),
            by_key: HashMap::new(),
            submissions: HashMap::new(),
            unnamed: 0,
            callback_urls: HashSet::new(),
            totals: Totals::default(),
        }
    }

    pub(super) const fn temper(&self) -> &Temper {
        &self.temper
    }

    pub(super) fn submit(&mut self, wanted: Wanted, now: Timestamp) -> Submission {
        self.totals.counts.submissions += 1;
        let identity = self.identity(wanted.key.as_deref());
        let nth = self.submissions.entry(identity.clone()).or_default();
        *nth += 1;
        let hiccup = self.temper.hiccup(Asked::Submission, &identity, *nth);
        self.totals.errors += u32::from(hiccup.is_some());
        if matches!(hiccup, Some(Hiccup::Throttled | Hiccup::Broken)) {
            return Submission { hiccup, job: None };
        }
        let known = wanted.key.as_ref().and_then(|key| self.by_key.get(key)).and_then(|index| self.jobs.get_mut(*index));
        let job = match known {
            Some(job) => {
                job.counts.submissions += 1;
                self.totals.repeated += 1;
                Some(Taken { id: job.id.clone(), is_new: false })
            }
            None => self.take(identity, wanted, now).map(|id| Taken { id, is_new: true }),
        };
        Submission { hiccup, job }
    }

    pub(super) fn status(&mut self, id: &str, now: Timestamp) -> Result<Status, No> {
        let nth = self.seen(id, |counts| &mut counts.polls)?;
        self.trouble(Asked::Status, id, nth)?;
        let job = self.find(id)?;
        if nth <= job.course.hidden { Err(No::Unknown) } else { Ok(job.status(now)) }
    }

    pub(super) fn result(&mut self, id: &str, now: Timestamp) -> Result<Value, No> {
        let nth = self.seen(id, |counts| &mut counts.results)?;
        self.trouble(Asked::Result, id, nth)?;
        let job = self.find(id)?;
        let Phase::Ended { end: End::Completed, at } = job.phase(now) else { return Err(No::NotCompleted) };
        match self.temper.faults.result_ttl {
            Some(ttl) if now >= at.plus(ttl) => Err(No::Expired),
            _ => Ok(body::result(&job.id)),
        }
    }

    pub(super) fn cancel(&mut self, id: &str, now: Timestamp) -> Result<Cancellation, No> {
        let nth = self.seen(id, |counts| &mut counts.cancellations)?;
        let hiccup = match self.trouble(Asked::Cancellation, id, nth) {
            Err(No::Hiccup(Hiccup::BrokenAfterwards)) => Some(Hiccup::BrokenAfterwards),
            other => other.map(|()| None)?,
        };
        let job = self.find_mut(id)?;
        let is_new = job.cancelled.is_none();
        if is_new && matches!(job.phase(now), Phase::Ended { .. }) {
            return Err(No::Ended);
        }
        job.cancelled.get_or_insert(now);
        Ok(Cancellation { hiccup, status: job.status(now), is_new })
    }

    pub(super) fn find(&self, id: &str) -> Result<&Job, No> {
        self.by_id.get(id).and_then(|index| self.jobs.get(*index)).ok_or(No::Unknown)
    }

    /// Notes that a callback was sent, or lost.
    pub(super) fn called(&mut self, id: &TaskId, lost: bool) {
        if let Ok(job) = self.find_mut(id.as_str()) {
            *(if lost { &mut job.counts.lost } else { &mut job.counts.sent }) += 1;
        }
    }

    /// The seed, how many jobs there are, and how many have ended.
    pub(super) fn ended(&self, now: Timestamp) -> (u64, u32, u32) {
        let ended = self.jobs.iter().filter(|job| matches!(job.phase(now), Phase::Ended { .. })).count();
        (self.temper.seed, self.totals.jobs, u32::try_from(ended).unwrap_or(u32::MAX))
    }

    pub(super) fn ledger(&self, now: Timestamp) -> Ledger {
        let jobs: Vec<Entry> = self.jobs.iter().map(|job| entry(job, now)).collect();
        let sum = self.jobs.iter().fold(Counts::default(), |sum, job| sum.plus(job.counts));
        let counts = Counts { submissions: self.totals.counts.submissions, ..sum };
        Ledger { seed: self.temper.seed, totals: Totals { counts, ..self.totals.clone() }, jobs }
    }

    /// A key outlives the order in which submissions arrive; without one only their order is left.
    fn identity(&mut self, key: Option<&str>) -> String {
        if let Some(key) = key {
            return key.to_owned();
        }
        self.unnamed += 1;
        format!("#{}", self.unnamed)
    }

    fn take(&mut self, identity: String, wanted: Wanted, now: Timestamp) -> Option<TaskId> {
        let index = self.jobs.len();
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        let id = TaskId::parse(&format!("{}-{number}", self.run)).ok()?;
        let Wanted { key, callback_url } = wanted;
        if let Some(url) = &callback_url {
            self.totals.doubled += u32::from(!self.callback_urls.insert(url.clone()));
        }
        self.by_id.insert(id.as_str().to_owned(), index);
        self.by_key.extend(key.iter().map(|key| (key.clone(), index)));
        let course = self.temper.course(&identity, number);
        let counts = Counts { submissions: 1, ..Counts::default() };
        let pace = self.temper.pace;
        let job = Job { number, id: id.clone(), key, identity, callback_url, course, begun: now, pace, cancelled: None, counts };
        self.jobs.push(job);
        self.totals.jobs = number;
        Some(id)
    }

    /// Counts a request; how many of its kind there were.
    fn seen(&mut self, id: &str, count: impl FnOnce(&mut Counts) -> &mut u32) -> Result<u32, No> {
        let count = count(&mut self.find_mut(id)?.counts);
        *count += 1;
        Ok(*count)
    }

    fn trouble(&mut self, asked: Asked, id: &str, nth: u32) -> Result<(), No> {
        let hiccup = self.temper.hiccup(asked, &self.find(id)?.identity, nth);
        self.totals.errors += u32::from(hiccup.is_some());
        hiccup.map_or(Ok(()), |hiccup| Err(No::Hiccup(hiccup)))
    }

    fn find_mut(&mut self, id: &str) -> Result<&mut Job, No> {
        self.by_id.get(id).and_then(|index| self.jobs.get_mut(*index)).ok_or(No::Unknown)
    }
}

fn entry(job: &Job, now: Timestamp) -> Entry {
    let Status { id, status, progress, .. } = job.status(now);
    Entry { id, key: job.key.clone(), status: status.to_owned(), progress, end: job.right_end(), counts: job.counts }
}

impl Counts {
    const fn plus(self, other: Self) -> Self {
        Self {
            submissions: self.submissions + other.submissions,
            polls: self.polls + other.polls,
            results: self.results + other.results,
            cancellations: self.cancellations + other.cancellations,
            sent: self.sent + other.sent,
            lost: self.lost + other.lost,
        }
    }
}
