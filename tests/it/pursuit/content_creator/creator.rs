//! content-creator in either of its two forms, and what both have in common.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::shown;
use super::program::Program;
use super::service::Service;
use crate::harness::app::Extra;
use crate::harness::callback::Callback;
use crate::harness::{App, Database, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Http,
    Command,
}

pub(super) enum Creator {
    Http(Service),
    Command(Program),
}

/// Longer than the program needs on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

impl Creator {
    pub(super) async fn start(way: Way) -> Self {
        if way == Way::Http {
            return Self::Http(Service::start().await);
        }
        let program = Program::new();
        program.install();
        Self::Command(program)
    }

    pub(super) async fn app(&self, kind: Kind, more: &[(&str, &str)]) -> App {
        self.app_with(kind, more, LIMIT).await
    }

    pub(super) async fn app_with(&self, kind: Kind, more: &[(&str, &str)], limit: Duration) -> App {
        let (mut settings, mut files) = (more.to_vec(), Vec::new());
        let file = match self {
            Self::Http(service) => {
                settings.push(("GENERATOR_CONTENT_CREATOR_BASE_URL", &service.base));
                String::new()
            }
            Self::Command(program) => program.file(limit),
        };
        if !file.is_empty() {
            files.push(("content-creator-cli", file.as_str()));
        }
        let extra = Extra { settings: &settings, generators: &files, ..Extra::default() };
        App::with(&Arc::new(Database::fresh(kind).await), extra).await
    }

    pub(super) const fn generator(&self) -> &'static str {
        match self {
            Self::Http(_) => "content-creator",
            Self::Command(_) => "content-creator-cli",
        }
    }

    /// The task `t`, submitted with this input; its callback URL.
    pub(super) async fn submitted(&self, app: &App, input: Value) -> String {
        let task = app.created(&json!({"id": "t", "generator": self.generator(), "input": input, "max_retries": 0})).await;
        app.work_off().await;
        assert_eq!(shown(app, &["status", "external_id"]).await, [json!("submitted"), json!(self.job())]);
        task["callback_url"].as_str().expect("a URL").to_owned()
    }

    /// Its own id of the job, the only one.
    pub(super) fn job(&self) -> String {
        match self {
            Self::Http(service) => service.job().0,
            Self::Command(_) => "t-1".to_owned(),
        }
    }

    /// Where it was told to call back.
    pub(super) fn callback_url(&self) -> Value {
        match self {
            Self::Http(service) => service.job().1["callbackUrl"].clone(),
            Self::Command(program) => program.job("t-1").expect("a job")["callbackUrl"].clone(),
        }
    }

    pub(super) fn set(&self, state: Value) {
        let Value::Object(state) = state else { panic!("an object: {state}") };
        match self {
            Self::Http(service) => service.set(&self.job(), &state),
            Self::Command(program) => program.set("t-1", &state),
        }
    }

    pub(super) fn submissions(&self) -> usize {
        match self {
            Self::Http(service) => service.submissions().len(),
            Self::Command(program) => program.calls("create").len(),
        }
    }

    pub(super) fn questions(&self) -> usize {
        match self {
            Self::Http(service) => service.questions(),
            Self::Command(program) => program.calls("status").len() + program.calls("result").len(),
        }
    }

    /// A callback as it sends them, which is unsigned by itself.
    pub(super) fn calls<'a>(&self, app: &'a App, event: &str, more: Value) -> Callback<'a> {
        let mut body = json!({
            "event": event, "taskId": self.job(), "workflowType": "content-creator", "status": event,
            "timestamp": app.clock.now(), "metadata": {"topic": "文章主题", "mode": "async"},
        });
        let Value::Object(more) = more else { panic!("an object: {more}") };
        body.as_object_mut().expect("an object").extend(more);
        let url = self.callback_url();
        app.callback_to(url.as_str().expect("a URL"), body.to_string())
            .header("content-type", "application/json")
            .header("user-agent", "content-creator/1.0")
            .header("x-webhook-event", event)
            .header("x-task-id", self.job())
            .unsigned()
    }
}
