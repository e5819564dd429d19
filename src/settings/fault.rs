use std::path::{Path, PathBuf};

use super::layer::Origin;

/// What is wrong with the sources, one sentence a line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    faults: Vec<Fault>,
}

impl SettingsError {
    /// One sentence each.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        self.faults.iter().map(ToString::to_string)
    }

    /// The files that `…_FILE` settings name, and that are at fault: mended, they may make all well.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.faults.iter().filter_map(Fault::secret_file).map(Path::to_owned).collect()
    }
}

impl From<Vec<Fault>> for SettingsError {
    fn from(faults: Vec<Fault>) -> Self {
        Self { faults }
    }
}

/// None of these repeats a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{name} ({origin}) {reason}")]
    Value { name: String, origin: Origin, reason: String },
    #[error("`{key}` in {file} is unknown; the nearest known one is `{nearest}`")]
    UnknownKey { key: String, file: String, nearest: String },
    #[error("`{generator}` in {file} is no generator that is loaded{nearest}")]
    UnknownGenerator { generator: String, file: String, nearest: String },
    #[error("`{key}` in {file} must be a table")]
    NotATable { key: String, file: String },
    #[error("{name} and {name}_FILE are both set; set one of them")]
    ValueAndFile { name: String },
    #[error("{name} and {other} are both set, and differ; set one of them")]
    Disagree { name: String, other: String },
    #[error("{name} names the file {path}, which cannot be read: {reason}")]
    SecretFile { name: String, path: PathBuf, reason: String },
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("{path} is not valid TOML in line {line}: {reason}")]
    NotToml { path: PathBuf, line: usize, reason: String },
    #[error(".env is not NAME=value in line {line}; a value with spaces, quotes or # stands in single quotes")]
    NotDotenv { line: usize },
}

impl Fault {
    fn secret_file(&self) -> Option<&Path> {
        match self {
            Self::Value { origin, .. } => origin.secret_file(),
            Self::SecretFile { path, .. } => Some(path),
            _ => None,
        }
    }
}
