//! From the sections of a file to requests that can be made, with what is wrong in them.

use std::ops::Range;

use toml::Spanned;

use super::Outgoing;
use super::approval::Approval;
use super::change::Change;
use super::constant::{Constant, constants, plain};
use super::filling::Known;
use super::polling::{Cancellation, PollTimes, Polling, Results};
use super::route::{Address, Kind, Route};
use super::submission::Submission;
use super::words::{Auth, Form, GoneAs, Mode, Place, Verb};
use crate::domain::task::GeneratorName;
use crate::generator::catalog::GeneratorOverrides;
use crate::generator::entry::Secret;
use crate::generator::file::{CancelFile, ChangeFile, Means, PollFile, SubmitFile};
use crate::generator::mistake::{CatalogError, Page};
use crate::generator::reading::Reading;
use crate::generator::scalar::Otherwise;
use crate::generator::source::Source;

const BACKOFF: f64 = 1.5;

mod way;

type Prepared<T> = Result<T, CatalogError>;

/// A generator while the requests of its file are prepared.
pub(in crate::generator) struct Draft<'a> {
    pub page: &'a Page<'a>,
    pub name: &'a GeneratorName,
    pub own: &'a GeneratorOverrides,
    /// How callbacks are read; polled answers are read likewise, unless the file says otherwise.
    pub event: &'a Reading,
}

/// What the parts of a section have in common.
#[derive(Clone, Copy)]
struct Section<'s> {
    name: &'static str,
    span: &'s Range<usize>,
    params: &'s [String],
    /// How the hub shows its key where the section does not say.
    auth: &'s Auth,
    verb: Verb,
}

