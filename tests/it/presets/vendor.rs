//! What a stand-in has to know of the vendor that it stands in for.

use std::collections::BTreeMap;

use serde_json::Value;

/// How a job stands with its vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Queued,
    Working,
    Done,
    Broken,
    /// Cancelled.
    Stopped,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub id: String,
    pub fate: Fate,
    /// What was asked for.
    pub request: Value,
    /// Where it would call back.
    pub callback: Option<String>,
}

#[derive(Default)]
pub(crate) struct Jobs(pub Vec<Job>);

impl Jobs {
    pub(crate) fn add(&mut self, id: impl Into<String>, request: &Value, callback: &Value) -> &mut Job {
        let callback = callback.as_str().map(ToOwned::to_owned);
        self.0.push(Job { id: id.into(), fate: Fate::Queued, request: request.clone(), callback });
        self.0.last_mut().expect("it was added")
    }

    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Job> {
        self.0.iter_mut().find(|job| job.id == id)
    }
}

/// A request to a vendor.
pub(crate) struct Asked {
    pub method: String,
    /// Decoded, without slashes at either end.
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    /// Where the stand-in lives.
    pub base: String,
}

impl Asked {
    /// The method and the steps of the path.
    pub(crate) fn line(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.split('/').collect())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The first member of the body that is not among these.
    pub(crate) fn stranger(&self, known: &[&str]) -> Option<&str> {
        self.body.as_object()?.keys().map(String::as_str).find(|key| !known.contains(key))
    }
}

pub(crate) type Answer = (u16, Value);

/// A task that the vendor does not take.
#[derive(Default)]
pub(crate) struct Unwanted {
    pub settings: Vec<(String, String)>,
    pub input: Option<Value>,
    /// In what it says to that.
    pub words: &'static str,
}

impl Unwanted {
    pub(crate) fn key(setting: &str, words: &'static str) -> Self {
        Self { settings: vec![(setting.to_owned(), "somebody else's".to_owned())], words, ..Self::default() }
    }

    pub(crate) fn input(input: Value, words: &'static str) -> Self {
        Self { input: Some(input), words, ..Self::default() }
    }
}

pub(crate) trait Vendor: Send + Sync {
    fn generator(&self) -> &'static str;

    /// The key that it knows, if it wants one.
    fn key(&self) -> Option<&'static str>;

    /// `input` and `params` of a task of its own.
    fn order(&self) -> Value;

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer;

    /// What a task's result is then.
    fn result(&self, job: &str) -> Value;

    /// What it says of a job that failed.
    fn complaint(&self) -> &'static str;

    fn unwanted(&self) -> Unwanted;

    /// Whether it is told with each job where to call.
    fn calls_back(&self) -> bool {
        true
    }
}
