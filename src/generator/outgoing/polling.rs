//! How a generator is asked: for a job's state, its result, its end.

use std::borrow::Cow;
use std::time::Duration;

use super::approval::Approval;
use super::constant::Constants;
use super::route::Route;
use super::words::{Form, GoneAs};
use crate::generator::reading::Reading;

/// When a generator's file wants it to be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PollTimes {
    /// From the submission to the first question.
    pub first_after: Option<Duration>,
    /// From the first question to the second.
    pub every: Option<Duration>,
    /// Between two questions, at most.
    pub max: Option<Duration>,
    /// By what the time between two questions grows.
    pub backoff: f64,
}

#[derive(Debug)]
pub(super) struct Polling {
    /// None: the submission is made once more, and its answer read.
    pub route: Option<Route>,
    pub times: PollTimes,
    pub gone_as: GoneAs,
    pub reading: Reading,
    /// An answer without any word means that the job still runs.
    pub may_be_silent: bool,
    pub results: Option<Results>,
}

/// Where the result is, if the answer about the state does not hold it.
#[derive(Debug)]
pub(super) struct Results {
    pub route: Route,
    pub reading: Reading,
    /// The whole answer is the result if it has none of the places.
    pub or_whole: bool,
}

#[derive(Debug)]
pub(super) struct Cancellation {
    pub route: Route,
    pub form: Form,
    pub extra: Constants,
    pub ok: Approval,
}

impl Polling {
    /// Where everything is in an answer about this job: the generator's id may be one of its keys.
    pub(super) fn reading(&self, remote_id: Option<&str>) -> Cow<'_, Reading> {
        remote_id.and_then(|id| self.reading.with_remote_id(id)).map_or(Cow::Borrowed(&self.reading), Cow::Owned)
    }
}
