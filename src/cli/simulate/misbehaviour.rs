//! Everything that can be made to go wrong.

use std::time::Duration;

use clap::Args;

use crate::settings::duration;
use crate::simulator::{Faults, Odds, Outage};

#[derive(Args)]
pub(super) struct OddsArguments {
    /// How probable it is that an event is sent twice
    #[arg(long, default_value = "0.2", value_parser = probability)]
    duplicates: f64,
    /// … that an event is overtaken by the next one
    #[arg(long, default_value = "0.2", value_parser = probability)]
    reorders: f64,
    /// … that somebody without the secret claims a wrong end, per event
    #[arg(long, default_value = "0.1", value_parser = probability)]
    forgeries: f64,
    /// … that a job fails
    #[arg(long, default_value = "0.1", value_parser = probability)]
    failures: f64,
    /// … that a job that did not fail is cancelled
    #[arg(long, default_value = "0.05", value_parser = probability)]
    cancellations: f64,
}

#[derive(Args)]
#[command(next_help_heading = "Only with --listen")]
pub(super) struct FaultArguments {
    /// How probable it is that a callback is never sent
    #[arg(long, default_value = "0", value_parser = probability, requires = "listen")]
    lose: f64,
    /// Callbacks are late by up to so much
    #[arg(long, default_value = "0", value_parser = duration, requires = "listen")]
    delay: Duration,
    /// How probable it is that a job never ends
    #[arg(long, default_value = "0", value_parser = probability, requires = "listen")]
    hang: f64,
    /// … that a request is answered with 429 or 500, and that a job cannot be found at first
    #[arg(long, default_value = "0", value_parser = probability, requires = "listen")]
    errors: f64,
    /// How long a result can be fetched; for ever if absent
    #[arg(long, value_parser = duration, requires = "listen")]
    result_ttl: Option<Duration>,
    /// Refuse connections so long after the start
    #[arg(long, value_parser = duration, requires = "listen", requires = "down_for")]
    down_after: Option<Duration>,
    /// … for so long
    #[arg(long, value_parser = duration, requires = "listen", requires = "down_after")]
    down_for: Option<Duration>,
}

impl OddsArguments {
    pub(super) const fn odds(&self) -> Odds {
        let Self { duplicates, reorders, forgeries, failures, cancellations } = *self;
        Odds { duplicates, reorders, forgeries, failures, cancellations }
    }
}

impl FaultArguments {
    pub(super) fn faults(&self) -> Faults {
        let Self { lose, delay, hang, errors, result_ttl, down_after, down_for } = *self;
        let outage = down_after.zip(down_for).map(|(after, lasts)| Outage { after, lasts });
        Faults { lose, delay, hang, errors, result_ttl, outage }
    }
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}
