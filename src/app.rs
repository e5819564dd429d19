//! The composition root: the only file that knows everyone.

mod assembly;
mod certificates;
mod loops;
pub mod offline;
mod reload;
mod shelf;
mod sockets;
mod watch;
mod webhooks_file;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::http::options::RuleBook;
use crate::http::server::{Bounds, Listener, serve};
use crate::http::state::{Handles, Hub};
use crate::journal::{self, Journal, Limits};
use crate::lifecycle::Lifecycle;
use crate::pulse::Pulses;
use crate::pursuit::Means;
use crate::rejections::{self, Rejections};
use crate::relay::recorder;
use crate::settings::{Loaded, Migrate, Settings, SettingsError, Sources};
use crate::store::{Standing, Store, StoreError, exists, migrate, standing};
use crate::telemetry::Verbosity;
use crate::telemetry::metrics::Metrics;
use crate::terms::Terms;
use crate::upstream::{MOST_READ, Upstream};
use crate::{generator, http};

pub use loops::Loops;
pub use reload::Reload;
pub use shelf::single;

use assembly::OwnKeys;
use certificates::Certificates;
use reload::{Configuration, Reading};
use sockets::Sockets;
use webhooks_file::WebhooksFile;

/// What requests may still take once the service is told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// The same of those that came before it could serve: they wait for nothing.
const BRIEF: Duration = Duration::from_secs(1);
const UPKEEP: Duration = Duration::from_secs(5);

/// Why the service does not start: one sentence each.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Catalog(#[from] generator::catalog::CatalogError),
    #[error("{path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error("The database cannot be used: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Tls(#[from] http::tls::TlsError),
    #[error("The schema lacks {}: run `callback-hub migrate`, or set DATABASE_MIGRATE=auto", .0.join(", "))]
    Unmigrated(Vec<String>),
    #[error("Cannot listen on {address}: {error}")]
    Listen { address: String, error: std::io::Error },
    #[error("Requests to generators cannot be made: {0}")]
    Client(reqwest::Error),
    #[error("The system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// What is not a setting.
#[derive(Clone)]
pub struct Surroundings {
    pub clock: Clock,
    pub journal: Limits,
    /// Writers of the journal; none says that the database decides.
    pub journal_workers: Option<usize>,
    /// Whether the loops run by themselves, or somebody calls their steps.
    pub loops_run: bool,
    /// The process's recorder, if it has one.
    pub metrics: Option<Metrics>,
    /// What the settings were read from, if they are to be read again when that changes.
    pub sources: Option<Sources>,
    /// Of the process's log, if the settings say it.
    pub verbosity: Option<Verbosity>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            journal: Limits::default(),
            journal_workers: None,
            loops_run: true,
            metrics: None,
            sources: None,
            verbosity: None,
        }
    }
}

/// A hub that listens and does not serve yet.
pub struct App {
    hub: Arc<Hub>,
    sockets: Sockets,
    certificates: Certificates,
    bounds: Bounds,
    store: Store,
    journal: Vec<journal::Worker>,
    rejections: rejections::Writer,
    recording: recorder::Writer,
    loops: Loops,
    loops_run: bool,
    /// To be told to the operator, one sentence each.
    pub warnings: Vec<String>,
}

/// # Errors
/// Everything that the service must not start with.
pub async fn build(loaded: &Loaded, surroundings: Surroundings, lifecycle: &Lifecycle) -> Result<App, StartError> {
    let settings = &loaded.settings;
    let configured = shelf::configured(settings)?;
    webhooks_file::check(settings)?;
    let certificates = Certificates::new(settings, &surroundings.clock, lifecycle.hangups())?;
    let reading = Reading::new(surroundings.sources.clone(), loaded);
    let (catalog, _) = shelf::catalog(settings, |_| {})?;
    // first without the database, so that a refused start leaves no file behind: one that is not there holds no key
    assembly::check(settings, &configured, exists(settings.database.url.expose()))?;
    let sockets = Sockets::listen(settings)?;
    let bounds = Bounds {
        head_timeout: settings.server.head_timeout,
        connections: settings.server.max_connections.get() as usize,
        grace: GRACE,
    };
    let brief = Bounds { grace: BRIEF, ..bounds };
    let store = sockets.answering_meanwhile(certificates.tls(), brief, open(settings)).await?;
    let mut warnings = assembly::check(settings, &configured, store.has_keys().await?)?;
    let names: Vec<&str> = catalog.iter().map(|generator| generator.name().as_str()).collect();
    warnings.extend(settings.generator_warnings(&names));
    warnings.extend(assembly::without_keys(&catalog));
    let OwnKeys { capabilities, sessions } = assembly::own_keys(settings, &store, &surroundings.clock).await?;
    let port = sockets.address().map_or(settings.server.port, |address| address.port());

    let Surroundings { clock, journal: limits, journal_workers, loops_run, metrics, verbosity, .. } = surroundings;
    let journal_workers = journal_workers.unwrap_or_else(|| store.writers_side_by_side());
    let (journal, workers) = Journal::new(&store, &clock, limits, journal_workers);
    let terms = Arc::new(Terms::new(assembly::terms(settings, port), Arc::new(catalog), capabilities, clock.now()));
    let (book, writer) = Rejections::new(store.clone(), terms.clone());
    warnings.extend(assembly::without_callbacks(&terms));
    let means = Means {
        store: store.clone(),
        journal: journal.clone(),
        upstream: Upstream::new(MOST_READ).map_err(StartError::Client)?,
        terms: terms.clone(),
        clock: clock.clone(),
        stopping: lifecycle.stopping().clone(),
    };
    let (registrar, recording) = assembly::relay(settings, &means)?;
    let webhooks = WebhooksFile::new(settings, registrar.clone(), clock.clone(), lifecycle.hangups());
    warnings.extend(webhooks.begin().await?);
    let rules = RuleBook::new(assembly::options(loaded));
    let places = reload::Means {
        terms: terms.clone(),
        rules: rules.clone(),
        sender: registrar.sender().clone(),
        verbosity,
        store: store.clone(),
        clock: clock.clone(),
        port,
    };
    let configuration = Configuration::new(reading, places, lifecycle.hangups());
    let reload = Reload::new(configuration, webhooks, certificates.clone());
    let pulses = Pulses::new(store.clone(), clock.clone(), terms.clone());
    let loops = Loops::new(&means, reload, pulses.clone(), registrar.sender().clone(), assembly::housekeeper(settings, &means));
    if let Some(metrics) = &metrics {
        metrics.begin_at_zero(terms.catalog().iter().map(|generator| generator.name().as_str()));
    }
    let handles = Handles {
        terms,
        sessions,
        store: store.clone(),
        journal,
        rejections: book,
        pulses,
        reconciler: loops.reconciler.clone(),
        keyring: loops.keyring.clone(),
        registrar,
        lifecycle: lifecycle.clone(),
        loops: loops.cadences(),
        metrics,
        clock,
        stopping: lifecycle.stopping().clone(),
    };
    let hub = Arc::new(Hub::new(rules, handles));
    let (journal, rejections) = (workers, writer);
    Ok(App { hub, sockets, certificates, bounds, store, journal, rejections, recording, loops, loops_run, warnings })
}

