//! `GET /api/stats`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::PlainErrors;
use super::problem::Problem;
use super::state::Hub;
use crate::domain::task::Status;

#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// Tasks by state.
    tasks: BTreeMap<&'static str, u64>,
    /// The same for each generator.
    generators: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Completed tasks among completed, failed and timed out ones; null before the first.
    success_rate: Option<f64>,
    /// Tasks that run past their deadline.
    overdue: u64,
    callbacks: CallbackFigures,
    journal: JournalFigures,
}

/// Since the start of this process.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackFigures {
    /// Taken callbacks by outcome.
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
/// Tasks are counted in the database, callbacks and the journal since this process started.
#[utoipa::path(get, path = "/api/stats", tag = "operations", responses((status = 200, description = "The figures", body = Stats), PlainErrors))]
pub async fn read_stats(State(hub): State<Arc<Hub>>) -> Result<Json<Stats>, Problem> {
    let mut tasks: BTreeMap<&'static str, u64> = Status::ALL.into_iter().map(|status| (status.as_str(), 0)).collect();
    let mut generators: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
    for row in hub.store.count_by_status().await? {
        let Some(status) = Status::parse(&row.status) else { continue };
        let count = u64::try_from(row.tasks).unwrap_or(0);
        *tasks.entry(status.as_str()).or_default() += count;
        generators.entry(row.generator).or_default().insert(status.as_str(), count);
    }
    let overdue = hub.store.count_overdue(hub.clock.now()).await?;
    Ok(Json(Stats {
        success_rate: success_rate(&tasks),
        tasks,
        generators,
        overdue,
        callbacks: CallbackFigures {
            accepted: hub.figures.outcomes(),
            rejected: hub.figures.rejections(),
            rejected_not_kept: hub.rejections.dropped(),
        },
        journal: journal(&hub),
    }))
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

#[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
fn success_rate(tasks: &BTreeMap<&'static str, u64>) -> Option<f64> {
    let of = |status: Status| tasks.get(status.as_str()).copied().unwrap_or(0);
    let completed = of(Status::Completed);
    let ended = completed + of(Status::Failed) + of(Status::TimedOut);
    (ended > 0).then(|| completed as f64 / ended as f64)
}
