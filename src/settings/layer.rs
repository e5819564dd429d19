//! One source's values, as figment takes them, each with the name it was given under and where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::names::Path;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    Environment,
    Dotenv,
    /// `callback-hub.toml`.
    File(String),
    /// The file that a `…_FILE` setting names.
    SecretFile {
        name: String,
        path: PathBuf,
    },
}

impl Origin {
    /// The file that a `…_FILE` setting names, if the value is in one.
    pub(super) fn secret_file(&self) -> Option<&std::path::Path> {
        match self {
            Self::SecretFile { path, .. } => Some(path),
            Self::Default | Self::Environment | Self::Dotenv | Self::File(_) => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment => f.write_str("environment"),
            Self::Dotenv => f.write_str(".env"),
            Self::File(path) => f.write_str(path),
            Self::SecretFile { name, path } => write!(f, "{name} {}", path.display()),
        }
    }
}

#[derive(Clone)]
pub(super) struct Entry {
    /// As the user wrote it.
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

#[derive(Default)]
pub(super) struct Layer {
    entries: BTreeMap<Path, Entry>,
}

impl Layer {
    /// Gives back what was there.
    pub(super) fn insert(&mut self, path: Path, entry: Entry) -> Option<Entry> {
        self.entries.insert(path, entry)
    }

    pub(super) fn remove(&mut self, path: &Path) -> Option<Entry> {
        self.entries.remove(path)
    }

    /// By the settings' names.
    pub(super) fn origins(&self) -> impl Iterator<Item = (String, Origin)> {
        let name = |(section, key): &Path| format!("{section}_{key}").to_ascii_uppercase();
        self.entries.iter().map(move |(path, entry)| (name(path), entry.origin.clone()))
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named("settings")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut sections: BTreeMap<&str, Dict> = BTreeMap::new();
        for ((section, key), entry) in &self.entries {
            sections.entry(section).or_default().insert(key.clone(), entry.value.clone());
        }
        let sections = sections.into_iter().map(|(section, keys)| (section.to_owned(), keys.into())).collect();
        Ok(Profile::Default.collect(sections))
    }
}
