//! Title, text and pictures out of a completed task.
//!
//! | part | is | where the value is another |
//! | --- | --- | --- |
//! | title, summary | a text, a number, a word | an object or a list is passed over, and the next place counts |
//! | content, html | likewise | an object or a list is its JSON text |
//! | images | texts and objects of a list | a single one is a list of one; everything else is left out |
//! | cover | a text, or an object's `url` | of a list the first; everything else is passed over |
//! | fields | any value | a number that no JSON reader holds stays a text |

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Content, Part, Place, count};
use crate::domain::review::{Document, Recipe};
use crate::generator::json::{self, Kind};

/// Pictures of one content.
const MOST_IMAGES: usize = 1_000;

impl Recipe for Content {
    /// Whatever is missing is null: a content without a title can be given one in review.
    fn make(&self, result: &str, input: Option<&str>, metadata: Option<&str>) -> Document {
        let task = Completed { result: read(Some(result)), input: read(input), metadata: read(metadata) };
        let title = task.first(&self.title.0, plain);
        let summary = task.first(&self.summary.0, plain);
        let content = task.first(&self.body.0, whole);
        let html = task.first(&self.html.0, whole);
        let images = task.first(&self.images.0, |value| Some(images(value))).unwrap_or_default();
        let cover_image = task.first(&self.cover.0, url);
        let mut fields = self.own_fields(&task);
        let word_count = told(&mut fields).or_else(|| count::words_of(content.as_deref(), html.as_deref()));
        Document { title, summary, content, html, images, cover_image, word_count, fields }
    }
}

impl Content {
    fn own_fields(&self, task: &Completed<'_>) -> Map<String, Value> {
        let found = |places: &[Place]| task.first(places, |value| Some(parsed(value)));
        self.fields.iter().filter_map(|(name, places)| Some((name.clone(), found(&places.0)?))).collect()
    }
}

/// A field of that name that is a count has a place of its own.
fn told(fields: &mut Map<String, Value>) -> Option<u64> {
    const NAME: &str = "word_count";
    let count = fields.get(NAME)?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    fields.remove(NAME);
    Some(count)
}

struct Completed<'a> {
    result: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
}

fn read(text: Option<&str>) -> Option<&RawValue> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

impl<'a> Completed<'a> {
    /// Of the places the first that has something that can be taken.
    fn first<T>(&self, places: &[Place], take: impl Fn(&'a RawValue) -> Option<T>) -> Option<T> {
        places.iter().find_map(|place| self.at(place).and_then(&take))
    }

    fn at(&self, place: &Place) -> Option<&'a RawValue> {
        let part = match place.part {
            Part::Result => self.result,
            Part::Input => self.input,
            Part::Metadata => self.metadata,
        };
        json::walk(part?, place.steps()).value()
    }
}

fn plain(value: &RawValue) -> Option<String> {
    match json::kind(value) {
        Kind::String => json::string(value),
        Kind::Number | Kind::Bool => Some(value.get().to_owned()),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

fn whole(value: &RawValue) -> Option<String> {
    plain(value).or_else(|| Some(json::storable(value.get()).unwrap_or_else(|| value.get().to_owned())))
}

fn images(value: &RawValue) -> Vec<Value> {
    let found = match json::kind(value) {
        Kind::Array => json::first_elements(value, MOST_IMAGES),
        _ => vec![value],
    };
    found.into_iter().filter(|value| matches!(json::kind(value), Kind::String | Kind::Object)).map(parsed).collect()
}

fn url(value: &RawValue) -> Option<String> {
    match json::kind(value) {
        Kind::String => json::string(value),
        Kind::Object => json::member(value, "url").filter(|url| json::kind(url) == Kind::String).and_then(json::string),
        Kind::Array => json::first_elements(value, 1).into_iter().find(|first| json::kind(first) != Kind::Array).and_then(url),
        Kind::Null | Kind::Bool | Kind::Number => None,
    }
}

fn parsed(value: &RawValue) -> Value {
    let text = json::storable(value.get());
    let text = text.as_deref().unwrap_or(value.get());
    // what can only just be read here could not be read within its document any more
    let within: Option<[[Value; 1]; 1]> = serde_json::from_str(&format!("[[{text}]]")).ok();
    within.map_or_else(|| Value::String(text.to_owned()), |[[value]]| value)
}
