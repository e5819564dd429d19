//! Settings and generator files: what a file says counts with what the settings say about its generator. So they are read
//! together, checked as at a start, and taken up together, or not at all.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::looks::Looks;
use crate::app::shelf::Configured;
use crate::app::watch::Watch;
use crate::app::{StartError, assembly, shelf};
use crate::cadence::Step;
use crate::clock::Clock;
use crate::generator::catalog::Catalog;
use crate::http::options::RuleBook;
use crate::relay::sender::Sender;
use crate::settings::{Change, Loaded, Settings, SettingsError, Sources};
use crate::store::Store;
use crate::telemetry::{Verbosity, metrics};
use crate::terms::Terms;

/// Cheap to clone.
#[derive(Clone)]
pub(in crate::app) struct Configuration(Arc<Shared>);

struct Shared {
    /// None: settings are read once.
    sources: Option<Sources>,
    means: Means,
    watch: Watch<Looks>,
    state: Mutex<State>,
}

#[derive(Clone)]
struct State {
    /// What counts.
    loaded: Arc<Loaded>,
    /// What settings are read from.
    files: Arc<[PathBuf]>,
    /// Of generator files, as it was read last, whether that counts or not.
    folder: Option<PathBuf>,
}

/// Where what was read goes.
pub(in crate::app) struct Means {
    pub terms: Arc<Terms>,
    pub rules: RuleBook,
    pub sender: Sender,
    /// Of the process's log, where the hub is the process.
    pub verbosity: Option<Verbosity>,
    pub store: Store,
    pub clock: Clock,
    /// The one that is bound.
    pub port: u16,
}

/// What the hub starts with.
pub(in crate::app) struct Reading {
    sources: Option<Sources>,
    state: State,
    looks: Looks,
}

/// What was read, as far as it makes sense by itself.
struct Draft {
    /// As it was read, with what waits for the next start.
    read: Settings,
    change: Change,
    catalog: Catalog,
    configured: Configured,
}

/// Why nothing of it counts.
struct Refused {
    fault: String,
    by_settings: bool,
    by_generators: bool,
}

const GONE: &str = "API_KEYS is gone, and there are no other keys: start anew to run without any";

impl Reading {
    /// To be called just before generator files are read.
    pub(in crate::app) fn new(sources: Option<Sources>, loaded: &Loaded) -> Self {
        let files = sorted(sources.iter().flat_map(Sources::files).chain(loaded.files()));
        let folder = loaded.settings.generators.dir.clone();
        let looks = Looks::of(folder.as_deref(), &files);
        Self { sources, state: State { loaded: Arc::new(loaded.clone()), files, folder }, looks }
    }
}

impl Configuration {
    pub(in crate::app) fn new(reading: Reading, means: Means, wishes: watch::Receiver<()>) -> Self {
        let Reading { sources, state, looks } = reading;
        Self(Arc::new(Shared { sources, means, watch: Watch::new(looks, wishes), state: Mutex::new(state) }))
    }

    /// Looks at the files, and reads them if they have changed or somebody wants it.
    pub(super) async fn step(&self) -> Step {
        let shared = self.0.clone();
        // a panic there is no reason to end here: what counts still counts
        let read = tokio::task::spawn_blocking(move || shared.read()).await.unwrap_or_default();
        let Some(read) = read else { return Step::default() };
        let keys_in_database = self.0.means.store.has_keys().await.ok();
        match read.and_then(|draft| Ok((draft.check(keys_in_database)?, draft))) {
            Ok((warnings, draft)) => self.0.take(draft, &warnings),
            Err(refused) => self.0.refuse(refused),
        }
        Step { handled: 1, more: false }
    }
}

impl Shared {
    fn read(&self) -> Option<Result<Draft, Refused>> {
        let State { loaded, files, folder } = self.state().clone();
        self.watch.is_due(Looks::of(folder.as_deref(), &files)).then(|| self.draft(&loaded))
    }

    fn draft(&self, before: &Loaded) -> Result<Draft, Refused> {
        let loaded = match self.load() {
            Ok(loaded) => loaded.unwrap_or_else(|| before.clone()),
            Err(error) => {
                // mended, they are to be seen
                let known = self.state().files.to_vec();
                self.look_at(known.into_iter().chain(error.files()));
                return Err(Refused::of(&error.into(), true));
            }
        };
        self.look_at(self.sources.iter().flat_map(Sources::files).chain(loaded.files()));
        let read = loaded.settings.clone();
        self.state().folder.clone_from(&read.generators.dir);
        let change = loaded.after(before);
        let built = shelf::catalog(&change.loaded.settings, |_| {});
        match built.and_then(|(catalog, _)| Ok((catalog, shelf::configured(&change.loaded.settings)?))) {
            Ok((catalog, configured)) => Ok(Draft { read, change, catalog, configured }),
            Err(error) => Err(Refused::of(&error, !change.taken.is_empty())),
        }
    }

