//! `callback-hub serve`

use std::io::Write;

use super::{Failure, Outcome, settings_of};
use crate::app::{self, StartError, Surroundings};
use crate::lifecycle::Lifecycle;
use crate::settings::Sources;
use crate::telemetry::{self, metrics::Metrics, traces::Traces};

pub(super) async fn run() -> Outcome {
    let lifecycle = Lifecycle::new();
    // before anything else: a SIGHUP ends a process that does not listen for it
    lifecycle.listen_for_hangups().map_err(anyhow::Error::from)?;
    let sources = Sources::from_process()?;
    let loaded = settings_of(&sources)?;
    let verbosity = telemetry::init(&loaded.settings.log);
    let traces = Traces::begin().map_err(|wrong| StartError::Refused(vec![wrong]))?;
    lifecycle.listen_for_signals(loaded.settings.server.drain).map_err(anyhow::Error::from)?;
    let metrics = Metrics::install().map_err(anyhow::Error::from)?;
    let (metrics, sources, verbosity) = (Some(metrics), Some(sources), Some(verbosity));
    let surroundings = Surroundings { metrics, sources, verbosity, ..Surroundings::default() };
    let app = tokio::select! {
        app = app::build(&loaded, surroundings, &lifecycle) => app?,
        // a schema may take long to be brought up to date; what is not committed by now is done by the next start
        () = lifecycle.leaving().cancelled() => return Ok(()),
    };
    for warning in &app.warnings {
        tracing::warn!("{warning}");
    }
    let gone = |error| StartError::Listen { address: "the socket".to_owned(), error };
    let (address, admin) = (app.address().map_err(gone)?, app.admin_address().map_err(gone)?);
    let scheme = loaded.settings.server.scheme();
    // a supervisor that reads this line may have gone: the service stays
    let ready = format!(
        "callback-hub is ready: {scheme}://{address} database {} docs {scheme}://{admin}/docs console {scheme}://{admin}/console",
        loaded.settings.database.url
    );
    let _ = writeln!(std::io::stdout(), "{ready}");
    let well = app.run(lifecycle).await;
    traces.end().await;
    if well { Ok(()) } else { Err(Failure::No(anyhow::anyhow!("the service did not end well: its log says why"))) }
}
