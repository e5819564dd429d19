//! `callback-hub serve`

use std::io::Write;

use super::{Failure, Outcome, settings};
use crate::app::{self, StartError, Surroundings};
use crate::lifecycle::Lifecycle;
use crate::telemetry;

pub(super) async fn run() -> Outcome {
    let loaded = settings()?;
    telemetry::init(&loaded.settings.log);
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals().map_err(anyhow::Error::from)?;
    let app = app::build(&loaded.settings, Surroundings::default(), &lifecycle).await?;
    for warning in &app.warnings {
        tracing::warn!("{warning}");
    }
    let address = app.address().map_err(|error| StartError::Listen { address: "the socket".to_owned(), error })?;
    // a supervisor that reads this line may have gone: the service stays
    let ready =
        format!("callback-hub is ready: http://{address} database {} docs http://{address}/docs", loaded.settings.database.url);
    let _ = writeln!(std::io::stdout(), "{ready}");
    if app.run(lifecycle).await { Ok(()) } else { Err(Failure::No(anyhow::anyhow!("a part of the service has died"))) }
}