    fn load(&self) -> Result<Option<Loaded>, SettingsError> {
        let Some(sources) = &self.sources else { return Ok(None) };
        Settings::load(&sources.read_again()?).map(Some)
    }

    /// Where these are others than before, the next steps find that they look otherwise, and read once more: so nothing is
    /// missed that changed between the reading and the first look.
    fn look_at(&self, files: impl Iterator<Item = PathBuf>) {
        let files = sorted(files);
        self.state().files = files;
    }

    fn take(&self, draft: Draft, warnings: &[String]) {
        let Draft { change: Change { loaded, taken, waiting }, catalog, .. } = draft;
        let Means { terms, rules, sender, verbosity, clock, port, .. } = &self.means;
        let generators = changed(&terms.catalog(), &catalog);
        let settings = &loaded.settings;
        let level = self.state().loaded.settings.log.level;
        if let Some(verbosity) = verbosity.as_ref().filter(|_| settings.log.level != level) {
            verbosity.change(settings.log.level);
        }
        let catalog = Arc::new(catalog);
        rules.change(|| {
            terms.replace(assembly::terms(settings, *port), catalog.clone(), clock.now());
            sender.replace(assembly::delivery_terms(settings));
            rules.replace(assembly::options(&loaded));
        });
        self.state().loaded = Arc::new(loaded);
        metrics::note_settings(true);
        metrics::note_reload(true, catalog.iter().map(|generator| generator.name().as_str()));
        tracing::info!(settings = taken.join(", "), generators, "settings and generator files were read again");
        for warning in warnings.iter().filter(|_| !taken.is_empty()) {
            tracing::warn!("{warning}");
        }
        if !waiting.is_empty() {
            tracing::warn!("{}", waits(&waiting));
        }
    }

    fn refuse(&self, refused: Refused) {
        let Refused { fault, by_settings, by_generators } = refused;
        metrics::note_settings(!by_settings);
        if by_generators {
            metrics::note_reload(false, std::iter::empty());
        }
        tracing::error!(fault, "the changed settings and generator files are refused; those from before stay");
        self.means.terms.refuse(fault, self.means.clock.now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draft {
    /// What a start would refuse is refused; and since not all of it counts before that, so is what would be unsafe until then.
    /// A file that has vanished for a moment must not take the keys away from a hub that runs: even on loopback, a proxy may let
    /// everybody in. Where the database is away, it is not known whether it has keys.
    fn check(&self, keys_in_database: Option<bool>) -> Result<Vec<String>, Refused> {
        let check = |settings: &Settings| assembly::check(settings, &self.configured, keys_in_database.unwrap_or(true));
        let counting = &self.change.loaded;
        let are_gone = counting.settings.api.keys.is_empty() && self.change.taken.iter().any(|name| name == "API_KEYS");
        if are_gone && keys_in_database != Some(true) {
            return Err(Refused::of(&StartError::Refused(vec![GONE.to_owned()]), true));
        }
        let doubtful = check(&self.read).and_then(|_| check(&counting.settings)).map_err(|error| Refused::of(&error, true))?;
        let names: Vec<&str> = self.catalog.iter().map(|generator| generator.name().as_str()).collect();
        let homeless = counting.settings.generator_warnings(&names);
        Ok(counting.warnings.iter().cloned().chain(doubtful).chain(homeless).collect())
    }
}

impl Refused {
    /// A generator file that was fine before is not, if the settings have changed.
    fn of(error: &StartError, settings_changed: bool) -> Self {
        let by_generators = matches!(error, StartError::Catalog(_) | StartError::File { .. });
        Self { fault: error.to_string(), by_settings: settings_changed || !by_generators, by_generators }
    }
}

fn sorted(files: impl Iterator<Item = PathBuf>) -> Arc<[PathBuf]> {
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files.dedup();
    files.into()
}

/// The names of those that are new, gone or other than before.
fn changed(before: &Catalog, after: &Catalog) -> String {
    let new = after.iter().filter(|it| before.find(it.name().as_str()).is_none_or(|old| old.written() != it.written()));
    let gone = before.iter().filter(|it| after.find(it.name().as_str()).is_none());
    new.chain(gone).map(|it| it.name().as_str()).collect::<Vec<_>>().join(", ")
}

fn waits(names: &[String]) -> String {
    let (have, are) = if names.len() == 1 { ("has", "is") } else { ("have", "are") };
    format!("{} {have} changed and {are} taken up at the next start", names.join(", "))
}