impl App {
    /// Where generators call; the port is the real one.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.sockets.address()
    }

    /// Where API and console are.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.sockets.admin_address()
    }

    #[must_use]
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// For calling their steps by hand.
    #[must_use]
    pub const fn loops(&self) -> &Loops {
        &self.loops
    }

    /// Serves until the lifecycle says stop; then requests end first, and what they have queued is written after them.
    /// False: a part died before its time.
    pub async fn run(self, lifecycle: Lifecycle) -> bool {
        let served = CancellationToken::new();
        let Self { hub, sockets, certificates, bounds, store, journal, rejections, recording, loops, loops_run, .. } = self;
        for worker in journal {
            lifecycle.spawn_loop("journal", worker.run(served.clone()));
        }
        lifecycle.spawn_loop("rejections", rejections.run(served.clone()));
        lifecycle.spawn_loop("deliveries", recording.run(served.clone()));
        // cancelled when the last of those is gone who may still have something to write
        let writing = Arc::new(served.drop_guard());
        if loops_run {
            loops.start(&lifecycle, hub.journal.chores(), &writing);
        }
        loops.start_watching(&lifecycle, &hub, &writing);
        lifecycle.spawn(upkeep(hub.metrics.clone(), lifecycle.stopping().clone()));
        for (socket, part) in sockets.into_parts() {
            let listener = Listener { socket, router: http::router(&hub, part), tls: certificates.tls() };
            let (stopping, writing) = (lifecycle.stopping().clone(), writing.clone());
            lifecycle.spawn_loop("listener", async move {
                // however the listener ends, the journal must not wait for it for ever
                let _writing = writing;
                if let Err(error) = serve(listener, bounds, stopping).await {
                    tracing::error!(%error, "the listener failed");
                }
            });
        }
        drop((hub, writing));
        let well = lifecycle.ended(GRACE + Duration::from_secs(10)).await;
        store.close().await;
        well
    }
}

async fn upkeep(metrics: Option<Metrics>, stopping: CancellationToken) {
    let Some(metrics) = metrics else { return };
    while stopping.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
        metrics.upkeep();
    }
}

/// The database of the settings, with its schema up to date, or, where that is somebody else's job, looked after.
///
/// # Errors
/// When it cannot be used, or lacks migrations.
pub async fn open(settings: &Settings) -> Result<Store, StartError> {
    let (url, connections) = (database_url(settings)?, settings.database.max_connections.get());
    let Standing { missing, newer } = standing(url).await?;
    match settings.database.migrate {
        Migrate::Auto if !missing.is_empty() => migrate(url).await?,
        Migrate::Check if !missing.is_empty() => return Err(StartError::Unmigrated(missing)),
        // a release is being rolled out, or was taken back
        _ if !newer.is_empty() => {
            tracing::warn!(newer = newer.join(", "), "the schema is a newer version's: it is served as it is");
        }
        _ => {}
    }
    Ok(Store::connect(url, connections).await?)
}

/// Where the database is.
///
/// # Errors
/// When it is none that the hub knows.
pub fn database_url(settings: &Settings) -> Result<&str, StartError> {
    let url = &settings.database.url;
    url.kind().map_err(|reason| StartError::Refused(vec![format!("DATABASE_URL {reason}")]))?;
    Ok(url.expose())
}
