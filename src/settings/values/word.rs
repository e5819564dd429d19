//! Values of which there are only a few. Case does not matter.

use super::Text;

/// What is done about migrations that the database does not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// They are applied at start.
    Auto,
    /// The start is refused.
    Check,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(&LOG_LEVELS, self)
    }
}

const MIGRATE: [(&str, Migrate); 2] = [("auto", Migrate::Auto), ("check", Migrate::Check)];
const LOG_FORMATS: [(&str, LogFormat); 2] = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
const LOG_LEVELS: [(&str, LogLevel); 6] = [
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

impl Text for Migrate {
    fn read(text: &str) -> Result<Self, String> {
        one_of(&MIGRATE, text)
    }

    fn show(&self) -> String {
        word(&MIGRATE, *self).to_owned()
    }
}

impl Text for LogFormat {
    fn read(text: &str) -> Result<Self, String> {
        one_of(&LOG_FORMATS, text)
    }

    fn show(&self) -> String {
        word(&LOG_FORMATS, *self).to_owned()
    }
}

impl Text for LogLevel {
    fn read(text: &str) -> Result<Self, String> {
        // as Python calls it
        if text.eq_ignore_ascii_case("warning") { Ok(Self::Warn) } else { one_of(&LOG_LEVELS, text) }
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

fn one_of<T: Copy>(words: &[(&str, T)], text: &str) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words = words.iter().map(|(word, _)| *word).collect::<Vec<_>>();
        format!("must be one of {}, not `{text}`", words.join(", "))
    })
}

fn word<T: PartialEq + Copy>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_the_choices_are_named() {
        assert_eq!(LogLevel::read("WARNING"), Ok(LogLevel::Warn));
        assert_eq!(LogFormat::read("JSON"), Ok(LogFormat::Json));
        assert_eq!(Migrate::read("never"), Err("must be one of auto, check, not `never`".to_owned()));
    }
}
