use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::fault::{Fault, SettingsError};

const DOTENV: &str = ".env";
const FILE: &str = "callback-hub.toml";

/// The texts that settings are read from. There is no `Debug`: they hold secrets.
#[derive(Clone, Default)]
pub struct Sources {
    pub environment: Vec<(String, String)>,
    /// The text of `.env`.
    pub dotenv: Option<String>,
    /// Path and text of `callback-hub.toml`.
    pub file: Option<(PathBuf, String)>,
}

impl Sources {
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { environment: environment.into_iter().collect(), ..Self::default() }
    }

    /// The process's environment, and the two files in its working directory, where they exist.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn from_process() -> Result<Self, SettingsError> {
        // what is not Unicode is no setting
        let environment = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut faults = Vec::new();
        let sources = Self {
            environment: environment.collect(),
            dotenv: text(Path::new(DOTENV), &mut faults),
            file: text(Path::new(FILE), &mut faults).map(|text| (PathBuf::from(FILE), text)),
        };
        if faults.is_empty() { Ok(sources) } else { Err(faults.into()) }
    }
}

fn text(path: &Path, faults: &mut Vec<Fault>) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            faults.push(Fault::Unreadable { path: path.to_owned(), reason: error.to_string() });
            None
        }
    }
}
