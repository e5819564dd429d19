//! `callback-hub backup`: a copy of the database while the hub runs. It is as the database was at one moment.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use tempfile::NamedTempFile;

use super::{Failure, Outcome, say, settings};
use crate::app::{self, StartError};
use crate::store::{Store, exists};

#[derive(Args)]
pub(super) struct Arguments {
    /// The copy, a file that is not there yet
    file: PathBuf,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let loaded = settings()?;
    let url = app::database_url(&loaded.settings)?;
    let file = &arguments.file;
    if file.exists() {
        return Err(Failure::Usage(anyhow!("{} is there already", file.display())));
    }
    if !exists(url) {
        return Err(Failure::No(anyhow!("there is no database yet")));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // nobody else reads it, whoever finds the file finds a whole one, and of a copy that failed nothing is left
    let part = tempfile::Builder::new().prefix(".callback-hub-").suffix(".part").tempfile_in(folder);
    let part = part.with_context(|| format!("{} cannot be written", folder.display()))?;
    let store = Store::connect(url, 1).await.map_err(StartError::from)?;
    let copied = store.copy_to(part.path()).await;
    store.close().await;
    if !copied.map_err(StartError::from)? {
        return Err(Failure::Usage(anyhow!(
            "this database is a server's, and is backed up with the server's own tools: pg_dump"
        )));
    }
    let kept = keep(part, file, folder);
    if kept.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
        return Err(Failure::Usage(anyhow!("{} is there already", file.display())));
    }
    kept.with_context(|| format!("{} could not be written to the disk", file.display()))?;
    say(format!("{} holds everything that was answered before the copy began", file.display()));
    Ok(())
}

/// On the disk before it has its name.
fn keep(part: NamedTempFile, file: &Path, folder: &Path) -> std::io::Result<()> {
    part.as_file().sync_all()?;
    part.persist_noclobber(file)?;
    File::open(folder)?.sync_all()
}
