//! A generator as the catalog knows it: its file and its settings, parsed, checked and ready to be used.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::domain::review::ContentRecipe;
use crate::domain::task::GeneratorName;

use super::catalog::GeneratorOverrides;
use super::content::{Content, Place};
use super::file::{File, ReplyFile};
use super::handshake::Handshake;
use super::outgoing::Outgoing;
use super::reading::Reading;
use super::recipe::{Method, PublicKeys, Recipe};
use super::scalar::{Bind, Confirm, Early, Ingress, Line, Method as Verb, Period, Trust};
use super::sender::Sender;
use super::vocabulary::Glob;
use super::written::Written;

#[derive(Debug)]
pub struct Generator {
    pub(super) name: GeneratorName,
    pub(super) trust: Trust,
    pub(super) bind: Bind,
    pub(super) recipes: Vec<Recipe>,
    pub(super) reading: Reading,
    pub(super) handshake: Option<Handshake>,
    pub(super) final_errors: Vec<Glob>,
    pub(super) outgoing: Outgoing,
    pub(super) settings: Settings,
    pub(super) profile: Profile,
    pub(super) content: Arc<Content>,
    pub(super) sender: Sender,
    pub(super) written: Written,
}

/// What its file says for people.
#[derive(Debug)]
pub(super) struct Profile {
    /// Not a file of the operator's.
    pub built_in: bool,
    pub extends: Option<String>,
    pub about: Option<Line>,
    pub sources: Vec<String>,
    pub experimental: bool,
}

/// What the rest of the hub needs to know; the room itself only keeps it.
#[derive(Debug)]
pub(super) struct Settings {
    pub secrets: Vec<Secret>,
    pub is_named: bool,
    pub allowed_ips: Option<Vec<IpNet>>,
    pub max_body: Option<usize>,
    pub accepted: u16,
    pub ingress: Ingress,
    pub confirm: Confirm,
    pub early: Early,
    pub retry_after: Duration,
    pub methods: Vec<Verb>,
    pub timeout: Option<Duration>,
    pub max_retries: u32,
    /// What the hub's settings say of this generator alone.
    pub set_timeout: Option<Duration>,
    pub set_max_retries: Option<u32>,
    pub max_concurrent: Option<u32>,
    pub result_ttl: Option<Duration>,
    pub resubmit_on_timeout: bool,
}

