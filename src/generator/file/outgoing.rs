//! The sections of the requests that the hub makes: `[submit]`, `[poll]` and `[cancel]`.

use std::collections::BTreeMap;

use serde::de::Deserializer;
use toml::{Spanned, Table, Value};

use super::MapFile;
use crate::generator::outgoing::approval::Approval;
use crate::generator::outgoing::words::{Auth, Form, GoneAs, Key, Mode, Place, Verb};
use crate::generator::rule::RuleFile;
use crate::generator::scalar::{Otherwise, Period, Scale, Several, Size, TimeUnit};
use crate::generator::source::{InBody, Source};

type Headers = BTreeMap<String, Spanned<String>>;
type Command = Vec<Spanned<String>>;

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::generator) struct SubmitFile {
    pub method: Option<Verb>,
    pub url: Option<Spanned<String>>,
    pub auth: Option<Auth>,
    pub headers: Headers,
    pub body: Option<Form>,
    pub callback: Option<Spanned<Place>>,
    pub callback_template: Option<Spanned<Value>>,
    /// Constants that only go along with a callback URL, and that `input` cannot change.
    pub callback_extra: Table,
    pub extra: Table,
    pub remote_id: Several<InBody>,
    pub ok: Option<Approval>,
    pub idempotency: Option<Key>,
    pub map: BTreeMap<String, Spanned<ChangeFile>>,
    pub params: Several<String>,
    pub command: Option<Spanned<Command>>,
    pub command_timeout: Option<Period>,
    pub output_limit: Option<Size>,
    pub lookup: Option<Spanned<String>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::generator) struct CancelFile {
    pub method: Option<Verb>,
    pub url: Option<Spanned<String>>,
    pub auth: Option<Auth>,
    pub headers: Headers,
    pub body: Option<Form>,
    pub extra: Table,
    pub ok: Option<Approval>,
    pub params: Several<String>,
    pub command: Option<Spanned<Command>>,
    pub command_timeout: Option<Period>,
    pub output_limit: Option<Size>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::generator) struct PollFile {
    pub mode: Option<Spanned<Mode>>,
    pub method: Option<Verb>,
    pub url: Option<Spanned<String>>,
    pub auth: Option<Auth>,
    pub headers: Headers,
    pub command: Option<Spanned<Command>>,
    pub command_timeout: Option<Period>,
    pub output_limit: Option<Size>,
    pub state: Option<Several<Source>>,
    pub progress: Option<Several<Source>>,
    pub scale: Option<Scale>,
    pub progress_of: Option<Spanned<Several<Source>>>,
    pub stage: Option<Several<Source>>,
    pub message: Option<Several<Source>>,
    pub result: Option<Several<InBody>>,
    pub error: Option<Several<InBody>>,
    pub at: Option<Several<Source>>,
    pub at_unit: Option<TimeUnit>,
    pub map: MapFile,
    /// What an answer without any word means.
    pub default: Option<Spanned<Otherwise>>,
    pub result_url: Option<Spanned<String>>,
    pub result_command: Option<Spanned<Command>>,
    pub gone_as: Option<GoneAs>,
    pub first_after: Option<Period>,
    pub every: Option<Spanned<Period>>,
    pub backoff: Option<Spanned<f64>>,
    pub max: Option<Period>,
    pub result_ttl: Option<Period>,
    pub rule: Option<Vec<Spanned<RuleFile>>>,
}

/// How a value of `input` is changed for a generator that is stricter about it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::generator) struct ChangeFile {
    /// The least and the most.
    #[serde(default, deserialize_with = "bounds")]
    pub clamp: Option<[f64; 2]>,
    #[serde(default)]
    pub values: Table,
}

fn bounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[f64; 2]>, D::Error> {
    use serde::de::{Deserialize, Error};
    let wanted = || D::Error::custom("must be two numbers, the least and the most");
    let numbers = Vec::<f64>::deserialize(deserializer).map_err(|_| wanted())?;
    let bounds = <[f64; 2]>::try_from(numbers).map_err(|_| wanted())?;
    if bounds[0] <= bounds[1] { Ok(Some(bounds)) } else { Err(wanted()) }
}

/// What both requests and commands can say, whichever section it stands in.
pub(in crate::generator) struct Means {
    pub method: Option<Verb>,
    pub url: Option<Spanned<String>>,
    pub auth: Option<Auth>,
    pub headers: Headers,
    pub command: Option<Spanned<Command>>,
    pub command_timeout: Option<Period>,
    pub output_limit: Option<Size>,
}

impl Means {
    /// Whether anything is said about a request.
    pub fn asks_otherwise(&self) -> bool {
        self.method.is_some() || self.url.is_some() || self.auth.is_some() || self.command.is_some() || !self.headers.is_empty()
    }
}

macro_rules! means {
    ($($section:ident),+) => {$(
        impl $section {
            /// Takes the part out that all sections have.
            pub fn take_means(&mut self) -> Means {
                Means {
                    method: self.method,
                    url: self.url.take(),
                    auth: self.auth.take(),
                    headers: std::mem::take(&mut self.headers),
                    command: self.command.take(),
                    command_timeout: self.command_timeout,
                    output_limit: self.output_limit,
                }
            }
        }
    )+};
}

means!(SubmitFile, CancelFile, PollFile);
