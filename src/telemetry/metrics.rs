//! Figures for Prometheus. Whoever counts does so by the names here; without a recorder that costs next to nothing.

mod families;
mod stopwatch;

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

pub use families::*;
pub use stopwatch::{STAGES, Stopwatch};

const SECONDS: [f64; 14] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
const ENTRIES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The process's recorder.
#[derive(Clone, Debug)]
pub struct Metrics {
    recorder: PrometheusHandle,
    /// Memory, descriptors, processor time: `process_…`.
    process: Collector,
}

/// Why there is no recorder.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("somebody else records already")]
    Taken,
}

impl Metrics {
    /// Records from now on, for the whole process; once.
    ///
    /// # Errors
    /// When there is a recorder already.
    pub fn install() -> Result<Self, MetricsError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(JOURNAL_BATCH.to_owned()), &ENTRIES)?
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .build_recorder();
        let handle = recorder.handle();
        let process = Collector::default();
        metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Taken)?;
        describe();
        process.describe();
        Ok(Self { recorder: handle, process })
    }

    /// In Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        self.recorder.run_upkeep();
        self.recorder.render()
    }

    /// Series that are there from the start, at zero: an alert cannot watch what is not there yet.
    pub fn begin_at_zero<'a>(&self, generators: impl Iterator<Item = &'a str>) {
        for stage in STAGES {
            let _ = histogram!(CALLBACK_SECONDS, "stage" => stage);
        }
        let _ = (histogram!(JOURNAL_BATCH), histogram!(JOURNAL_COMMIT_SECONDS));
        counter!(JOURNAL_FAILURES).increment(0);
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
        for outcome in ["applied", "duplicate", "ignored", "hint", "event"] {
            counter!(CALLBACKS_UNPARKED, "outcome" => outcome).increment(0);
        }
        for outcome in ["taken", "refused"] {
            counter!(RELOADS, "outcome" => outcome).increment(0);
            counter!(SETTINGS_RELOADS, "outcome" => outcome).increment(0);
            counter!(WEBHOOKS_FILE_RELOADS, "outcome" => outcome).increment(0);
            counter!(CERTIFICATE_RELOADS, "outcome" => outcome).increment(0);
        }
        for outcome in ["delivered", "pending", "dead"] {
            counter!(DELIVERY_ATTEMPTS, "outcome" => outcome).increment(0);
        }
        gauge!(RELOAD_REFUSED).set(0);
        gauge!(SETTINGS_REFUSED).set(0);
        gauge!(WEBHOOKS_FILE_REFUSED).set(0);
        gauge!(CERTIFICATES_REFUSED).set(0);
        gauge!(CERTIFICATE_EXPIRES).increment(0);
        gauge!(DATABASE_UP).set(1);
        gauge!(DATABASE_BYTES, "kind" => "bodies").set(0);
        counter!(DELIVERIES_FORBIDDEN).increment(0);
        counter!(WEBHOOKS_FORBIDDEN).increment(0);
        // not DELIVERIES_DEAD: an alert compares it with its least value, and a zero before the first count would be that
        for name in [DELIVERIES_PENDING, DELIVERIES_BREAKERS, COUNTS_AGE, JOURNAL_QUEUE, WATCHERS] {
            gauge!(name).set(0);
        }
        for generator in generators {
            begin_for(generator);
        }
    }

    /// To be called now and then: without it, histograms that nobody reads would grow.
    pub fn upkeep(&self) {
        self.recorder.run_upkeep();
    }
}

fn begin_for(generator: &str) {
    let name = || generator.to_owned();
    for event in ["completed", "failed", "progress"] {
        counter!(CALLBACKS, "generator" => name(), "event" => event, "outcome" => "applied").increment(0);
    }
    for code in ["signature_invalid", "signature_missing", "timestamp_out_of_tolerance"] {
        counter!(CALLBACKS_REJECTED, "generator" => name(), "code" => code).increment(0);
    }
    counter!(RESCUED, "generator" => name()).increment(0);
    counter!(POLLS, "generator" => name(), "found" => "completed").increment(0);
    gauge!(OVERDUE, "generator" => name()).set(0);
    gauge!(TASKS, "generator" => name(), "status" => "completed").increment(0);
    gauge!(CALLBACKS_PARKED, "generator" => name()).set(0);
    gauge!(GENERATOR_QUIET, "generator" => name()).increment(0);
    gauge!(GENERATOR_LAST_CALLBACK, "generator" => name()).increment(0);
    for purpose in ["submit", "poll"] {
        gauge!(GENERATOR_BREAKER, "generator" => name(), "purpose" => purpose).increment(0);
    }
}

/// Generator files were read again; those of `generators` count from now on.
pub fn note_reload<'a>(taken: bool, generators: impl Iterator<Item = &'a str>) {
    note_reading(taken, RELOADS, RELOAD_REFUSED);
    generators.for_each(begin_for);
}

/// Settings were read again.
pub fn note_settings(taken: bool) {
    note_reading(taken, SETTINGS_RELOADS, SETTINGS_REFUSED);
}

/// The file of webhooks was read again.
pub fn note_webhooks_file(taken: bool) {
    note_reading(taken, WEBHOOKS_FILE_RELOADS, WEBHOOKS_FILE_REFUSED);
}

/// Certificates were read again.
pub fn note_certificates(taken: bool) {
    note_reading(taken, CERTIFICATE_RELOADS, CERTIFICATES_REFUSED);
}

/// When the listeners' certificate expires, in Unix seconds.
#[expect(clippy::cast_precision_loss, reason = "a second more or less in millions of years")]
pub fn note_certificate(expires_at: i64) {
    gauge!(CERTIFICATE_EXPIRES).set(expires_at as f64);
}

fn note_reading(taken: bool, readings: &'static str, refused: &'static str) {
    counter!(readings, "outcome" => if taken { "taken" } else { "refused" }).increment(1);
    gauge!(refused).set(if taken { 0 } else { 1 });
}
