//! Everything that is counted, by the names that Prometheus knows: one list, from which descriptions are made, and which
//! dashboard and alerts are checked against.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// How a family of series behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Series of one name.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
}

macro_rules! families {
    ($($(#[doc = $doc:literal])+ $kind:ident $constant:ident = $name:literal;)*) => {
        $($(#[doc = $doc])+ pub const $constant: &str = $name;)*

        /// All of them.
        pub const FAMILIES: &[Family] = &[$(Family { name: $name, kind: Kind::$kind, help: concat!($($doc),+) }),*];
    };
}

families! {
    /// Taken callbacks, by `generator`, `event` (`completed`, `failed`, `progress` …, `custom`) and `outcome`.
    Counter CALLBACKS = "callback_hub_callbacks_total";
    /// Refused callbacks, by `generator` and `code`.
    Counter CALLBACKS_REJECTED = "callback_hub_callbacks_rejected_total";
    /// How long the stages of a callback took, in seconds, by `stage`: `receive` (its body), `verify`, `decode`, `record` (until it was committed), and `all` of them.
    Histogram CALLBACK_SECONDS = "callback_hub_callback_seconds";
    /// Parked callbacks whose wait is over, by `outcome`: they were taken as `parked` before.
    Counter CALLBACKS_UNPARKED = "callback_hub_callbacks_unparked_total";
    /// Callbacks that wait for their task, by `generator`.
    Gauge CALLBACKS_PARKED = "callback_hub_callbacks_parked";
    /// Entries in one transaction of the journal.
    Histogram JOURNAL_BATCH = "callback_hub_journal_batch_entries";
    /// Transactions of the journal, in seconds.
    Histogram JOURNAL_COMMIT_SECONDS = "callback_hub_journal_commit_seconds";
    /// Entries that wait for a transaction of the journal.
    Gauge JOURNAL_QUEUE = "callback_hub_journal_queue_entries";
    /// Transactions of the journal that failed.
    Counter JOURNAL_FAILURES = "callback_hub_journal_failures_total";
    /// Tasks, by `generator` and `status`.
    Gauge TASKS = "callback_hub_tasks";
    /// Questions to generators, by `generator` and `found`.
    Counter POLLS = "callback_hub_polls_total";
    /// Tasks whose end was learnt by polling and not by a callback, by `generator`.
    Counter RESCUED = "callback_hub_tasks_rescued_total";
    /// Tasks that run past their deadline, by `generator`.
    Gauge OVERDUE = "callback_hub_tasks_overdue";
    /// 1 from when this process leaves a generator alone, since it does not answer, until it answers again, by `generator` and `purpose`: `submit` or `poll`.
    Gauge GENERATOR_BREAKER = "callback_hub_generator_breaker_open";
    /// 1 while a generator that used to call back has not for several times its usual gap, though tasks of it run, by `generator`.
    Gauge GENERATOR_QUIET = "callback_hub_generator_quiet";
    /// When a generator has called back last, in Unix seconds, by `generator`; 0 if it has not for a week.
    Gauge GENERATOR_LAST_CALLBACK = "callback_hub_generator_last_callback_timestamp_seconds";
    /// Attempts to fetch a generator's public keys, by `generator` and `outcome`: `fetched` or `failed`.
    Counter KEY_FETCHES = "callback_hub_key_fetches_total";
    /// When a generator's public keys were fetched last, in Unix seconds, by `generator`.
    Gauge KEYS_FETCHED = "callback_hub_keys_fetched_timestamp_seconds";
    /// Readings of generator files while the hub runs, by `outcome`: `taken` or `refused`.
    Counter RELOADS = "callback_hub_generator_reloads_total";
    /// 1 while the generator files that are there are refused, and the ones from before count.
    Gauge RELOAD_REFUSED = "callback_hub_generator_files_refused";
    /// Readings of the settings while the hub runs, by `outcome`: `taken` or `refused`.
    Counter SETTINGS_RELOADS = "callback_hub_settings_reloads_total";
    /// 1 while the settings that are there are refused, and the ones from before count.
    Gauge SETTINGS_REFUSED = "callback_hub_settings_refused";
    /// Readings of the file of webhooks while the hub runs, by `outcome`: `taken` or `refused`.
    Counter WEBHOOKS_FILE_RELOADS = "callback_hub_webhooks_file_reloads_total";
    /// 1 while the file of webhooks that is there is refused, and the webhooks from before count.
    Gauge WEBHOOKS_FILE_REFUSED = "callback_hub_webhooks_file_refused";
    /// Readings of certificates while the hub runs, by `outcome`: `taken` or `refused`.
    Counter CERTIFICATE_RELOADS = "callback_hub_certificate_reloads_total";
    /// 1 while the certificates that are there are refused, and those from before count.
    Gauge CERTIFICATES_REFUSED = "callback_hub_certificates_refused";
    /// When the certificate of the listeners expires, in Unix seconds; 0 without TLS.
    Gauge CERTIFICATE_EXPIRES = "callback_hub_certificate_expires_timestamp_seconds";
    /// Attempts at deliveries whose destination is not allowed.
    Counter DELIVERIES_FORBIDDEN = "callback_hub_deliveries_forbidden_total";
    /// Registrations, changes and tests of webhooks that were refused for their destination.
    Counter WEBHOOKS_FORBIDDEN = "callback_hub_webhooks_forbidden_total";
    /// Attempts at deliveries, by `outcome`: how the delivery stands after it.
    Counter DELIVERY_ATTEMPTS = "callback_hub_deliveries_attempts_total";
    /// Deliveries that have yet to arrive.
    Gauge DELIVERIES_PENDING = "callback_hub_deliveries_pending";
    /// Deliveries that were given up, and are kept.
    Gauge DELIVERIES_DEAD = "callback_hub_deliveries_dead";
    /// Webhooks that this process leaves alone for a while, since they fail.
    Gauge DELIVERIES_BREAKERS = "callback_hub_deliveries_breakers_open";
    /// 1 if the database has answered just now; else what is counted in it may be from before.
    Gauge DATABASE_UP = "callback_hub_database_up";
    /// Bytes of tables and their indexes, by `kind` of what is kept in them; measured now and then.
    Gauge DATABASE_BYTES = "callback_hub_database_bytes";
    /// Bytes that are free where the database's file lies; NaN with a server.
    Gauge DATABASE_FREE = "callback_hub_database_free_bytes";
    /// How old the oldest of the counts is that are made in the database, in seconds.
    Gauge COUNTS_AGE = "callback_hub_counts_age_seconds";
    /// Steps of the loops, in seconds, by `loop`.
    Histogram STEP_SECONDS = "callback_hub_loop_step_seconds";
    /// Whoever watches streams of events.
    Gauge WATCHERS = "callback_hub_watchers";
    /// Always 1; `version` is the hub's.
    Gauge BUILD = "callback_hub_build_info";
}

/// For whoever reads the figures.
pub(super) fn describe() {
    for Family { name, kind, help } in FAMILIES {
        let (name, help) = (*name, help.trim());
        match kind {
            Kind::Counter => describe_counter!(name, help),
            Kind::Gauge => describe_gauge!(name, help),
            Kind::Histogram if name.ends_with("_seconds") => describe_histogram!(name, Unit::Seconds, help),
            Kind::Histogram => describe_histogram!(name, help),
        }
    }
}