impl Draft<'_> {
    pub(in crate::generator) fn prepare(
        self,
        submit: Option<Spanned<SubmitFile>>,
        poll: Option<Spanned<PollFile>>,
        cancel: Option<Spanned<CancelFile>>,
        ratio: Option<[Source; 2]>,
    ) -> Prepared<Outgoing> {
        let (params, auth) = match &submit {
            Some(submit) => (submit.get_ref().params.0.clone(), submit.get_ref().auth.clone().unwrap_or(Auth::None)),
            None => (Vec::new(), Auth::None),
        };
        let submit = submit.map(|submit| self.submission(submit, &params)).transpose()?;
        let poll_at = poll.as_ref().map(Spanned::span);
        if let Some(mode) = poll.as_ref().and_then(|poll| poll.get_ref().mode.as_ref()) {
            self.check_mode(mode, submit.as_ref())?;
        }
        let poll = poll.map(|poll| self.polling(poll, &params, &auth, ratio)).transpose()?;
        if let (None, Some(poll), Some(at)) = (&submit, &poll, &poll_at)
            && poll.route.as_ref().is_some_and(Route::needs_answer)
        {
            return Err(self.page.mistake(
                at,
                "poll.url",
                "is the submission's answer to tell, and there is no [submit] section",
            ));
        }
        let cancel = cancel.map(|cancel| self.cancellation(cancel, &params, &auth)).transpose()?;
        let mut outgoing = Outgoing { submit, poll, cancel, ..self.settings() };
        outgoing.hosts.own = outgoing.routes().filter_map(|route| self.home(route)).collect();
        Ok(outgoing)
    }

    fn settings(&self) -> Outgoing {
        let api_key = self.own.api_key.clone().map(Secret);
        Outgoing { base_url: self.own.base_url.clone(), api_key, ..Outgoing::default() }
    }

    fn submission(&self, file: Spanned<SubmitFile>, params: &[String]) -> Prepared<Submission> {
        let (span, mut file) = (file.span(), file.into_inner());
        let section = Section { name: "submit", span: &span, params, auth: &Auth::None, verb: Verb::Post };
        let means = file.take_means();
        let auth = means.auth.clone().unwrap_or(Auth::None);
        let lookup = match file.lookup.take().filter(|url| !url.get_ref().is_empty()) {
            Some(url) => {
                let route = self.http(&Section { auth: &auth, verb: Verb::Get, ..section }, "lookup", &url, Vec::new())?;
                if route.needs_submission() {
                    let fact = "needs {remote_id}, which is what it should find out: ask by {task_id}";
                    return Err(self.page.mistake(&url.span(), "submit.lookup", fact));
                }
                Some(route)
            }
            None => None,
        };
        let route = self.route(section, means)?;
        if route.needs_submission() {
            return Err(self.page.mistake(&span, "submit", "needs {remote_id}, which nobody knows before the submission"));
        }
        let (form, key) = (file.body.unwrap_or(Form::Json), file.idempotency.and_then(|key| key.0));
        if key.is_some() && matches!(route.kind, Kind::Command(_)) {
            return Err(self.page.mistake(&span, "submit.idempotency", "is a header, and a command has none"));
        }
        let callback = self.place(file.callback, form, file.callback_template.is_some())?;
        let known = Known { params, url: true };
        let extra = constants(&file.extra, Known { url: false, ..known });
        let (about_callback, extra): (Vec<_>, Vec<_>) = extra.into_iter().partition(|(_, value)| value.is_about_callback());
        let callback_extra = constants(&file.callback_extra, known).into_iter().chain(about_callback).collect();
        let changes = file.map.into_iter().map(|(key, change)| Ok((key, self.change(&change)?))).collect::<Prepared<_>>()?;
        Ok(Submission {
            route,
            form,
            callback,
            template: file.callback_template.map(|template| Constant::of(template.get_ref(), known)).filter(|it| !it.is_empty()),
            extra,
            callback_extra,
            changes,
            remote_id: file.remote_id.0.into_iter().map(|place| place.0).collect(),
            ok: file.ok.unwrap_or_else(Approval::any_success),
            key,
            lookup,
        })
    }

    fn place(&self, place: Option<Spanned<Place>>, form: Form, has_template: bool) -> Prepared<Place> {
        let Some(place) = place else { return Ok(Place::Nowhere) };
        let fact = match place.get_ref() {
            Place::Json(_) if form != Form::Json => format!("lies in a JSON body, and `body` is \"{}\"", form.as_str()),
            Place::Form(_) if form == Form::Json => format!("lies in a form, and `body` is \"{}\"", form.as_str()),
            Place::QueryJson(_) if !has_template => "needs `callback_template`: the JSON that holds `{url}`".to_owned(),
            _ => return Ok(place.into_inner()),
        };
        Err(self.page.mistake(&place.span(), "submit.callback", fact))
    }

    fn change(&self, file: &Spanned<ChangeFile>) -> Prepared<Change> {
        let ChangeFile { clamp, values } = file.get_ref();
        if clamp.is_none() && values.is_empty() {
            return Err(self.page.mistake(&file.span(), "submit.map", "needs `clamp` or `values`"));
        }
        let values = values.iter().map(|(word, meant)| (word.clone(), plain(meant))).collect();
        Ok(Change { clamp: *clamp, values })
    }

    fn cancellation(&self, file: Spanned<CancelFile>, params: &[String], auth: &Auth) -> Prepared<Cancellation> {
        let (span, mut file) = (file.span(), file.into_inner());
        let params: Vec<String> = params.iter().cloned().chain(std::mem::take(&mut file.params.0)).collect();
        let section = Section { name: "cancel", span: &span, params: &params, auth, verb: Verb::Post };
        let route = self.route(section, file.take_means())?;
        let extra = constants(&file.extra, Known { params: &params, url: false });
        let ok = file.ok.unwrap_or_else(Approval::done_or_gone);
        Ok(Cancellation { route, form: file.body.unwrap_or(Form::Json), extra, ok })
    }

    fn polling(&self, file: Spanned<PollFile>, params: &[String], auth: &Auth, ratio: Option<[Source; 2]>) -> Prepared<Polling> {
        let (span, mut file) = (file.span(), file.into_inner());
        let section = Section { name: "poll", span: &span, params, auth, verb: Verb::Get };
        let mut means = file.take_means();
        let results = self.results(&section, &mut means, &mut file)?;
        let mode = file.mode.take().filter(|mode| *mode.get_ref() == Mode::Resubmit);
        let resubmits = mode.is_some();
        if let Some(mode) = mode.filter(|_| means.asks_otherwise()) {
            let fact = "the submission is made once more as it is, and nothing is said here about its request";
            return Err(self.mode_mistake(&mode, fact));
        }
        let may_be_silent = match file.default.take() {
            None => false,
            Some(default) if *default.get_ref() == Otherwise::Progress => true,
            Some(default) => {
                let fact = "may only be \"progress\": an answer without a word, and a word that nobody mapped, mean no end";
                return Err(self.page.mistake(&default.span(), "poll.default", fact));
            }
        };
        let times = self.times(&file)?;
        let gone_as = file.gone_as.unwrap_or(GoneAs::Unknown);
        let mut reading = self.event.of_polls(file, ratio);
        if !may_be_silent && !reading.has_state() {
            let fact = "must say where in the answer the state is (`json:a.b`), as [event] does not either";
            return Err(self.page.mistake(&span, "poll.state", fact));
        }
        if let Some(Address::Status(pointer)) = results.as_ref().map(|results| &results.route.kind).and_then(Kind::address) {
            reading.wanted.push(pointer.head().to_owned());
        }
        let route = if resubmits { None } else { Some(self.route(section, means)?) };
        if !reading.knows_an_end() {
            let fact = "must name the words for an end, as [event.map] does not either: else nothing ever ends";
            return Err(self.page.mistake(&span, "poll.map", fact));
        }
        Ok(Polling { route, times, gone_as, reading, may_be_silent, results })
    }

    /// The second request, which brings the result: with the same headers, and the same proof.
    fn results(&self, section: &Section<'_>, means: &mut Means, file: &mut PollFile) -> Prepared<Option<Results>> {
        let url = file.result_url.take().filter(|url| !url.get_ref().is_empty());
        let command = file.result_command.take().filter(|command| !command.get_ref().is_empty());
        let route = match (url, command) {
            (None, None) => return Ok(None),
            (Some(url), None) => {
                let headers = means.headers.clone().into_iter().collect();
                let auth = means.auth.clone().filter(|auth| *auth != Auth::Inherited).unwrap_or_else(|| section.auth.clone());
                self.http(&Section { auth: &auth, ..*section }, "result_url", &url, headers)?
            }
            (None, Some(command)) => self.program(section, "result_command", &command, means)?,
            (Some(url), Some(_)) => {
                return Err(self.page.mistake(&url.span(), "poll.result_url", "and `result_command` exclude each other"));
            }
        };
        // what [event] says about results holds here, too; but often the whole answer is one, and has no such place
        let or_whole = file.result.is_none();
        let reading = self.event.of_results(file.result.take());
        Ok(Some(Results { route, reading, or_whole }))
    }

    fn check_mode(&self, mode: &Spanned<Mode>, submit: Option<&Submission>) -> Prepared<()> {
        if *mode.get_ref() == Mode::Request || submit.is_some_and(Submission::is_repeatable) {
            return Ok(());
        }
        let fact = "no [submit] section has a request that may be repeated: a PUT to a URL with {task_id}, or one with \
                    `idempotency`";
        Err(self.mode_mistake(mode, fact))
    }

    fn mode_mistake(&self, mode: &Spanned<Mode>, fact: &str) -> CatalogError {
        self.page.mistake(&mode.span(), "poll.mode", format!("is \"{}\", and {fact}", mode.get_ref().as_str()))
    }

    fn times(&self, file: &PollFile) -> Prepared<PollTimes> {
        let backoff = file.backoff.as_ref().map_or(BACKOFF, |backoff| *backoff.get_ref());
        if let Some(at) = file.backoff.as_ref().filter(|_| !(1.0..=100.0).contains(&backoff)) {
            return Err(self.page.mistake(&at.span(), "poll.backoff", "must be a number from 1 to 100"));
        }
        if let Some(at) = file.every.as_ref().filter(|every| every.get_ref().0.is_zero()) {
            return Err(self.page.mistake(&at.span(), "poll.every", "must be longer than nothing"));
        }
        let every = file.every.as_ref().map(|every| every.get_ref().0);
        if let Some(at) = file.every.as_ref().filter(|every| file.max.is_some_and(|max| max.0 < every.get_ref().0)) {
            return Err(self.page.mistake(&at.span(), "poll.every", "is longer than `max`"));
        }
        Ok(PollTimes { first_after: file.first_after.map(|it| it.0), every, max: file.max.map(|it| it.0), backoff })
    }
}
