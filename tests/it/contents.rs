//! What becomes of completed results: reviewed by people, lent to publishers, told to webhooks.

mod bare;
mod editing;
mod erasing;
mod grid;
mod making;
mod news;
mod offered_again;
mod pool;
mod publishers;
mod reviewing;
mod said_twice;

use serde_json::{Value, json};

use crate::harness::{Answer, App, Kind, SECRET};

const CREATOR: (&str, &str) = ("GENERATOR_CONTENT_CREATOR_SECRET", SECRET);
/// Everything waits for somebody to look at it.
const REVIEWED: (&str, &str) = ("TASK_AUTO_APPROVE", "false");

async fn creator(kind: Kind, settings: &[(&str, &str)]) -> App {
    App::start(kind, &[&[CREATOR], settings].concat()).await
}

/// The article of the fixtures, as content-creator sends it.
pub(crate) fn article(task: &str) -> Value {
    let fixtures: toml::Table = include_str!("../presets/content-creator.toml").parse().expect("TOML");
    let callbacks = fixtures["callback"].as_array().expect("callbacks");
    let completed = callbacks.iter().find(|callback| callback["about"].as_str() == Some("completed")).expect("an article");
    let mut body: Value = serde_json::from_str(completed["body"].as_str().expect("a body")).expect("JSON");
    // its own id of the job: one for each
    body["taskId"] = json!(format!("job-{task}"));
    body
}

impl App {
    /// A task of content-creator that has brought an article.
    async fn article(&self, task: &str, more: Value) -> Value {
        let mut new = json!({"id": task, "generator": "content-creator", "input": {"topic": format!("About {task}")}});
        new.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.created(&new).await;
        self.callback(task, &article(task)).of("content-creator").send().await.good(200);
        self.content_of(task).await
    }

    /// The only content of a task.
    async fn content_of(&self, task: &str) -> Value {
        let found = self.items(&format!("/api/contents?task_id={task}")).await;
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    async fn content(&self, id: &Value) -> Value {
        self.get(&format!("/api/contents/{}", text(id))).await.good(200)
    }

    /// `approve` or `reject`.
    async fn decide(&self, content: &Value, how: &str, body: Value) -> Answer {
        self.post(&format!("/api/contents/{}/{how}", text(&content["id"])), &body).await
    }

    async fn claim(&self, body: Value) -> Vec<Value> {
        self.post("/api/pool/claim", &body).await.good(200)["items"].as_array().expect("a list").clone()
    }

    /// What a publisher says about an entry that it was lent: `published`, `failed` or `extend`.
    async fn say(&self, lent: &Value, what: &str, more: Value) -> Answer {
        let mut body = json!({"lease_token": lent["lease_token"]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.post(&format!("/api/pool/{}/{what}", text(&lent["id"])), &body).await
    }

    async fn pool(&self) -> Vec<Value> {
        self.items("/api/pool").await
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The tasks of entries or contents, in their order.
fn tasks(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| text(&item["task_id"])).collect()
}

/// What a refusal says.
fn detail(answer: &Answer) -> String {
    text(&answer.json()["detail"]).to_owned()
}
