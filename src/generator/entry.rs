//! A generator as the catalog knows it: its file and its settings, parsed, checked and ready to be used.

use std::time::Duration;

use ipnet::IpNet;

use crate::domain::task::GeneratorName;

use super::catalog::GeneratorOverrides;
use super::file::{EventFile, File, ReplyFile};
use super::recipe::{Method, Recipe};
use super::scalar::{Bind, Confirm, Early, Otherwise, Period, Scale, TimeUnit, Trust};
use super::source::{IdSource, InBody, Pointer, Source, TaskSource};
use super::vocabulary::{Glob, Meaning, Vocabulary};

#[derive(Debug)]
pub struct Generator {
    pub(super) name: GeneratorName,
    pub(super) trust: Trust,
    pub(super) bind: Bind,
    pub(super) recipes: Vec<Recipe>,
    pub(super) reading: Reading,
    pub(super) final_errors: Vec<Glob>,
    pub(super) settings: Settings,
}

/// What the rest of the hub needs to know; the room itself only keeps it.
#[derive(Debug)]
pub(super) struct Settings {
    pub has_secret: bool,
    pub allowed_ips: Option<Vec<IpNet>>,
    pub max_body: Option<usize>,
    pub accepted: u16,
    pub early: Early,
    pub retry_after: Duration,
    pub timeout: Option<Duration>,
    pub max_retries: u32,
    pub max_concurrent: Option<u32>,
    pub result_ttl: Option<Duration>,
    pub resubmit_on_timeout: bool,
    pub base_url: Option<String>,
    pub api_key: Option<Secret>,
}

/// Does not print.
pub(super) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Where in a callback everything is.
#[derive(Debug)]
pub(super) struct Reading {
    pub strict: bool,
    pub task: Vec<TaskSource>,
    pub id: Vec<IdSource>,
    pub at: Vec<Source>,
    pub at_unit: Option<TimeUnit>,
    pub state: Vec<Source>,
    pub percent: Vec<Source>,
    /// Value and maximum.
    pub ratio: Option<[Source; 2]>,
    pub scale: Scale,
    pub stage: Vec<Source>,
    pub message: Vec<Source>,
    pub result: Vec<Pointer>,
    pub error: Vec<Pointer>,
    pub vocabulary: Vocabulary,
    /// The top-level keys of the body that any of these begins with.
    pub wanted: Vec<String>,
}

impl Generator {
    #[must_use]
    pub const fn name(&self) -> &GeneratorName {
        &self.name
    }

    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    #[must_use]
    pub const fn has_secret(&self) -> bool {
        self.settings.has_secret
    }

    /// Headers that carry the secret itself.
    pub fn secret_headers(&self) -> impl Iterator<Item = &str> {
        let bare = self.recipes.iter().filter(|recipe| matches!(recipe.method, Method::Token { .. }));
        bare.flat_map(|recipe| recipe.headers.iter().map(String::as_str))
    }

    /// The addresses that it may call from, where it has a list of its own.
    #[must_use]
    pub fn allowed_ips(&self) -> Option<&[IpNet]> {
        self.settings.allowed_ips.as_deref()
    }

    /// In bytes, where it has a limit of its own.
    #[must_use]
    pub const fn max_body(&self) -> Option<usize> {
        self.settings.max_body
    }

    /// The status of the answer to a callback that is taken: 200 or 202.
    #[must_use]
    pub const fn accepted(&self) -> u16 {
        self.settings.accepted
    }

    #[must_use]
    pub const fn early(&self) -> Early {
        self.settings.early
    }

    /// When an early callback should come again.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        self.settings.retry_after
    }

    /// From submission to deadline, where it has a word of its own.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    #[must_use]
    pub const fn max_retries(&self) -> u32 {
        self.settings.max_retries
    }

    /// How many attempts may run at a time; none: any number.
    #[must_use]
    pub const fn max_concurrent(&self) -> Option<u32> {
        self.settings.max_concurrent
    }

    #[must_use]
    pub const fn result_ttl(&self) -> Option<Duration> {
        self.settings.result_ttl
    }

    #[must_use]
    pub const fn resubmit_on_timeout(&self) -> bool {
        self.settings.resubmit_on_timeout
    }

    #[must_use]
    pub fn base_url(&self) -> Option<&str> {
        self.settings.base_url.as_deref()
    }

    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        self.settings.api_key.as_ref().map(|key| key.0.as_str())
    }
}

