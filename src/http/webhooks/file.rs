//! The webhooks of a file: the same fields as in the API.

use super::fields;
use crate::http::fields::Fields;
use crate::http::problem::FieldProblem;
use crate::registrar::Wish;
use serde_json::value::RawValue;

/// One of them, and what its fields' faults begin with.
#[derive(Clone)]
pub struct Entry {
    /// `webhooks[2]`
    pub place: String,
    pub wish: Wish,
}

/// The entries of `{"webhooks": […]}`.
///
/// # Errors
/// Everything that is wrong with it: sentences that begin with the field's name, and quote no values.
pub fn entries(text: &[u8]) -> Result<Vec<Entry>, Vec<String>> {
    let mut fields = Fields::of_body(text).map_err(|_| vec![not_json(text)])?;
    let list: Option<Vec<&RawValue>> = fields.list("webhooks");
    if list.is_none() {
        fields.blame_too("webhooks", "is missing");
    }
    let mut entries = Vec::new();
    for (at, json) in list.unwrap_or_default().into_iter().enumerate() {
        let place = format!("webhooks[{at}]");
        let Ok(mut part) = Fields::of_body(json.get().as_bytes()) else {
            fields.blame(&place, "must be an object");
            continue;
        };
        let wish = fields::read(&mut part).into();
        fields.adopt(&place, part);
        entries.push(Entry { place, wish });
    }
    let sentence = |problem: FieldProblem| format!("{}: {}", problem.field, problem.detail);
    fields.finish().map_err(|problem| problem.errors.into_iter().map(sentence).collect::<Vec<_>>())?;
    Ok(entries)
}

/// Where it stops being JSON, without what stands there.
fn not_json(text: &[u8]) -> String {
    match serde_json::from_slice::<&RawValue>(text) {
        Err(error) => format!("is no JSON, from line {}, column {}", error.line(), error.column()),
        Ok(_) => "is not a JSON object with a list of `webhooks`".to_owned(),
    }
}
