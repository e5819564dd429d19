//! Reads an event stream as a browser would.

use std::time::Duration;

use serde_json::Value;

use super::App;

pub(crate) struct Watcher {
    answer: reqwest::Response,
    text: String,
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub id: String,
    pub name: String,
    pub data: Value,
}

impl Watcher {
    /// From now on, or from the event with that id on.
    pub(crate) async fn open(app: &App, path: &str, last: Option<&str>) -> Self {
        let request = app.client.get(format!("{}{path}", app.base)).header("accept", "text/event-stream");
        Self::of(if let Some(last) = last { request.header("last-event-id", last) } else { request }).await
    }

    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { answer, text: String::new() }
    }

    pub(crate) async fn next(&mut self) -> Heard {
        self.next_or_end().await.expect("the stream goes on")
    }

    /// None: the stream is over.
    pub(crate) async fn next_or_end(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(heard) = heard(&event) {
                    return Some(heard);
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.answer.chunk());
            let chunk = chunk.await.expect("something within 20 seconds").expect("an open connection")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }
}

/// None: a comment.
fn heard(event: &str) -> Option<Heard> {
    let lines = |name: &str| -> Vec<String> {
        let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim_start().to_owned());
        event.lines().filter_map(value).collect()
    };
    let field = |name: &str| lines(name).first().cloned();
    field("data")?;
    let data = serde_json::from_str(&lines("data").join("\n")).expect("JSON");
    Some(Heard { id: field("id").expect("an id"), name: field("event").expect("a name"), data })
}
