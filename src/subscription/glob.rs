//! Globs over the names of events: `*` is any run of characters, dots too, and everything else is itself.

/// `*`, `task.*`, `*.failed`, `customer.created`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// What stands between the stars; never empty.
    pieces: Vec<String>,
}

/// In characters; the names of custom events are no longer than that.
pub const LONGEST: usize = 256;

impl Glob {
    /// Names of custom events are their senders' own: any characters but control characters.
    ///
    /// # Errors
    /// What is wrong with it, to be read after its name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        if text.chars().count() > LONGEST {
            return Err(format!("must not be longer than {LONGEST} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("must not hold control characters".to_owned());
        }
        if text.trim() != text {
            return Err("must not begin or end with a space".to_owned());
        }
        Ok(Self::stored(text))
    }

    /// One that was parsed before; whatever has become of it since, it matches what it says.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self { pieces: text.split('*').map(str::to_owned).collect() }
    }

    /// In one pass over the name: after the first piece the leftmost place of each next one is as good as any other.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else { return false };
        let Some((last, between)) = rest.split_last() else { return name == first };
        let inner = name.strip_prefix(first.as_str()).and_then(|name| name.strip_suffix(last.as_str()));
        let Some(mut inner) = inner else { return false };
        for piece in between {
            let Some(at) = inner.find(piece.as_str()) else { return false };
            inner = &inner[at + piece.len()..];
        }
        true
    }
}
