//! A task for a generator, to copy: the body of `POST /api/tasks`.

use serde_json::{Map, Value, json};

use super::entry::Generator;

impl Generator {
    /// What its file names is in it; the rest of `input` is for the generator's own documentation to say.
    #[must_use]
    pub fn example(&self) -> Value {
        let mut task = Map::from_iter([("generator".to_owned(), json!(self.name.as_str()))]);
        if !self.written.has("submit") {
            task.insert("submit".to_owned(), json!(false));
            task.insert("external_id".to_owned(), json!("the id that the generator gave the job"));
            return task.into();
        }
        let params = self.params();
        if !params.is_empty() {
            task.insert("params".to_owned(), params.into_iter().map(example_of).collect());
        }
        task.insert("input".to_owned(), self.input());
        task.into()
    }

    /// The names of `params` that its requests are filled with; `name=value` for one that a task need not say.
    #[must_use]
    pub fn params(&self) -> Vec<String> {
        ["submit", "cancel"].into_iter().flat_map(|section| self.written.list(&format!("{section}.params"))).collect()
    }

    /// The members of `input` that its requests are filled with.
    fn input(&self) -> Value {
        let mut input = Map::new();
        for text in self.written.texts() {
            let names = text.split("{input.").skip(1).filter_map(|rest| rest.split(['}', '.', '[']).next());
            input.extend(names.map(|name| (name.to_owned(), json!("a lighthouse at dusk"))));
        }
        if input.is_empty() {
            input.insert("prompt".to_owned(), json!("a lighthouse at dusk"));
        }
        input.into()
    }
}

/// The usual value where there is one, else the name itself.
fn example_of(param: String) -> (String, Value) {
    match param.split_once('=') {
        Some((name, usual)) => (name.to_owned(), json!(usual)),
        None => (param.clone(), json!(param)),
    }
}
