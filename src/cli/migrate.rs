//! `callback-hub migrate`

use clap::Args;

use super::{Outcome, say, settings};
use crate::app::{self, StartError};
use crate::store;

#[derive(Args)]
pub(super) struct Arguments {
    /// Only list what is missing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let loaded = settings()?;
    let url = app::database_url(&loaded.settings)?;
    let pending = store::pending_migrations(url).await.map_err(StartError::from)?;
    if pending.is_empty() {
        say("Nothing to do: the schema is up to date");
        return Ok(());
    }
    if !arguments.dry_run {
        store::migrate(url).await.map_err(StartError::from)?;
    }
    let done = if arguments.dry_run { "missing" } else { "applied" };
    for name in pending {
        say(format!("{done} {name}"));
    }
    Ok(())
}
