//! A callback to be sent, signed by code that shares nothing with the hub's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::Value;
use sha2::Sha256;

use super::{Answer, App, SECRET};

pub(crate) const SIGNATURE: &str = "x-webhook-signature";

pub(crate) struct Callback<'a> {
    app: &'a App,
    method: Method,
    /// Path and query.
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    signing: Signing,
    secret: String,
}

enum Signing {
    Absent,
    Hex,
    Base64,
    Prefixed,
    /// Over timestamp and body; the timestamp goes into a header.
    Stamped(String),
}

pub(crate) fn hmac(secret: impl AsRef<[u8]>, content: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_ref()).expect("any length does");
    mac.update(content);
    mac.finalize().into_bytes().to_vec()
}

/// As the default generator sends it.
pub(crate) fn signature(body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac(SECRET, body)))
}

impl App {
    /// To the task's own path, signed as generator `default` does it.
    pub(crate) fn callback(&self, task: &str, body: &Value) -> Callback<'_> {
        self.raw_callback(task, body.to_string())
    }

    pub(crate) fn raw_callback(&self, task: &str, body: impl Into<Vec<u8>>) -> Callback<'_> {
        self.callback_to(&format!("/callback/{task}"), body)
    }

    pub(crate) fn batch(&self, items: &[Value]) -> Callback<'_> {
        self.callback_to("/callback", serde_json::json!({ "callbacks": items }).to_string())
    }

    /// Any path, with a query or without; also a whole callback URL of this app or of another one.
    pub(crate) fn callback_to(&self, target: &str, body: impl Into<Vec<u8>>) -> Callback<'_> {
        let target =
            target.find("/callback").map_or(target, |at| if target.starts_with("http") { &target[at..] } else { target });
        Callback {
            app: self,
            method: Method::POST,
            target: target.to_owned(),
            headers: Vec::new(),
            body: body.into(),
            signing: Signing::Prefixed,
            secret: SECRET.to_owned(),
        }
    }
}

impl Callback<'_> {
    pub(crate) fn by_put(self) -> Self {
        Self { method: Method::PUT, ..self }
    }

    pub(crate) fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let mark = if self.target.contains('?') { '&' } else { '?' };
        self.target.push_str(&format!("{mark}{name}={value}"));
        self
    }

    /// Names a generator; all of the tests' own have the same secret.
    pub(crate) fn of(self, generator: &str) -> Self {
        self.query("generator", generator)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn unsigned(self) -> Self {
        Self { signing: Signing::Absent, ..self }
    }

    pub(crate) fn in_hex(self) -> Self {
        Self { signing: Signing::Hex, ..self }
    }

    pub(crate) fn in_base64(self) -> Self {
        Self { signing: Signing::Base64, ..self }
    }

    pub(crate) fn stamped(self, timestamp: impl std::fmt::Display) -> Self {
        Self { signing: Signing::Stamped(timestamp.to_string()), ..self }
    }

    pub(crate) fn secret(self, secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..self }
    }

    pub(crate) async fn send(self) -> Answer {
        let tag = hmac(&self.secret, &self.body);
        let mut headers = self.headers;
        match &self.signing {
            Signing::Absent => {}
            Signing::Hex => headers.push((SIGNATURE.to_owned(), hex::encode(tag).into_bytes())),
            Signing::Base64 => headers.push((SIGNATURE.to_owned(), STANDARD.encode(tag).into_bytes())),
            Signing::Prefixed => headers.push((SIGNATURE.to_owned(), format!("sha256={}", hex::encode(tag)).into_bytes())),
            Signing::Stamped(timestamp) => {
                let content = [timestamp.as_bytes(), b".", &self.body].concat();
                headers.push(("x-timestamp".to_owned(), timestamp.clone().into_bytes()));
                headers.push((SIGNATURE.to_owned(), hex::encode(hmac(&self.secret, &content)).into_bytes()));
            }
        }
        let mut request = self.app.client.request(self.method, format!("{}{}", self.app.base, self.target)).body(self.body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// Status and outcome of a callback that must be taken.
    pub(crate) async fn taken(self) -> (u16, String) {
        self.send().await.outcome()
    }

    /// Status and code of one that must be refused.
    pub(crate) async fn refused(self) -> (u16, String) {
        self.send().await.problem()
    }
}
