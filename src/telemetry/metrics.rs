//! Figures for Prometheus. Whoever counts does so by the names here; without a recorder that costs next to nothing.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Taken callbacks, by `outcome`.
pub const CALLBACKS: &str = "callback_hub_callbacks_total";
/// Refused callbacks, by `code`.
pub const CALLBACKS_REJECTED: &str = "callback_hub_callbacks_rejected_total";
/// Parked callbacks whose wait is over, by `outcome`: they were taken as `parked` before.
pub const CALLBACKS_UNPARKED: &str = "callback_hub_callbacks_unparked_total";
/// Callbacks that wait for their task, by `generator`.
pub const CALLBACKS_PARKED: &str = "callback_hub_callbacks_parked";
/// Entries in one transaction of the journal.
pub const JOURNAL_BATCH: &str = "callback_hub_journal_batch_entries";
/// Questions to generators, by `generator` and `found`.
pub const POLLS: &str = "callback_hub_polls_total";
/// Tasks whose end was learnt by polling and not by a callback, by `generator`.
pub const RESCUED: &str = "callback_hub_tasks_rescued_total";
/// Tasks that run past their deadline, by `generator`.
pub const OVERDUE: &str = "callback_hub_tasks_overdue";
/// Attempts to fetch a generator's public keys, by `generator` and `outcome`: `fetched` or `failed`.
pub const KEY_FETCHES: &str = "callback_hub_key_fetches_total";
/// When a generator's public keys were fetched last, in Unix seconds, by `generator`.
pub const KEYS_FETCHED: &str = "callback_hub_keys_fetched_timestamp_seconds";
/// Readings of generator files while the hub runs, by `outcome`: `taken` or `refused`.
pub const RELOADS: &str = "callback_hub_generator_reloads_total";
/// 1 while the generator files that are there are refused, and the ones from before count.
pub const RELOAD_REFUSED: &str = "callback_hub_generator_files_refused";
/// Readings of the file of webhooks while the hub runs, by `outcome`: `taken` or `refused`.
pub const WEBHOOKS_FILE_RELOADS: &str = "callback_hub_webhooks_file_reloads_total";
/// 1 while the file of webhooks that is there is refused, and the webhooks from before count.
pub const WEBHOOKS_FILE_REFUSED: &str = "callback_hub_webhooks_file_refused";
/// Attempts at deliveries whose destination is not allowed.
pub const DELIVERIES_FORBIDDEN: &str = "callback_hub_deliveries_forbidden_total";
/// Registrations, changes and tests of webhooks that were refused for their destination.
pub const WEBHOOKS_FORBIDDEN: &str = "callback_hub_webhooks_forbidden_total";
/// Attempts at deliveries, by `outcome`: how the delivery stands after it.
pub const DELIVERY_ATTEMPTS: &str = "callback_hub_deliveries_attempts_total";
/// Deliveries that have yet to arrive.
pub const DELIVERIES_PENDING: &str = "callback_hub_deliveries_pending";
/// Deliveries that were given up, and are kept.
pub const DELIVERIES_DEAD: &str = "callback_hub_deliveries_dead";
/// Webhooks that are left alone for a while, since they fail.
pub const DELIVERIES_BREAKERS: &str = "callback_hub_deliveries_breakers_open";
/// How old the oldest of the counts is that are made in the database.
pub const COUNTS_AGE: &str = "callback_hub_counts_age_seconds";
/// A step of a `loop`, in seconds.
pub const STEP_SECONDS: &str = "callback_hub_loop_step_seconds";

const SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
const ENTRIES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The process's recorder.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

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
            .set_buckets_for_metric(Matcher::Full(STEP_SECONDS.to_owned()), &SECONDS)?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Taken)?;
        describe();
        Ok(Self(handle))
    }

    /// In Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }

    /// Series that are there from the start, at zero: an alert cannot watch what is not there yet.
    pub fn begin_at_zero<'a>(&self, generators: impl Iterator<Item = &'a str>) {
        for outcome in ["applied", "duplicate", "ignored", "hint", "parked", "event"] {
            counter!(CALLBACKS, "outcome" => outcome).increment(0);
        }
        for outcome in ["applied", "duplicate", "ignored", "hint", "event"] {
            counter!(CALLBACKS_UNPARKED, "outcome" => outcome).increment(0);
        }
        for outcome in ["taken", "refused"] {
            counter!(RELOADS, "outcome" => outcome).increment(0);
            counter!(WEBHOOKS_FILE_RELOADS, "outcome" => outcome).increment(0);
        }
        for outcome in ["delivered", "pending", "dead"] {
            counter!(DELIVERY_ATTEMPTS, "outcome" => outcome).increment(0);
        }
        gauge!(RELOAD_REFUSED).set(0);
        gauge!(WEBHOOKS_FILE_REFUSED).set(0);
        counter!(DELIVERIES_FORBIDDEN).increment(0);
        counter!(WEBHOOKS_FORBIDDEN).increment(0);
        for name in [DELIVERIES_PENDING, DELIVERIES_DEAD, DELIVERIES_BREAKERS, COUNTS_AGE] {
            gauge!(name).set(0);
        }
        for generator in generators {
            begin_for(generator);
        }
    }

    /// To be called now and then: without it, histograms that nobody reads would grow.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn begin_for(generator: &str) {
    counter!(RESCUED, "generator" => generator.to_owned()).increment(0);
    gauge!(OVERDUE, "generator" => generator.to_owned()).set(0);
    gauge!(CALLBACKS_PARKED, "generator" => generator.to_owned()).set(0);
}

/// Generator files were read again; those of `generators` count from now on.
pub fn note_reload<'a>(taken: bool, generators: impl Iterator<Item = &'a str>) {
    note_reading(taken, RELOADS, RELOAD_REFUSED);
    generators.for_each(begin_for);
}

/// The file of webhooks was read again.
pub fn note_webhooks_file(taken: bool) {
    note_reading(taken, WEBHOOKS_FILE_RELOADS, WEBHOOKS_FILE_REFUSED);
}

fn note_reading(taken: bool, readings: &'static str, refused: &'static str) {
    counter!(readings, "outcome" => if taken { "taken" } else { "refused" }).increment(1);
    gauge!(refused).set(if taken { 0 } else { 1 });
}

fn describe() {
    describe_counter!(RELOADS, "Readings of generator files while the hub runs, by outcome");
    describe_gauge!(RELOAD_REFUSED, "1 while the generator files that are there are refused, and those from before count");
    describe_counter!(WEBHOOKS_FILE_RELOADS, "Readings of the file of webhooks while the hub runs, by outcome");
    describe_gauge!(WEBHOOKS_FILE_REFUSED, "1 while the file of webhooks that is there is refused");
    describe_counter!(CALLBACKS, "Taken callbacks, by outcome");
    describe_counter!(CALLBACKS_REJECTED, "Refused callbacks, by code");
    describe_counter!(CALLBACKS_UNPARKED, "Parked callbacks whose wait is over, by outcome");
    describe_gauge!(CALLBACKS_PARKED, "Callbacks that wait for their task");
    describe_histogram!(JOURNAL_BATCH, "Entries in one transaction");
    describe_counter!(POLLS, "Questions to generators, by what was found");
    describe_counter!(RESCUED, "Tasks whose end was learnt by polling, and of which no callback had told");
    describe_gauge!(OVERDUE, "Tasks that run past their deadline");
    describe_counter!(KEY_FETCHES, "Attempts to fetch generators' public keys");
    describe_gauge!(KEYS_FETCHED, Unit::Seconds, "When generators' public keys were fetched last");
    describe_counter!(DELIVERIES_FORBIDDEN, "Attempts at deliveries whose destination is not allowed");
    describe_counter!(WEBHOOKS_FORBIDDEN, "Registrations, changes and tests of webhooks that were refused for their destination");
    describe_counter!(DELIVERY_ATTEMPTS, "Attempts at deliveries, by how the delivery stands after it");
    describe_gauge!(DELIVERIES_PENDING, "Deliveries that have yet to arrive");
    describe_gauge!(DELIVERIES_DEAD, "Deliveries that were given up, and are kept");
    describe_gauge!(DELIVERIES_BREAKERS, "Webhooks that this process leaves alone for a while, since they fail");
    describe_gauge!(COUNTS_AGE, Unit::Seconds, "How old the oldest of the counts is that are made in the database");
    describe_histogram!(STEP_SECONDS, Unit::Seconds, "Steps of the loops");
}
