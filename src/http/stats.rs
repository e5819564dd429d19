//! `GET /api/stats`

mod deliveries;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::Fields;
use super::openapi::ListErrors;
use super::problem::Problem;
use super::state::Hub;
use crate::cadence::{Cadence, Last};
use crate::domain::task::Status;
use crate::domain::time::Timestamp;
use crate::keyring;
use crate::store::Rescued;

pub use deliveries::DeliveryFigures;

#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// When the oldest count was made of those that are made in the database: where counting takes long, a count stands for twenty
    /// times as long, and is told until the next one is there.
    #[schema(value_type = String, format = DateTime)]
    counted_at: Timestamp,
    /// Tasks by state.
    tasks: BTreeMap<&'static str, u64>,
    /// The same for each generator.
    generators: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Completed tasks among completed, failed and timed out ones; null before the first.
    success_rate: Option<f64>,
    /// The same for each generator that has any.
    success_rate_by_generator: BTreeMap<String, f64>,
    /// Tasks that run past their deadline.
    overdue: u64,
    /// The same for each generator that has any.
    overdue_by_generator: BTreeMap<String, u64>,
    /// Tasks whose end was learnt by polling, since no callback told of it. One that asked for the question is none of them.
    rescued: u64,
    /// The same for each generator that has any.
    rescued_by_generator: BTreeMap<String, RescuedFigures>,
    /// Generators that used to call back, and have not for several times their usual gap, though tasks of theirs run.
    quiet: BTreeSet<String>,
    /// Callbacks that wait for a task that nobody knows yet.
    parked: u64,
    /// The same for each generator that has any.
    parked_by_generator: BTreeMap<String, u64>,
    /// What questions to generators brought, by generator and finding, since the start of this process.
    polls: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Words in generators' answers that their files do not map, since the start of this process.
    unknown_words: BTreeMap<String, BTreeMap<String, u64>>,
    /// How fetching generators' public keys goes, for each generator that publishes some, since the start of this process.
    keys: BTreeMap<String, KeyFigures>,
    /// The loops of this process.
    loops: Vec<LoopFigures>,
    callbacks: CallbackFigures,
    journal: JournalFigures,
    deliveries: DeliveryFigures,
    storage: StorageFigures,
}