/// Does not print.
#[derive(Clone)]
pub(super) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
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
    pub fn has_secret(&self) -> bool {
        !self.settings.secrets.is_empty()
    }

    /// All live ones, as they are in the settings; they leave this room neither whole nor in part.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.settings.secrets.iter().map(|secret| secret.0.as_str())
    }

    /// Whether the settings say anything about it.
    #[must_use]
    pub const fn is_named_in_settings(&self) -> bool {
        self.settings.is_named
    }

    /// Headers that carry the secret itself.
    pub fn secret_headers(&self) -> impl Iterator<Item = &str> {
        let bare = self.recipes.iter().filter(|recipe| matches!(recipe.method, Method::Token { .. }));
        bare.flat_map(|recipe| recipe.headers.iter().map(String::as_str))
    }

    /// Where it publishes the keys that its signatures are checked with, unless the settings have them.
    #[must_use]
    pub fn jwks_url(&self) -> Option<&str> {
        self.recipes.iter().find_map(|recipe| match &recipe.method {
            Method::Signature { keys: PublicKeys::Published(url), .. } => Some(url.as_str()),
            _ => None,
        })
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

    /// Whether its callbacks are believed, or only a reason to ask.
    #[must_use]
    pub const fn confirm(&self) -> Confirm {
        self.settings.confirm
    }

    /// Where its callbacks arrive: on a path of each task's own, or on one for all.
    #[must_use]
    pub const fn ingress(&self) -> Ingress {
        self.settings.ingress
    }

    /// Whether its file says how its callbacks prove themselves, beside their URL.
    #[must_use]
    pub const fn signs(&self) -> bool {
        !self.recipes.is_empty()
    }

    /// Whether a token in the URL that all its tasks share proves it.
    #[must_use]
    pub fn takes_ingress_token(&self) -> bool {
        self.ingress() == Ingress::Shared && self.trust == Trust::Token
    }

    /// Whether nothing else than such a token can.
    #[must_use]
    pub fn needs_ingress_token(&self) -> bool {
        self.takes_ingress_token() && (self.recipes.is_empty() || !self.has_secret() && self.jwks_url().is_none())
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

    /// What callbacks may be sent by: `POST`, `PUT`.
    pub fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.settings.methods.iter().map(|method| method.as_str())
    }

    /// Whether its file came with the hub.
    #[must_use]
    pub const fn is_built_in(&self) -> bool {
        self.profile.built_in
    }

    /// The generator that its file extends.
    #[must_use]
    pub fn extends(&self) -> Option<&str> {
        self.profile.extends.as_deref()
    }

    /// What it is, in one line.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.profile.about.as_ref().map(|line| line.0.as_str())
    }

    /// Where its file's facts come from.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.profile.sources
    }

    /// Whether its file's facts are unsure.
    #[must_use]
    pub const fn experimental(&self) -> bool {
        self.profile.experimental
    }

    /// The whole file, with what it extends.
    #[must_use]
    pub const fn written(&self) -> &Written {
        &self.written
    }

    /// How its results become contents, where its file says that; the same each time.
    #[must_use]
    pub fn content(&self) -> Option<ContentRecipe> {
        self.places().next().map(|_| ContentRecipe(self.content.clone()))
    }

    /// Where the parts of a content lie, by the names of the keys in its file.
    pub fn places(&self) -> impl Iterator<Item = (String, &[Place])> {
        self.content.places()
    }

    /// How it sends its callbacks.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
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

    /// The timeout, where the settings have one for this generator alone: it goes before what they have for all.
    #[must_use]
    pub const fn set_timeout(&self) -> Option<Duration> {
        self.settings.set_timeout
    }

    /// The same of retries.
    #[must_use]
    pub const fn set_max_retries(&self) -> Option<u32> {
        self.settings.set_max_retries
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
}

impl Settings {
    pub(super) fn new(file: &File, own: &GeneratorOverrides, confirm: Confirm) -> Self {
        let ReplyFile { accepted, early, retry_after, methods } = &file.reply;
        let of_poll = file.poll.as_ref().and_then(|poll| poll.get_ref().result_ttl);
        let ingress = file.ingress.as_ref().map_or(Ingress::Task, |ingress| *ingress.get_ref());
        let networks = || file.allowed_ips.as_ref().map(|list| list.0.iter().map(|network| network.0).collect());
        Self {
            secrets: own.secrets.iter().cloned().map(Secret).collect(),
            is_named: *own != GeneratorOverrides::default(),
            allowed_ips: own.allowed_ips.clone().or_else(networks),
            max_body: own.max_body.or(file.max_body.map(|size| size.0)),
            accepted: accepted.map_or(200, |accepted| accepted.0),
            ingress,
            confirm,
            early: early.unwrap_or(if ingress == Ingress::Shared { Early::Park } else { Early::Reject }),
            retry_after: retry_after.map_or(Duration::from_secs(5), |period| period.0),
            methods: if methods.0.is_empty() { vec![Verb::Post, Verb::Put] } else { methods.0.clone() },
            timeout: own.timeout.or(file.timeout.as_ref().map(|timeout| timeout.get_ref().0)),
            max_retries: own.max_retries.or(file.max_retries.as_ref().map(|most| *most.get_ref())).unwrap_or(0),
            set_timeout: own.timeout,
            set_max_retries: own.max_retries,
            max_concurrent: Some(file.max_concurrent).filter(|&most| most > 0),
            result_ttl: duration(file.result_ttl.or(of_poll)),
            resubmit_on_timeout: file.resubmit_on_timeout,
        }
    }
}

fn duration(period: Option<Period>) -> Option<Duration> {
    period.map(|period| period.0)
}
