//! The certificates of the listeners: read at the start, and again when they change. Connections that are there stay.

use std::sync::Arc;

use tokio::sync::watch;

use super::StartError;
use super::watch::{Look, Watch, look};
use crate::cadence::Step;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::http::tls::{Files, Tls, TlsError};
use crate::settings::Settings;
use crate::telemetry::metrics;

/// None where TLS is not spoken. Cheap to clone.
#[derive(Clone)]
pub(super) struct Certificates(Option<Arc<Shared>>);

struct Shared {
    files: Files,
    tls: Tls,
    clock: Clock,
    watch: Watch<Vec<Look>>,
}

impl Certificates {
    /// # Errors
    /// What is wrong with the files.
    pub(super) fn new(settings: &Settings, clock: &Clock, wishes: watch::Receiver<()>) -> Result<Self, StartError> {
        let Some(files) = files(settings) else { return Ok(Self(None)) };
        let watch = Watch::new(looks(&files), wishes);
        let (tls, expires_at) = Tls::new(files.clone())?;
        note(expires_at, clock);
        Ok(Self(Some(Arc::new(Shared { files, tls, clock: clock.clone(), watch }))))
    }

    pub(super) fn tls(&self) -> Option<Tls> {
        self.0.as_ref().map(|shared| shared.tls.clone())
    }

    /// Looks at the files, and takes them up if they have changed or somebody wants it. Broken ones change nothing.
    pub(super) fn step(&self) -> Step {
        match &self.0 {
            Some(shared) if shared.watch.is_due(looks(&shared.files)) => {
                shared.take_up();
                Step { handled: 1, more: false }
            }
            _ => Step::default(),
        }
    }
}

impl Shared {
    fn take_up(&self) {
        let taken: Result<i64, TlsError> = self.tls.take_up();
        metrics::note_certificates(taken.is_ok());
        match taken {
            Ok(expires_at) => {
                note(expires_at, &self.clock);
                tracing::info!("the certificates were read again");
            }
            Err(error) => {
                tracing::error!(fault = error.to_string(), "the changed certificates are refused; the ones from before stay");
            }
        }
    }
}

/// Clients refuse one that is over; here it counts, since a new one comes the same way.
fn note(expires_at: i64, clock: &Clock) {
    metrics::note_certificate(expires_at);
    if expires_at <= clock.now().secs() {
        tracing::warn!(expired = Timestamp::from_secs(expires_at).to_string(), "the certificate of SERVER_TLS_CERT is over");
    }
}

fn files(settings: &Settings) -> Option<Files> {
    let server = &settings.server;
    Some(Files {
        cert: ("SERVER_TLS_CERT", server.tls_cert.clone()?),
        key: ("SERVER_TLS_KEY", server.tls_key.clone()?),
        client_ca: server.tls_client_ca.clone().map(|path| ("SERVER_TLS_CLIENT_CA", path)),
    })
}

fn looks(files: &Files) -> Vec<Look> {
    files.iter().map(|path| look(Some(path))).collect()
}
