//! What is wrong with a generator's file, and where: file, line, key, and the word that was probably meant.

use std::ops::Range;

use strsim::osa_distance;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("{file}:{line}: `{key}` {fact}")]
    InFile { file: String, line: usize, key: String, fact: String },
    /// In what a file took over from another one.
    #[error("{file} (extends {parent}:{line}): `{key}` {fact}")]
    Inherited { file: String, parent: String, line: usize, key: String, fact: String },
    #[error("{file}: {fact}")]
    FileName { file: String, fact: String },
    #[error("the setting `{setting}` of generator `{generator}` {fact}")]
    InSettings { generator: String, setting: &'static str, fact: String },
    /// Several of one file, in the order of their lines.
    #[error("{}", lines(.0))]
    Several(Vec<Self>),
}

impl CatalogError {
    pub(super) fn joined(mut mistakes: Vec<Self>) -> Self {
        mistakes.sort_by_key(Self::line);
        match <[Self; 1]>::try_from(mistakes) {
            Ok([one]) => one,
            Err(several) => Self::Several(several),
        }
    }

    const fn line(&self) -> usize {
        match self {
            Self::InFile { line, .. } | Self::Inherited { line, .. } => *line,
            _ => 0,
        }
    }

    /// Whether a file is at fault, and not the settings.
    #[must_use]
    pub const fn is_in_file(&self) -> bool {
        !matches!(self, Self::InSettings { .. })
    }

    /// A sentence each.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        match self {
            Self::Several(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
            one => vec![one.to_string()],
        }
    }
}

fn lines(mistakes: &[CatalogError]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// One file's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub built_in: bool,
}

impl Text<'_> {
    /// Its name without folder and ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or(self.file);
        name.strip_suffix(".toml").unwrap_or(name)
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }
}

/// A file while it is read, and behind it those that it extends: what is found wrong gets its place.
pub struct Page<'a>(pub Vec<Text<'a>>);

impl Page<'_> {
    pub fn mistake(&self, span: &Range<usize>, key: &str, fact: impl Into<String>) -> CatalogError {
        let (at, offset) = self.place(span.start);
        let Some(first) = self.0.first() else { return CatalogError::FileName { file: String::new(), fact: fact.into() } };
        let (file, key, fact) = (first.file.to_owned(), key.to_owned(), fact.into());
        match self.0.get(at).filter(|_| at > 0) {
            None => CatalogError::InFile { file, line: first.line(offset), key, fact },
            Some(text) => {
                let parent = if text.built_in { format!("the built-in {}", text.file) } else { text.file.to_owned() };
                CatalogError::Inherited { file, parent, line: text.line(offset), key, fact }
            }
        }
    }

    /// Where a text begins if all of them stand behind each other.
    #[must_use]
    pub fn start(&self, at: usize) -> usize {
        self.0.iter().take(at).map(|text| text.text.len() + 1).sum()
    }

    /// The place in the page of something in its last text.
    #[must_use]
    pub fn moved<T>(&self, value: &toml::Spanned<T>) -> Range<usize> {
        let start = self.start(self.0.len().saturating_sub(1));
        start + value.span().start..start + value.span().end
    }

    /// Where a word stands for the last time in the file itself; its beginning, if it does nowhere.
    #[must_use]
    pub fn last(&self, word: &str) -> Range<usize> {
        let at = self.0.first().and_then(|text| text.text.rfind(&format!("\"{word}\""))).unwrap_or_default();
        at..at
    }

    /// Which text a place is in, and where in it.
    fn place(&self, offset: usize) -> (usize, usize) {
        let at = (1..self.0.len()).take_while(|&at| self.start(at) <= offset).last().unwrap_or(0);
        (at, offset - self.start(at))
    }

    /// The TOML reader's own complaint, in our words where it is about a key that nobody knows.
    pub fn unreadable(&self, mut error: toml::de::Error) -> CatalogError {
        let span = error.span().unwrap_or_default();
        let message = error.message().to_owned();
        // without its input the error shows its keys instead of a picture of the line, and that is their only door
        error.set_input(None);
        let shown = error.to_string();
        let key = shown.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`')).unwrap_or_default().to_owned();
        if let Some(missing) = quoted_after(&message, "missing field ").next() {
            return self.mistake(&span, &below(&key, missing), "is missing");
        }
        let Some((unknown, expected)) = unknown_field(&message) else {
            let key = if key.is_empty() { self.word_at(&span) } else { key };
            return self.mistake(&span, &key, in_words(message));
        };
        self.mistake(&span, &below(&key, unknown), format!("is no key here; {}", meant(unknown, &expected)))
    }

    fn word_at(&self, span: &Range<usize>) -> String {
        let (at, offset) = self.place(span.start);
        let text = self.0.get(at).map_or("", |text| text.text);
        let line = text.get(..offset).and_then(|before| before.rsplit('\n').next()).unwrap_or_default().len();
        let rest = text.get(offset - line..).unwrap_or_default();
        rest.lines().next().unwrap_or_default().split('=').next().unwrap_or_default().trim().to_owned()
    }
}

/// "`x` is none of a, b, c" with the likeliest of them named.
#[must_use]
pub fn unknown_word(word: &str, expected: &[&str]) -> String {
    format!("may not be `{word}`; {}", meant(word, expected))
}

fn meant(word: &str, expected: &[&str]) -> String {
    match nearest(word, expected) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", expected.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// The known word that was probably meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |known: &&'a str| (osa_distance(word, known), *known);
    let (distance, known) = known.iter().map(near).min()?;
    (distance <= 1.max(word.chars().count() / 3)).then_some(known)
}

/// Whether the reader misses a key, and does not mind one that is there.
pub(super) fn is_missing(error: &toml::de::Error) -> bool {
    error.message().starts_with("missing field ")
}

/// serde's sentence taken apart: the unknown field and the ones that it expected.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = quoted_after(message, "unknown field ");
    Some((quoted.next()?, quoted.collect()))
}

/// The reader's names for kinds of values, in words that a file's author knows.
fn in_words(message: String) -> String {
    const KINDS: [(&str, &str); 9] = [
        ("f64", "must be a number"),
        ("i64", "must be a whole number"),
        ("u32", "must be a whole number from 0"),
        ("u16", "must be a whole number from 0"),
        ("a map", "must be a table"),
        ("a string", "must be a text"),
        ("string", "must be a text"),
        ("a boolean", "must be true or false"),
        ("a sequence", "must be a list"),
    ];
    let wanted = message.starts_with("invalid type").then(|| message.rsplit_once(", expected ")).flatten();
    let Some((_, wanted)) = wanted.or_else(|| message.strip_prefix("invalid value")?.rsplit_once(", expected ")) else {
        return message;
    };
    match KINDS.iter().find(|(kind, _)| wanted == *kind) {
        Some((_, told)) => (*told).to_owned(),
        // a section of ours, by the name that it has here
        None if wanted.starts_with("struct ") => "must be a table".to_owned(),
        None => format!("must be {wanted}"),
    }
}

fn below(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> impl Iterator<Item = &'a str> {
    message.strip_prefix(start).unwrap_or_default().split('`').skip(1).step_by(2)
}
