//! How a completed result becomes a content: where its title, its text and its pictures lie.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::scalar::Several;
use super::source::{Pointer, Segment};

mod count;
mod extract;

pub use count::words_of;

/// Of each list the first that is there counts.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    pub title: Several<Place>,
    pub summary: Several<Place>,
    pub body: Several<Place>,
    pub html: Several<Place>,
    pub images: Several<Place>,
    pub cover: Several<Place>,
    /// Under names of the generator's own.
    pub fields: BTreeMap<String, Several<Place>>,
}

/// `result:a.b`, `input:a.b` or `metadata:a.b`; of a result that is no object also the whole (`result`) or what lies in a
/// list (`result[0].url`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub part: Part,
    /// Its first step is the part itself.
    pointer: Pointer,
}

/// Of a completed task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Result,
    Input,
    Metadata,
}

impl Part {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Input => "input",
            Self::Metadata => "metadata",
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = [Part::Result, Part::Input, Part::Metadata];
        let (name, path) = text.split_at(text.find([':', '[']).unwrap_or(text.len()));
        let known = parts.into_iter().find(|part| part.as_str() == name);
        let part = known.filter(|part| path.starts_with(':') || *part == Part::Result);
        let part = part.ok_or_else(|| format!("may not be `{text}`; it is `result:a.b`, `input:a.b` or `metadata:a.b`"))?;
        let path = path.strip_prefix(':').map_or_else(|| Ok(text.to_owned()), |path| rooted(part, path))?;
        Ok(Self { part, pointer: path.parse()? })
    }
}

fn rooted(part: Part, path: &str) -> Result<String, String> {
    path.parse::<Pointer>().map(|path| format!("{}.{path}", part.as_str()))
}

impl Place {
    /// The steps inside of the part.
    #[must_use]
    pub fn steps(&self) -> &[Segment] {
        self.pointer.tail()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pointer.to_string().replacen(
            '.',
            ":",
            usize::from(matches!(self.steps().first(), Some(Segment::Key(_)))),
        ))
    }
}

impl Content {
    /// What a file says, by the names of the keys.
    pub fn places(&self) -> impl Iterator<Item = (String, &[Place])> {
        let Self { title, summary, body, html, images, cover, fields } = self;
        let fixed =
            [("title", title), ("summary", summary), ("body", body), ("html", html), ("images", images), ("cover", cover)];
        let own = fields.iter().map(|(name, places)| (format!("fields.{name}"), places));
        let all = fixed.into_iter().map(|(name, places)| (name.to_owned(), places)).chain(own);
        all.map(|(name, places)| (name, places.0.as_slice())).filter(|(_, places)| !places.is_empty())
    }
}
