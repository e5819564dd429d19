//! What a form, or the query of a page, says.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::desk::Desk;
use crate::http::body::{self, Terms};

/// A byte of a form may be written with three characters.
const FACTOR: usize = 3;

/// Names and values in their order. Empty fields of a form say nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs(Vec<(String, String)>);

impl FromRequest<Arc<Desk>> for Pairs {
    type Rejection = Refusal;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self, Refusal> {
        let limit = desk.hub.options().max_body.saturating_mul(FACTOR);
        Self::read(request, desk, limit).await
    }
}

impl Pairs {
    /// A form's body, of so many bytes at most.
    pub async fn read(request: Request, desk: &Desk, limit: usize) -> Result<Self, Refusal> {
        let hub = &desk.hub;
        let terms = Terms { limit, within: hub.options().body_timeout, sender: None };
        let body = body::read(request.into_body(), hub.budget(), &terms).await?;
        Ok(Self::of(&body))
    }

    pub fn of_query(query: Option<&str>) -> Self {
        Self::of(query.unwrap_or_default().as_bytes())
    }

    fn of(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Empty if it is not said.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn said(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|value| !value.trim().is_empty())
    }

    /// The same, but for this.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As a query of the API: of these names, what is said.
    pub fn query(&self, names: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in names {
            if let Some(value) = self.said(name) {
                query.append_pair(name, value.trim());
            }
        }
        query.finish()
    }

    /// As the texts of a JSON object: of these names, what is said.
    pub fn texts(&self, names: &[&str]) -> Map<String, Value> {
        let said = names.iter().filter_map(|name| Some(((*name).to_owned(), self.said(name)?.trim().into())));
        said.collect()
    }

    /// For filling a form in again.
    pub fn values(&self) -> Value {
        Value::Object(self.0.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect())
    }
}

/// A header a line; one that comes several times has several values.
pub(super) fn headers(text: &str) -> Result<Map<String, Value>, Refusal> {
    let mut headers: Map<String, Value> = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) =
            line.split_once(':').ok_or_else(|| Refusal::field("headers", "must be lines of the form `Name: value`"))?;
        let value = Value::from(value.trim());
        match headers.get_mut(name.trim()) {
            Some(Value::Array(values)) => values.push(value),
            Some(known) => *known = Value::Array(vec![known.take(), value]),
            None => drop(headers.insert(name.trim().to_owned(), value)),
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_fields_say_nothing() {
        let pairs = Pairs::of_query(Some("status=failed&generator=&q=+&limit=5&other=1"));
        assert_eq!(pairs.query(&["status", "generator", "q", "cursor"]), "status=failed");
        assert_eq!(pairs.texts(&["generator", "limit"]), Map::from_iter([("limit".to_owned(), "5".into())]));
    }

    #[test]
    fn headers_are_lines() {
        let read = headers("X-A: 1\r\n\r\nX-B: a:b\nX-A:2\nX-A: 3").unwrap();
        assert_eq!(Value::Object(read), json!({"X-A": ["1", "2", "3"], "X-B": "a:b"}));
        assert_eq!(headers("nonsense").unwrap_err().errors[0].0, "headers");
    }
}
