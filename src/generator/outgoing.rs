//! What the hub asks of a generator: prepared from its file once, made into requests job by job.

use std::collections::BTreeMap;
use std::time::Duration;

use self::hosts::Hosts;
use self::polling::{Cancellation, Polling};
use self::route::{Kind, Load, Route};
use self::submission::{Submission, written};
use self::values::{Members, Values};
use super::entry::{Generator, Secret};
use super::request::{Job, Request, Unsendable};
use super::scalar::Several;

mod answers;
pub(super) mod approval;
mod change;
mod constant;
mod credentials;
mod filling;
mod hosts;
mod polling;
mod prepare;
mod route;
mod sorted;
mod submission;
mod values;
pub(super) mod words;

pub(super) use constant::plain;
pub(super) use hosts::Host;
pub use polling::PollTimes;
pub(super) use prepare::Draft;
pub use words::GoneAs;

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    submit: Option<Submission>,
    poll: Option<Polling>,
    cancel: Option<Cancellation>,
    hosts: Hosts,
    base_url: Option<String>,
    api_key: Option<Secret>,
}

/// Why the hub cannot submit to a generator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSubmit {
    #[error("this generator has no submit request")]
    NoSection,
    /// The setting that it needs.
    #[error("{0} is not set")]
    Missing(String),
}

impl Generator {
    /// # Errors
    /// What its file or the settings lack.
    pub fn can_submit(&self) -> Result<(), NoSubmit> {
        let submit = self.outgoing.submit.as_ref().ok_or(NoSubmit::NoSection)?;
        submit.route.missing.clone().map_or(Ok(()), |setting| Err(NoSubmit::Missing(setting)))
    }

    /// Whether a submission may be repeated: the generator knows it again.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.outgoing.submit.as_ref().is_some_and(Submission::is_repeatable)
    }

    /// Whether it can be asked for a job by our own id.
    #[must_use]
    pub fn has_lookup(&self) -> bool {
        self.outgoing.submit.as_ref().is_some_and(|submit| submit.lookup.is_some())
    }

    /// # Errors
    /// What keeps this job from being submitted, now and later.
    pub fn submit_request(&self, job: &Job<'_>) -> Result<Request, Unsendable> {
        let submit = self.outgoing.submit.as_ref().ok_or_else(|| none("submit"))?;
        submit.request(&self.outgoing, &Values::new(&self.outgoing, job))
    }

    pub fn lookup_request(&self, job: &Job<'_>) -> Option<Result<Request, Unsendable>> {
        let lookup = self.outgoing.submit.as_ref()?.lookup.as_ref()?;
        Some(self.outgoing.plain(lookup, job, "lookup"))
    }

    /// When it wants to be asked; none if it cannot be.
    #[must_use]
    pub fn polling(&self) -> Option<&PollTimes> {
        let poll = self.outgoing.poll.as_ref()?;
        let route = poll.route.as_ref().or(self.outgoing.submit.as_ref().map(|submit| &submit.route))?;
        route.missing.is_none().then_some(&poll.times)
    }

    /// Whether it is asked by the submission, made once more.
    #[must_use]
    pub fn is_asked_by_resubmission(&self) -> bool {
        self.outgoing.poll.as_ref().is_some_and(|poll| poll.route.is_none())
    }

    /// Whether it can only be asked for jobs whose id, or whose answer to the submission, is known.
    #[must_use]
    pub fn needs_external_id(&self) -> bool {
        let route = self.outgoing.poll.as_ref().and_then(|poll| poll.route.as_ref());
        route.is_some_and(Route::needs_submission)
    }

    /// # Errors
    /// What keeps this job from being asked for.
    pub fn status_request(&self, job: &Job<'_>) -> Result<Request, Unsendable> {
        let poll = self.outgoing.poll.as_ref().ok_or_else(|| none("status"))?;
        match &poll.route {
            Some(route) => self.outgoing.plain(route, job, "status"),
            None => self.submit_request(job),
        }
    }

    /// What it means that it knows no such job, once that is no news any more.
    #[must_use]
    pub fn gone_as(&self) -> GoneAs {
        self.outgoing.poll.as_ref().map_or(GoneAs::Unknown, |poll| poll.gone_as)
    }

    pub fn cancel_request(&self, job: &Job<'_>) -> Option<Result<Request, Unsendable>> {
        let cancel = self.outgoing.cancel.as_ref()?;
        let values = Values::new(&self.outgoing, job);
        Some(cancel.request(&self.outgoing, &values))
    }

    #[must_use]
    pub fn can_cancel(&self) -> bool {
        self.outgoing.cancel.as_ref().is_some_and(|cancel| cancel.route.missing.is_none())
    }

    /// The host that it is reached at, to tell whether it could reach the hub; none for commands, which run here.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        self.outgoing.hosts.first()
    }

    /// The longest that one of its commands may run: more than a request may take by the settings.
    #[must_use]
    pub fn longest_command(&self) -> Option<Duration> {
        self.outgoing.routes().filter_map(|route| if let Kind::Command(it) = &route.kind { Some(it.timeout) } else { None }).max()
    }
}

impl Outgoing {
    pub(super) const fn has_api_key(&self) -> bool {
        self.api_key.is_some()
    }

    pub(super) fn base_url(&self) -> Option<&str> {
        self.base_url.as_deref()
    }

    /// Other hosts that URLs in answers may lead to.
    pub(super) fn allow(&mut self, others: Several<Host>) {
        self.hosts.allow(others);
    }

    fn plain(&self, route: &Route, job: &Job<'_>, what: &str) -> Result<Request, Unsendable> {
        route.request(self, &Values::new(self, job), Load::default(), None)?.ok_or_else(|| none(what))
    }

    fn routes(&self) -> impl Iterator<Item = &Route> {
        let submit = self.submit.iter().flat_map(|submit| std::iter::once(&submit.route).chain(&submit.lookup));
        let poll = self.poll.iter().flat_map(|poll| poll.route.iter().chain(poll.results.iter().map(|results| &results.route)));
        submit.chain(poll).chain(self.cancel.iter().map(|cancel| &cancel.route))
    }
}

impl Cancellation {
    fn request(&self, outgoing: &Outgoing, values: &Values<'_>) -> Result<Request, Unsendable> {
        let mut load = Load::default();
        if !self.extra.is_empty() {
            let mut members = Members(BTreeMap::new());
            members.lay(&constant::fill(&self.extra, values), true)?;
            load.body = Some(written(&members, self.form)?);
        }
        self.route.request(outgoing, values, load, None)?.ok_or_else(|| none("cancel"))
    }
}

fn none(what: &str) -> Unsendable {
    Unsendable::generator(format!("This generator has no {what} request"))
}
