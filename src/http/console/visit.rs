//! One request for a page: who asks, for what, and the way to the API and back to a page.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::desk::Desk;
use super::form::Pairs;
use super::render;
use crate::http::access::Caller;
use crate::http::problem::{Code, Problem};

#[derive(Clone)]
pub(super) struct Visit {
    pub desk: Arc<Desk>,
    pub caller: Caller,
    /// Of the page.
    pub query: Pairs,
    path: String,
}

/// What happened, for the page that is shown next. In the address stands only the word, so that no page can be made to say
/// anything else.
const SAID: [(&str, &str); 19] = [
    ("cancelled", "The task is cancelled."),
    ("retried", "The task is on its way again."),
    ("asked", "The generator is asked: what it says comes into the timeline."),
    ("answered", "The generator was asked."),
    ("nothing", "Nothing was sent again: nobody would hear, or it is done already."),
    ("replayed", "The callback was replayed. What became of it is in its task's timeline."),
    ("approved", "Approved: it is in the publish pool."),
    ("rejected", "Rejected: it will not be published."),
    ("edited", "Saved."),
    ("offered", "It waits for a publisher again."),
    ("created", "The webhook is registered."),
    ("changed", "The webhook is changed."),
    ("removed", "The webhook is removed."),
    ("resent", "The delivery is on its way again."),
    ("bulk", "The dead deliveries are on their way again."),
    ("active", "The webhook is active: what waited for it is sent."),
    ("paused", "The webhook is paused: its deliveries wait."),
    ("disabled", "The webhook is disabled: its deliveries are dead."),
    ("pushed", "The task's dead deliveries are on their way again."),
];

impl Visit {
    pub fn new(desk: Arc<Desk>, caller: Caller, uri: &Uri) -> Self {
        Self { desk, caller, query: Pairs::of_query(uri.query()), path: uri.path().to_owned() }
    }

    /// # Errors
    /// What the API refuses.
    pub async fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.desk.ask(&self.caller, Method::GET, path, None).await
    }

    /// # Errors
    /// What the API refuses.
    pub async fn post(&self, path: &str, body: impl Serialize) -> Result<Value, Refusal> {
        self.change(Method::POST, path, body).await
    }

    /// # Errors
    /// What the API refuses.
    pub async fn patch(&self, path: &str, body: impl Serialize) -> Result<Value, Refusal> {
        self.change(Method::PATCH, path, body).await
    }

    /// # Errors
    /// What the API refuses.
    pub async fn delete(&self, path: &str) -> Result<Value, Refusal> {
        self.desk.ask(&self.caller, Method::DELETE, path, None).await
    }

    async fn change(&self, method: Method, path: &str, body: impl Serialize) -> Result<Value, Refusal> {
        let body = serde_json::to_string(&body).map_err(|_| Problem::of(Code::Internal))?;
        self.desk.ask(&self.caller, method, path, Some(body)).await
    }

    /// A page of a list of the API, cut down to what its form says. What is wrong with that is shown above an empty list.
    pub async fn list(&self, path: &str, names: &[&str]) -> (Value, Option<Refusal>) {
        let query = self.query.query(&[names, &["cursor", "limit"]].concat());
        match self.get(&format!("{path}?{query}")).await {
            Ok(list) => (list, None),
            Err(refusal) => (json!({"items": [], "next_cursor": null}), Some(refusal)),
        }
    }

    /// The way to a list's next page; null on the last one. `names`: what the page's form may say.
    pub fn next(&self, list: &Value, page: &str, names: &[&str]) -> Value {
        let Some(cursor) = list["next_cursor"].as_str() else { return Value::Null };
        let query = self.query.clone().with("cursor", cursor).query(&[names, &["limit", "cursor"]].concat());
        format!("{page}?{query}").into()
    }

    /// Of all generators that the catalog knows.
    pub fn generators(&self) -> Vec<String> {
        self.desk.hub.terms.catalog().iter().map(|generator| generator.name().to_string()).collect()
    }

    /// The events of the API at that path, as they come.
    pub async fn watch(&self, path: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
        let wanted = ["last-event-id", "cookie", "authorization", "x-api-key", "host", "origin"];
        let known = wanted.iter().filter_map(|name| Some((name.parse().ok()?, headers.get(*name)?.clone())));
        let mut response = self.desk.stream(&self.caller, path, known.collect()).await?;
        match response.extensions_mut().remove::<Problem>() {
            Some(problem) => Err(problem.into()),
            None => Ok(response),
        }
    }

    pub fn page(&self, template: &str, title: &str, context: Value) -> Response {
        self.page_with(template, title, context, None)
    }

    /// The same where something was refused: that is said above it, and its status is the refusal's.
    pub fn page_with(&self, template: &str, title: &str, mut context: Value, fault: Option<&Refusal>) -> Response {
        context["fault"] = fault.map(Refusal::shown).into();
        let mut page = render::page(self, template, title, context);
        if let Some(fault) = fault.filter(|_| page.status() == StatusCode::OK) {
            *page.status_mut() = fault.status;
        }
        page
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn said(&self) -> Option<&'static str> {
        let word = self.query.text("said");
        SAID.iter().find(|(known, _)| *known == word).map(|(_, sentence)| *sentence)
    }
}

/// After something was done: another page, which says so.
pub(super) fn done(page: &str, said: &str) -> Response {
    debug_assert!(SAID.iter().any(|(known, _)| *known == said), "{said} has its sentence");
    let mark = if page.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{page}{mark}said={said}")).into_response()
}

/// A path's segment goes into the API's paths as it is, where it is a possible id.
///
/// # Errors
/// `not_found`
pub(super) fn segment(text: &str) -> Result<&str, Refusal> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    let is_plain = !text.is_empty() && text.chars().all(is_plain) && text != "." && text != "..";
    if is_plain { Ok(text) } else { Err(Problem::of(Code::NotFound).into()) }
}

/// Where only forms are sent to, whoever comes without one is shown what they are about.
pub(super) async fn up(visit: Visit) -> Response {
    let page = visit.path.rsplit_once('/').map_or("/console", |(page, _)| page);
    Redirect::to(page).into_response()
}

pub(super) async fn nothing() -> Refusal {
    Problem::new(Code::NotFound, "There is no such page in the console").into()
}

pub(super) async fn misused() -> Refusal {
    Problem::of(Code::MethodNotAllowed).into()
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let visit: Option<&Self> = parts.extensions.get();
        visit.cloned().ok_or_else(|| Problem::of(Code::Internal).into())
    }
}