impl Settings {
    pub(super) fn new(file: &File, own: &GeneratorOverrides) -> Self {
        let ReplyFile { accepted, early, retry_after, .. } = &file.reply;
        let networks = || file.allowed_ips.as_ref().map(|list| list.0.iter().map(|network| network.0).collect());
        Self {
            has_secret: !own.secrets.is_empty(),
            allowed_ips: own.allowed_ips.clone().or_else(networks),
            max_body: own.max_body.or(file.max_body.map(|size| size.0)),
            accepted: accepted.map_or(200, |accepted| accepted.0),
            early: early.unwrap_or(Early::Reject),
            retry_after: retry_after.map_or(Duration::from_secs(5), |period| period.0),
            timeout: own.timeout.or(duration(file.timeout)),
            max_retries: own.max_retries.or(file.max_retries).unwrap_or(0),
            max_concurrent: Some(file.max_concurrent).filter(|&most| most > 0),
            result_ttl: duration(file.result_ttl),
            resubmit_on_timeout: file.resubmit_on_timeout,
            base_url: own.base_url.clone(),
            api_key: own.api_key.clone().map(Secret),
        }
    }
}

fn duration(period: Option<Period>) -> Option<Duration> {
    period.map(|period| period.0)
}

impl Reading {
    pub(super) fn new(event: EventFile, ratio: Option<[Source; 2]>) -> Self {
        let vocabulary = vocabulary(&event);
        let bare = |list: Vec<InBody>| list.into_iter().map(|place| place.0).collect::<Vec<_>>();
        let mut reading = Self {
            strict: event.strict,
            task: event.task.0,
            id: event.id.0,
            at: event.at.0,
            at_unit: event.at_unit,
            state: event.state.0,
            percent: event.progress.0,
            ratio,
            scale: event.scale.unwrap_or(Scale::Hundred),
            stage: event.stage.0,
            message: event.message.0,
            result: bare(event.result.0),
            error: bare(event.error.0),
            vocabulary,
            wanted: Vec::new(),
        };
        reading.wanted = reading.heads();
        reading
    }

    fn heads(&self) -> Vec<String> {
        let tasks =
            self.task.iter().filter_map(|place| if let TaskSource::Elsewhere(source) = place { Some(source) } else { None });
        let ids = self.id.iter().filter_map(|place| if let IdSource::Elsewhere(source) = place { Some(source) } else { None });
        let plain = [&self.at, &self.state, &self.percent, &self.stage, &self.message].into_iter().flatten();
        let sources = tasks.chain(ids).chain(plain).chain(self.ratio.iter().flatten());
        let pointers = sources.filter_map(|source| if let Source::Json(pointer) = source { Some(pointer) } else { None });
        let mut heads: Vec<String> =
            pointers.chain(&self.result).chain(&self.error).map(|pointer| pointer.head().to_owned()).collect();
        heads.sort();
        heads.dedup();
        heads
    }
}

fn vocabulary(event: &EventFile) -> Vocabulary {
    let map = &event.map;
    let lists = [
        (&map.completed, Meaning::Completed),
        (&map.failed, Meaning::Failed),
        (&map.cancelled, Meaning::Cancelled),
        (&map.progress, Meaning::Progress),
        (&map.started, Meaning::Started),
        (&map.ignore, Meaning::NotOfInterest),
    ];
    let words = lists.into_iter().flat_map(|(list, meaning)| list.0.iter().map(move |glob| (glob.clone(), meaning))).collect();
    Vocabulary { words, otherwise: event.default.unwrap_or(Otherwise::Ignore) }
}

/// Whether a callback's word is enough; anything else needs a status request.
pub(super) fn is_askable(confirm: Confirm) -> Result<(), &'static str> {
    match confirm {
        Confirm::Never => Ok(()),
        Confirm::Terminal | Confirm::Always => Err("needs a status request, and those are not built yet"),
    }
}
