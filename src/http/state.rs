//! What handlers work with: handles, and the few settings that they need.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::census::Census;
use super::console::history::History;
use super::console::session::SessionKeys;
use super::figures::Figures;
use super::health::Readiness;
use super::live::Live;
use super::options::{RuleBook, Rules};
use crate::cadence::Cadence;
use crate::clock::Clock;
use crate::generator::catalog::Catalog;
use crate::journal::Journal;
use crate::keyring::Keyring;
use crate::lifecycle::Lifecycle;
use crate::pulse::Pulses;
use crate::pursuit::reconciler::Reconciler;
use crate::registrar::Registrar;
use crate::rejections::Rejections;
use crate::store::Store;
use crate::telemetry::flood::Flood;
use crate::telemetry::metrics::Metrics;
use crate::terms::Terms;

/// Shared by all handlers: the handles that the composition root brings along, and what only the outside needs.
pub struct Hub {
    rules: RuleBook,
    handles: Handles,
    pub figures: Figures,
    pub census: Census,
    pub readiness: Readiness,
    pub live: Live,
    pub lines: Lines,
    pub history: History,
    /// Questions to the doctor cost seconds of hashing, and copies of a body: one at a time.
    pub doctor: Arc<Semaphore>,
}

/// The lines that are written for each callback, as far as there is room for them.
pub struct Lines {
    pub taken: Flood,
    pub refused: Flood,
}

impl Default for Lines {
    fn default() -> Self {
        Self { taken: Flood::of(200), refused: Flood::of(50) }
    }
}

/// What other rooms give.
pub struct Handles {
    pub terms: Arc<Terms>,
    /// What the console's cookies are signed with.
    pub sessions: SessionKeys,
    pub store: Store,
    pub journal: Journal,
    pub rejections: Rejections,
    /// Where callbacks are counted, and who has gone quiet.
    pub pulses: Pulses,
    pub reconciler: Reconciler,
    /// For looking at its figures.
    pub keyring: Keyring,
    /// What webhooks are made with.
    pub registrar: Registrar,
    /// In which administrators' writes and the census run to their end.
    pub lifecycle: Lifecycle,
    /// For looking at their last steps.
    pub loops: Vec<Cadence>,
    /// The process's recorder, if it has one.
    pub metrics: Option<Metrics>,
    pub clock: Clock,
    pub stopping: CancellationToken,
}

impl Deref for Hub {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.handles
    }
}

impl Hub {
    #[must_use]
    pub fn new(rules: RuleBook, handles: Handles) -> Self {
        let figures = Figures::default();
        let census = Census::new(handles.store.clone(), handles.clock.clone(), handles.lifecycle.clone());
        Self {
            rules,
            handles,
            figures,
            census,
            readiness: Readiness::default(),
            live: Live::default(),
            lines: Lines::default(),
            history: History::default(),
            doctor: Arc::new(Semaphore::new(1)),
        }
    }

    /// What the settings say at this moment: who needs it twice for one thing keeps it.
    #[must_use]
    pub fn options(&self) -> Arc<Rules> {
        self.rules.rules()
    }

    /// The same, and the catalog that counts with it: never a half of one configuration with a half of another.
    #[must_use]
    pub fn configuration(&self) -> (Arc<Rules>, Arc<Catalog>) {
        self.rules.unchanged(|| (self.options(), self.terms.catalog()))
    }

    /// What bodies may hold at once.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        self.rules.budget()
    }
}
