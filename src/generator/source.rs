//! Where a value comes from: `header:NAME`, `json:a.b[0].c`, `query:NAME`; for some keys also `sig:KEY`, `path`, `task`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Alternatives (`header:a|b`): the first that is there.
    Header(Vec<String>),
    Json(Pointer),
    Query(String),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("may not be `{text}`; a source is `header:NAME`, `json:a.b[0].c` or `query:NAME`");
        let (kind, name) = text.split_once(':').ok_or_else(wanted)?;
        match kind {
            _ if name.is_empty() => Err(wanted()),
            "header" => Ok(Self::Header(header_names(name))),
            "json" => name.parse().map(Self::Json),
            "query" => Ok(Self::Query(name.to_owned())),
            "submit" => Err("may not come from the submission's answer: only URLs do".to_owned()),
            _ => Err(wanted()),
        }
    }
}

impl fmt::Display for Source {
    /// The name of the value in errors: the bare path for what lies in the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(names) => write!(f, "header:{}", names.join("|")),
            Self::Json(pointer) => pointer.fmt(f),
            Self::Query(name) => f.write_str(name),
        }
    }
}

pub fn header_names(text: &str) -> Vec<String> {
    text.split('|').map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// A signed timestamp may also be an element of the signature header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ClockSource {
    Element(String),
    Elsewhere(Source),
}

impl TryFrom<String> for ClockSource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("sig:") {
            Some(key) if !key.is_empty() => Ok(Self::Element(key.to_owned())),
            _ => text.parse().map(Self::Elsewhere),
        }
    }
}

/// An id may also be the one in the path (`path`), which needs no reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskSource {
    Path,
    Elsewhere(Source),
}

impl FromStr for TaskSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "path" { Ok(Self::Path) } else { text.parse().map(Self::Elsewhere) }
    }
}

/// What tells an event from the next: an id, or (`task`) nothing but its attempt and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdSource {
    Task,
    /// Several (`json:a+json:b`) are one id together.
    Elsewhere(Vec<Source>),
}

impl FromStr for IdSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "task" {
            return Ok(Self::Task);
        }
        text.split('+').map(str::parse).collect::<Result<_, _>>().map(Self::Elsewhere)
    }
}

/// A path into a JSON body: `data.object.id`, `outputs[0].url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Key(String),
    Index(usize),
}

impl Segment {
    fn has_remote_id(&self) -> bool {
        matches!(self, Self::Key(key) if key.contains(REMOTE_ID))
    }

    fn with_remote_id(&self, id: &str) -> Self {
        match self {
            Self::Key(key) => Self::Key(key.replace(REMOTE_ID, id)),
            Self::Index(index) => Self::Index(*index),
        }
    }
}

/// May stand in a path, for answers whose keys are ids.
const REMOTE_ID: &str = "{remote_id}";

impl Pointer {
    /// The first step, which is always a key: bodies are objects.
    #[must_use]
    pub fn head(&self) -> &str {
        match self.0.first() {
            Some(Segment::Key(key)) => key,
            _ => "",
        }
    }

    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// With the generator's id in the place of `{remote_id}`.
    #[must_use]
    pub fn with_remote_id(&self, id: &str) -> Self {
        Self(self.0.iter().map(|segment| segment.with_remote_id(id)).collect())
    }

    #[must_use]
    pub fn has_remote_id(&self) -> bool {
        self.0.iter().any(Segment::has_remote_id)
    }

    /// The steps after the first.
    #[must_use]
    pub fn tail(&self) -> &[Segment] {
        self.0.get(1..).unwrap_or_default()
    }

    /// The path as far as its first `steps` steps.
    #[must_use]
    pub fn upto(&self, steps: usize) -> Self {
        Self(self.0.iter().take(steps).cloned().collect())
    }
}

impl FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("holds `{text}`, which is no path like `a.b[0].c`");
        let mut segments = Vec::new();
        for step in text.split('.') {
            let (key, indices) = step.split_at(step.find('[').unwrap_or(step.len()));
            if key.is_empty() {
                return Err(wanted());
            }
            segments.push(Segment::Key(key.to_owned()));
            let mut rest = indices;
            while !rest.is_empty() {
                let (index, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(wanted)?;
                segments.push(Segment::Index(index.parse().map_err(|_| wanted())?));
                rest = after;
            }
        }
        Ok(Self(segments))
    }
}

/// A pointer that may branch: `outputs[*].status` leads to one value for each element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub first: Pointer,
    /// The steps after each `[*]`.
    pub each: Vec<Vec<Segment>>,
}

impl Pattern {
    /// Whether it leads to one value at most.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.each.is_empty()
    }

    #[must_use]
    pub fn has_remote_id(&self) -> bool {
        self.first.has_remote_id() || self.each.iter().flatten().any(Segment::has_remote_id)
    }

    #[must_use]
    pub fn with_remote_id(&self, id: &str) -> Self {
        let filled = |steps: &Vec<Segment>| steps.iter().map(|segment| segment.with_remote_id(id)).collect();
        Self { first: self.first.with_remote_id(id), each: self.each.iter().map(filled).collect() }
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("holds `{text}`, which is no path like `a.b[*].c`");
        let mut parts = text.split("[*]");
        let first = parts.next().unwrap_or_default().parse()?;
        // what follows a `[*]` are the steps of a path without its first
        let steps = |rest: &str| {
            let continues = rest.is_empty() || rest.starts_with(['.', '[']);
            let path = format!("each{rest}").parse::<Pointer>().ok().filter(|_| continues);
            path.map(|pointer| pointer.tail().to_vec()).ok_or_else(wanted)
        };
        Ok(Self { first, each: parts.map(steps).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if at == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A pointer where only the body can hold the value: `json:a.b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InBody(pub Pointer);

impl FromStr for InBody {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("json:").ok_or_else(|| format!("may not be `{text}`; it lies in the body: `json:a.b`"))?;
        path.parse().map(Self)
    }
}
