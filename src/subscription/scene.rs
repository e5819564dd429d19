//! What the placeholders of a template can see of a letter.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use super::expression::{Path, Step};
use super::tree::{Node, Part};

pub const VARIABLES: [&str; 8] = ["event", "data", "timestamp", "metadata", "task_id", "result_json", "file_url", "meta_info"];

/// Where a result's URL may lie, the first that is one counts: each a URL itself, an object that holds one, or a list that
/// begins with one. A result that is a URL, or a list, is looked at first.
pub const URLS: [&str; 21] = [
    "file_url",
    "url",
    "output_url",
    "download_url",
    "result_url",
    "video_url",
    "image_url",
    "audio_url",
    "file",
    "output",
    "video",
    "image",
    "audio",
    "files",
    "outputs",
    "videos",
    "images",
    "audios",
    "urls",
    "data",
    "result",
];

/// Objects and lists inside of each other that are looked into for a URL.
const DEEPEST: usize = 3;

#[derive(Clone, Debug)]
pub struct Scene(Arc<Node>);

impl Scene {
    #[must_use]
    pub fn of(letter: &str) -> Option<Self> {
        Node::read(letter).map(Self)
    }

    #[must_use]
    pub fn value(&self) -> Value {
        Value::from_object(self.clone())
    }

    /// # Errors
    /// Why what was made of its values is worth nothing.
    pub fn check(&self) -> Result<(), String> {
        self.0.meter().check()
    }

    /// The JSON text that a path leads to, as it stands in the letter.
    #[must_use]
    pub fn raw(&self, path: &Path) -> Option<&str> {
        let mut part = self.variable(&path.variable)?;
        for step in &path.steps {
            let node = part.value.downcast_object_ref::<Node>()?;
            part = match step {
                Step::Name(name) => node.member(name)?,
                Step::Index(index) => node.element(*index)?,
            };
        }
        Some(self.0.raw_of(part))
    }

    fn variable(&self, name: &str) -> Option<&Part> {
        let data = |name: &str| self.0.member("data")?.value.downcast_object_ref::<Node>()?.member(name);
        match name {
            "task_id" => data("task_id"),
            "result_json" => data("result"),
            "meta_info" => data("metadata"),
            "event" | "data" | "timestamp" | "metadata" => self.0.member(name),
            _ => None,
        }
    }
}

impl Object for Scene {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "file_url" => url(&self.variable("result_json")?.value, DEEPEST).map(Value::from),
            name => self.variable(name).map(|part| part.value.clone()),
        }
    }
}

fn url(value: &Value, depth: usize) -> Option<String> {
    if let Some(text) = value.as_str() {
        return is_url(text).then(|| text.to_owned());
    }
    let node = value.downcast_object_ref::<Node>().filter(|_| depth > 0)?;
    let first = node.element(0).and_then(|first| url(&first.value, depth - 1));
    first.or_else(|| URLS.iter().find_map(|name| url(&node.member(name)?.value, depth - 1)))
}

fn is_url(text: &str) -> bool {
    let after = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    after.is_some_and(|after| !after.is_empty()) && !text.contains(char::is_whitespace)
}
