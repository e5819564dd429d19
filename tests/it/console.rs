//! The console, as a browser without a script has it: pages, forms, a cookie. What a real browser makes of them is shown by
//! `tests/console`.

mod actions;
mod entry;
mod hostile;
mod pages;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Answer, App, Kind, SECRET};

const KEY: &str = "a-key-of-the-settings";
/// Contents are looked at before they are published, and subscribers of the tests are on this machine.
const SETTINGS: [(&str, &str); 5] = [
    ("API_KEYS", KEY),
    ("GENERATOR_CONTENT_CREATOR_SECRET", SECRET),
    ("TASK_AUTO_APPROVE", "false"),
    ("DELIVERY_ALLOWED_NETWORKS", "private"),
    ("SECRETS_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
];

/// Somebody with a cookie.
struct Browser<'a> {
    app: &'a App,
    cookie: String,
}

/// As a browser sends it.
fn form(request: reqwest::RequestBuilder, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

async fn start(kind: Kind) -> App {
    App::start(kind, &SETTINGS).await
}

impl<'a> Browser<'a> {
    async fn logged_in(app: &'a App) -> Self {
        Self::logged_in_with(app, KEY).await
    }

    async fn logged_in_with(app: &'a App, key: &str) -> Self {
        let mut browser = Self { app, cookie: String::new() };
        let answer = browser.post("/console/login", &[("key", key)]).await;
        let cookie = answer.header("set-cookie").expect("a cookie");
        browser.cookie = cookie.split(';').next().expect("its value").to_owned();
        browser
    }

    async fn get(&self, path: &str) -> Answer {
        let request = self.app.client.get(format!("{}{path}", self.app.base));
        self.app.send(request.header("cookie", &self.cookie)).await
    }

    /// A page that is there.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.app.client.post(format!("{}{path}", self.app.base)).header("cookie", &self.cookie);
        self.app.send(form(request, fields)).await
    }

    /// Sends a form, and follows where it leads.
    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
        self.page(answer.header("location").expect("the next page")).await
    }

    /// What the API says, to whoever has the key.
    async fn api(&self, path: &str) -> Value {
        let request = self.app.client.get(format!("{}{path}", self.app.base)).header("x-api-key", KEY);
        self.app.send(request).await.good(200)
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let request = self.app.client.post(format!("{}{path}", self.app.base)).header("x-api-key", KEY);
        self.app.send(request.body(body.to_string())).await.json()
    }

    /// The first of a list of the API.
    async fn first(&self, path: &str) -> BTreeMap<String, Value> {
        let list = self.api(path).await;
        serde_json::from_value(list["items"][0].clone()).unwrap_or_else(|_| panic!("{path} is empty"))
    }

    async fn first_id(&self, path: &str) -> String {
        self.first(path).await["id"].as_str().expect("an id").to_owned()
    }

    async fn task(&self, id: &str) {
        self.ask("/api/tasks", &json!({"id": id})).await;
    }
}
