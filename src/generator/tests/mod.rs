//! The room from outside: bytes in, verdicts and events out.

use std::sync::Arc;

use super::catalog::{Catalog, GeneratorOverrides, Overrides};
use super::entry::Generator;
use super::keyset::PublishedKeys;
use super::payload::{self, CustomEvent, Decoded, TaskEvent};
use super::raw::RawCallback;
use super::refusal::{Code, Refusal};
use super::signature::{Verified, verify};
use super::signing::sign;
use super::token::CapabilityKeys;
use crate::domain::task::{GeneratorName, TaskId};
use crate::domain::time::Timestamp;

mod answers;
mod batch;
mod bodies;
mod catalog;
mod confirm;
mod contents;
mod custom;
mod doctor;
mod effort;
mod fixtures;
mod golden;
mod handshake;
mod hostile;
mod json;
mod lineage;
mod mistakes;
mod mutilated;
mod one_line;
mod polled;
mod profile;
mod proof;
mod public_keys;
mod public_vectors;
mod real;
mod requests;
mod resubmit;
mod rewriting;
mod routes;
mod rules;
mod schema;
mod sdk_cases;
mod token;
mod vectors;
mod warnings;

const SECRET: &str = "whsec_test_0123456789abcdef0123456789abcdef";

fn now() -> Timestamp {
    Timestamp::from_secs(1_770_552_000)
}

fn task() -> TaskId {
    TaskId::parse("t-1").unwrap()
}

fn keys() -> CapabilityKeys {
    CapabilityKeys::derive(b"a key of the hub", [])
}

fn with_secrets(name: &str, secrets: &[&str]) -> Overrides {
    let own = GeneratorOverrides { secrets: secrets.iter().map(ToString::to_string).collect(), ..GeneratorOverrides::default() };
    let generators = [(GeneratorName::parse(name).unwrap(), own)].into();
    Overrides { generators, ..Overrides::default() }
}

fn built_in(name: &str, overrides: &Overrides) -> Arc<Generator> {
    Arc::clone(Catalog::load(&[], overrides).unwrap().find(name).unwrap())
}

/// A generator `x` of this text.
fn single(text: &str, overrides: &Overrides) -> Result<Arc<Generator>, super::mistake::CatalogError> {
    Catalog::single(&[("x.toml".to_owned(), text.to_owned())], overrides).map(Arc::new)
}

/// The same, with one secret.
fn written(text: &str) -> Arc<Generator> {
    single(text, &with_secrets("x", &[SECRET])).unwrap_or_else(|error| panic!("{error}"))
}

fn raw(body: &str) -> RawCallback {
    RawCallback {
        task: Some(task()),
        headers: Vec::new(),
        query: Vec::new(),
        body: body.as_bytes().to_vec().into(),
        arrived: now(),
        url: "https://hub.example/callback/t-1".to_owned(),
    }
}

impl RawCallback {
    fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    fn with_query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    fn signed(mut self, generator: &Generator, secret: &str) -> Self {
        let headers = sign(generator, secret, &task(), &self.body, self.arrived).unwrap();
        self.headers.extend(headers.into_iter().map(|(name, value)| (name, value.into_bytes())));
        self
    }
}

fn proven(raw: RawCallback, generator: &Arc<Generator>) -> Verified {
    verify(raw, generator, &keys(), &PublishedKeys::default()).unwrap_or_else(|(_, refusal)| panic!("{refusal:?}"))
}

fn verdict(raw: RawCallback, generator: &Arc<Generator>) -> Result<Option<u32>, Code> {
    verify(raw, generator, &keys(), &PublishedKeys::default())
        .map(|verified| verified.token_attempt())
        .map_err(|(_, refusal)| refusal.code)
}

impl Decoded {
    fn task_event(self) -> TaskEvent {
        if let Self::Task(event) = self { *event } else { panic!("{self:?} is of no task") }
    }

    fn custom_event(self) -> CustomEvent {
        if let Self::Custom(event) = self { *event } else { panic!("{self:?} is of a task") }
    }
}

/// What a callback says of its task.
fn decode(verified: &Verified) -> Result<TaskEvent, Refusal> {
    payload::decode(verified).map(Decoded::task_event)
}

/// What a signed body of `default` decodes to.
fn decoded(body: &str) -> Result<TaskEvent, Refusal> {
    let generator = built_in("default", &with_secrets("default", &[SECRET]));
    decode(&proven(raw(body).signed(&generator, SECRET), &generator))
}