/// What the database takes, and what is left.
#[derive(Debug, Serialize, ToSchema)]
pub struct StorageFigures {
    /// When the bytes were measured; null as long as they never were: in a large file that takes a while.
    #[schema(value_type = Option<String>, format = DateTime)]
    measured_at: Option<Timestamp>,
    /// Of tables with their indexes, by what they keep: `tasks`, `callbacks`, `rejected`, `bodies`, `events`, `deliveries`, `contents`,
    /// `other`.
    bytes: BTreeMap<String, u64>,
    /// Where the database's file lies; null with a server.
    free_bytes: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RescuedFigures {
    tasks: u64,
    /// From the end by the generator's own clock to the end by ours, in seconds; null where no generator told its time.
    late_seconds_average: Option<f64>,
    late_seconds_longest: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct KeyFigures {
    /// When they were fetched last; null before the first time: until then their signatures are answered with 503.
    #[schema(value_type = Option<String>, format = DateTime)]
    fetched_at: Option<Timestamp>,
    failures: u64,
    /// What went wrong, if it did the last time.
    fault: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LoopFigures {
    /// `submit`, `reconcile`, `cancel`, `unpark`, `deliver`, `keys`, `generators`, `tidy`, `pulse`, `watch`, `sample`; on SQLite
    /// `checkpoint`, on PostgreSQL `announce`
    #[schema(example = "reconcile")]
    name: &'static str,
    /// Null before the first step has ended.
    last_step: Option<StepFigures>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct StepFigures {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `period`, `hint`, or `more`: the step before had left something to do.
    reason: &'static str,
    /// Rows; null if the step failed.
    handled: Option<u64>,
    duration_us: u64,
}

/// Since the start of this process.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackFigures {
    /// Taken callbacks by outcome; a parked one counts as `parked`, whatever became of it later.
    accepted: BTreeMap<&'static str, u64>,
    /// Refused callbacks by code.
    rejected: BTreeMap<&'static str, u64>,
    /// Refused callbacks that were only counted, not kept.
    rejected_not_kept: u64,
}

/// Since the start of this process.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalFigures {
    /// Events, creations and changes that were written.
    entries: u64,
    /// Transactions that wrote them.
    commits: u64,
    /// Transactions that failed.
    failures: u64,
    /// Entries that wait right now.
    waiting: u64,
}

/// Read the figures
///
/// Tasks are counted in the database, deliveries, too, for the last `hours`; callbacks and the journal since this process
/// started.
#[utoipa::path(
    get,
    path = "/api/stats",
    tag = "operations",
    params(("hours" = Option<u64>, Query, minimum = 1, maximum = 720, description = "Deliveries of the last so many hours; 24 if absent")),
    responses((status = 200, description = "The figures", body = Stats), ListErrors),
)]
pub async fn read_stats(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Result<Json<Stats>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let hours = deliveries::hours(&mut fields);
    fields.finish()?;
    let mut tasks: BTreeMap<&'static str, u64> = Status::ALL.into_iter().map(|status| (status.as_str(), 0)).collect();
    let mut generators: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
    let census = &hub.census;
    let counted = census.tasks().await?;
    for row in &counted.found {
        let Some(status) = Status::parse(&row.status) else { continue };
        let count = u64::try_from(row.tasks).unwrap_or(0);
        *tasks.entry(status.as_str()).or_default() += count;
        generators.entry(row.generator.clone()).or_default().insert(status.as_str(), count);
    }
    let (overdue, rescued, parked) = (census.overdue().await?, census.rescued().await?, census.parked().await?);
    let lanes = (census.pending().await?, census.dead().await?);
    let times = [counted.at, overdue.at, rescued.at, parked.at, lanes.0.at, lanes.1.at];
    let (mut polls, mut unknown_words) = (BTreeMap::new(), BTreeMap::new());
    for (generator, figures) in hub.reconciler.figures().counts() {
        if !figures.unknown_words.is_empty() {
            unknown_words.insert(generator.clone(), figures.unknown_words);
        }
        polls.insert(generator, figures.found);
    }
    Ok(Json(Stats {
        counted_at: times.into_iter().fold(hub.clock.now(), Timestamp::min),
        success_rate: success_rate(&tasks),
        success_rate_by_generator: generators
            .iter()
            .filter_map(|(name, tasks)| Some((name.clone(), success_rate(tasks)?)))
            .collect(),
        tasks,
        generators,
        overdue: overdue.found.values().sum(),
        overdue_by_generator: overdue.found.clone(),
        rescued: rescued.found.iter().map(|row| u64::try_from(row.tasks).unwrap_or(0)).sum(),
        rescued_by_generator: rescued.found.iter().map(|row| (row.generator.clone(), row.into())).collect(),
        quiet: hub.pulses.quiet(),
        parked: parked.found.values().sum(),
        parked_by_generator: parked.found.clone(),
        polls,
        unknown_words,
        keys: hub.keyring.figures().into_iter().map(|(name, figures)| (name, figures.into())).collect(),
        loops: hub.loops.iter().map(LoopFigures::from).collect(),
        callbacks: CallbackFigures {
            accepted: hub.figures.outcomes(),
            rejected: hub.figures.rejections(),
            rejected_not_kept: hub.rejections.dropped(),
        },
        journal: journal(&hub),
        deliveries: deliveries::read(&hub, hours, (&lanes.0.found, &lanes.1.found)).await?,
        storage: storage(&hub).await,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "microseconds as seconds, for people")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

impl From<&Rescued> for RescuedFigures {
    fn from(row: &Rescued) -> Self {
        let told = Some(row.told).filter(|&told| told > 0);
        Self {
            tasks: u64::try_from(row.tasks).unwrap_or(0),
            late_seconds_average: told.map(|told| seconds(row.late_us / told)),
            late_seconds_longest: told.map(|_| seconds(row.latest_us)),
        }
    }
}

impl From<keyring::Figures> for KeyFigures {
    fn from(keyring::Figures { fetched_at, failures, fault }: keyring::Figures) -> Self {
        Self { fetched_at, failures, fault }
    }
}

impl From<&Cadence> for LoopFigures {
    fn from(cadence: &Cadence) -> Self {
        let step = |last: Last| StepFigures {
            at: last.at,
            reason: last.reason.as_str(),
            handled: last.handled,
            duration_us: u64::try_from(last.took.as_micros()).unwrap_or(u64::MAX),
        };
        Self { name: cadence.name, last_step: cadence.last().map(step) }
    }
}

fn journal(hub: &Hub) -> JournalFigures {
    let figures = hub.journal.figures();
    JournalFigures {
        entries: figures.entries.load(Ordering::Relaxed),
        commits: figures.commits.load(Ordering::Relaxed),
        failures: figures.failures.load(Ordering::Relaxed),
        waiting: hub.journal.depth() as u64,
    }
}

async fn storage(hub: &Hub) -> StorageFigures {
    let measured = hub.census.bytes().await;
    StorageFigures {
        measured_at: measured.as_ref().map(|measured| measured.at),
        bytes: measured.map(|measured| measured.found.clone()).unwrap_or_default(),
        free_bytes: hub.store.free_bytes(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
fn success_rate(tasks: &BTreeMap<&'static str, u64>) -> Option<f64> {
    let of = |status: Status| tasks.get(status.as_str()).copied().unwrap_or(0);
    let completed = of(Status::Completed);
    let ended = completed + of(Status::Failed) + of(Status::TimedOut);
    (ended > 0).then(|| completed as f64 / ended as f64)
}
