//! A generator's TOML file as it is written. What is parsed here is typed; what is built from it is in `entry.rs` and,
//! for the requests that the hub makes, in `outgoing`.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error};
use toml::Spanned;

use super::content::Content;
use super::handshake::HandshakeFile;
use super::outgoing::Host;
use super::rule::RuleFile;
use super::scalar::{
    Algorithm, Bind, ClockUnit, Confirm, Early, Encoding, Future, Ingress, KeyForm, Line, Method, Network, Otherwise, Period,
    Scale, Scheme, Several, Size, TimeUnit, Trust,
};
use super::sender::Sender;
use super::source::{ClockSource, IdSource, InBody, Source, TaskSource};
use super::vocabulary::Glob;

mod outgoing;

pub(super) use outgoing::{CancelFile, ChangeFile, Means, PollFile, SubmitFile};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub name: Option<Spanned<String>>,
    /// Another generator, whose tables lie below this file's.
    pub extends: Option<String>,
    pub about: Option<Line>,
    #[serde(default)]
    pub sources: Several<String>,
    #[serde(default)]
    pub experimental: bool,
    #[serde(default)]
    pub hosts: Several<Host>,
    pub trust: Option<Spanned<Trust>>,
    pub bind: Option<Spanned<Bind>>,
    pub ingress: Option<Spanned<Ingress>>,
    pub max_retries: Option<Spanned<u32>>,
    #[serde(default)]
    pub final_errors: Several<Glob>,
    pub timeout: Option<Spanned<Period>>,
    pub result_ttl: Option<Period>,
    /// 0: no limit.
    #[serde(default)]
    pub max_concurrent: u32,
    #[serde(default)]
    pub resubmit_on_timeout: bool,
    pub allowed_ips: Option<Several<Network>>,
    pub max_body: Option<Size>,
    #[serde(default)]
    pub sign: Vec<Spanned<SignFile>>,
    pub event: EventFile,
    #[serde(default)]
    pub reply: ReplyFile,
    pub submit: Option<Spanned<SubmitFile>>,
    pub poll: Option<Spanned<PollFile>>,
    pub cancel: Option<Spanned<CancelFile>>,
    pub handshake: Option<Spanned<HandshakeFile>>,
    #[serde(default)]
    pub content: Content,
    #[serde(default)]
    pub sender: Sender,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignFile {
    pub scheme: Scheme,
    #[serde(default)]
    pub header: Several<String>,
    #[serde(default)]
    pub strip: String,
    pub alg: Option<Algorithm>,
    pub item_sep: Option<String>,
    pub field_sep: Option<String>,
    pub field: Option<String>,
    pub encoding: Option<Encoding>,
    pub content: Option<String>,
    pub key: Option<KeyForm>,
    #[serde(default)]
    pub key_prefix: String,
    pub ts: Option<ClockSource>,
    pub ts_unit: Option<ClockUnit>,
    pub tolerance: Option<Period>,
    pub future: Option<Future>,
    pub covers_body: Option<bool>,
    #[serde(default, rename = "query")]
    _query: TokenQuery,
    pub jwks: Option<String>,
    /// Where its keys stand in the page.
    #[serde(skip)]
    pub places: Places,
}

pub(super) type Places = BTreeMap<String, Range<usize>>;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventFile {
    /// A value of the wrong type refuses the callback; without it, it counts as absent.
    #[serde(default)]
    pub strict: bool,
    #[serde(default)]
    pub task: Several<TaskSource>,
    #[serde(default)]
    pub id: Several<IdSource>,
    #[serde(default)]
    pub at: Several<Source>,
    pub at_unit: Option<TimeUnit>,
    #[serde(default)]
    pub state: Several<Source>,
    #[serde(default)]
    pub progress: Several<Source>,
    pub scale: Option<Scale>,
    pub progress_of: Option<Spanned<Several<Source>>>,
    #[serde(default)]
    pub stage: Several<Source>,
    #[serde(default)]
    pub message: Several<Source>,
    #[serde(default)]
    pub result: Several<InBody>,
    #[serde(default)]
    pub error: Several<InBody>,
    /// What of the body a custom event carries; without it the whole.
    #[serde(default)]
    pub data: Several<InBody>,
    pub confirm: Option<Spanned<Confirm>>,
    pub default: Option<Otherwise>,
    #[serde(default)]
    pub map: MapFile,
    /// In order, before the map.
    #[serde(default)]
    pub rule: Vec<Spanned<RuleFile>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MapFile {
    pub completed: Several<Glob>,
    pub failed: Several<Glob>,
    pub cancelled: Several<Glob>,
    pub progress: Several<Glob>,
    /// Progress without a percent.
    pub started: Several<Glob>,
    pub ignore: Several<Glob>,
    /// No task's business: custom events.
    pub event: Several<Glob>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyFile {
    pub accepted: Option<Accepted>,
    pub early: Option<Early>,
    pub retry_after: Option<Period>,
    /// Empty: all of them.
    #[serde(default)]
    pub methods: Several<Method>,
}

/// The status of an answer to a callback that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted(pub u16);

impl<'de> Deserialize<'de> for Accepted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            200 => Ok(Self(200)),
            202 => Ok(Self(202)),
            _ => Err(D::Error::custom("must be 200 or 202")),
        }
    }
}

#[derive(Default)]
struct TokenQuery;

impl<'de> Deserialize<'de> for TokenQuery {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("needs no saying: the callback URL always carries a token, and `trust = \"token\"` lets it suffice"))
    }
}
