use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::fault::{Fault, SettingsError};
use super::text::read_text;

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
    /// Where these two lie, if that is where they come from.
    pub(super) folder: Option<PathBuf>,
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
        Self::in_folder(environment, Path::new(""))
    }

    /// The same with the two files of another folder.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn in_folder(environment: impl IntoIterator<Item = (String, String)>, folder: &Path) -> Result<Self, SettingsError> {
        let (path, mut faults) = (folder.join(FILE), Vec::new());
        let sources = Self {
            dotenv: text(&folder.join(DOTENV), &mut faults),
            file: text(&path, &mut faults).map(|text| (path, text)),
            folder: Some(folder.to_owned()),
            ..Self::new(environment)
        };
        if faults.is_empty() { Ok(sources) } else { Err(faults.into()) }
    }

    /// As they are now: files change, the environment of a process does not.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn read_again(&self) -> Result<Self, SettingsError> {
        match &self.folder {
            Some(folder) => Self::in_folder(self.environment.clone(), folder),
            None => Ok(self.clone()),
        }
    }

    /// The files that there may be.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.folder.iter().flat_map(|folder| [folder.join(DOTENV), folder.join(FILE)]).collect()
    }
}

fn text(path: &Path, faults: &mut Vec<Fault>) -> Option<String> {
    match read_text(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            faults.push(Fault::Unreadable { path: path.to_owned(), reason: error.to_string() });
            None
        }
    }
}
