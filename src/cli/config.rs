//! `callback-hub config`

use clap::Args;

use super::{Outcome, say, settings};
use crate::settings::effective;

#[derive(Args)]
pub(super) struct Arguments {
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let rows = effective(&settings()?);
    if arguments.json {
        say(serde_json::to_string_pretty(&rows).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    let name = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let value = rows.iter().map(|row| row.value.chars().count()).max().unwrap_or(0).min(48);
    for row in rows {
        say(format!("{:name$}  {:value$}  {}", row.name, row.value, row.origin));
    }
    Ok(())
}
