//! How everything looks from outside that settings and generators are read from.

use std::path::{Path, PathBuf};

use crate::app::shelf;
use crate::app::watch::{Look, look};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looks {
    /// Of settings.
    files: Vec<(PathBuf, Look)>,
    /// None of a folder that is unreadable, or not set.
    generators: Option<Vec<(PathBuf, Look)>>,
}

impl Looks {
    pub(super) fn of(folder: Option<&Path>, files: &[PathBuf]) -> Self {
        let files = files.iter().map(|path| (path.clone(), look(Some(path)))).collect();
        Self { files, generators: folder.and_then(|folder| within(folder).ok()) }
    }
}

fn within(folder: &Path) -> std::io::Result<Vec<(PathBuf, Look)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if shelf::is_a_generators(&path) {
            let look = look(Some(&path));
            files.push((path, look));
        }
    }
    files.sort();
    Ok(files)
}
