//! `callback-hub migrate`

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Outcome, say, settings};
use crate::app::{self, StartError};
use crate::store::{self, Standing, StoreError};

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(super) struct Arguments {
    /// Only list what is missing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let loaded = settings()?;
    let url = app::database_url(&loaded.settings)?;
    let Standing { missing: pending, newer } = store::standing(url).await.map_err(StartError::from)?;
    if pending.is_empty() {
        match newer.is_empty() {
            true => say("Nothing to do: the schema is up to date"),
            false => say(format!("Nothing to do: a newer version has been at the schema: {}", newer.join(", "))),
        }
        return Ok(());
    }
    if !arguments.dry_run {
        apply(url, pending.len()).await.map_err(StartError::from)?;
    }
    let done = if arguments.dry_run { "missing" } else { "applied" };
    for name in pending {
        say(format!("{done} {name}"));
    }
    Ok(())
}

/// With a bar on a terminal: a migration of a large table takes minutes.
async fn apply(url: &str, count: usize) -> Result<(), StoreError> {
    let migrating = store::migrate(url);
    if !std::io::stderr().is_terminal() {
        return migrating.await;
    }
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len}  {elapsed}") {
        bar.set_style(style);
    }
    let mut migrating = std::pin::pin!(migrating);
    let outcome = loop {
        tokio::select! {
            outcome = &mut migrating => break outcome,
            () = tokio::time::sleep(LOOK) => {
                // what cannot be told now is told later
                if let Ok(left) = store::standing(url).await {
                    bar.set_position(count.saturating_sub(left.missing.len()) as u64);
                }
            }
        }
    };
    bar.finish_and_clear();
    outcome
}
