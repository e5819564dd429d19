//! Takes up changed generator files while the hub runs: all of them, or, if one is broken, none. Also the file of webhooks, and
//! certificates.
//!
//! Settings are read once; what they say about generators goes for files that come later, too.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::certificates::Certificates;
use super::watch::{Look, Watch, look};
use super::webhooks_file::WebhooksFile;
use super::{StartError, shelf};
use crate::cadence::Step;
use crate::clock::Clock;
use crate::generator::catalog::Catalog;
use crate::settings::Settings;
use crate::store::StoreError;
use crate::telemetry::metrics;
use crate::terms::Terms;

/// Cheap to clone.
#[derive(Clone)]
pub struct Reload {
    generators: Arc<Shared>,
    webhooks: WebhooksFile,
    certificates: Certificates,
}

struct Shared {
    settings: Settings,
    terms: Arc<Terms>,
    clock: Clock,
    watch: Watch<Folder>,
}

/// How each file looks; none of an unreadable folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folder(Option<Vec<(String, Look)>>);

impl Reload {
    /// `folder`: as it was just before the catalog of `terms` was read.
    pub(super) fn new(
        settings: Settings,
        folder: Folder,
        (terms, clock): (Arc<Terms>, Clock),
        wishes: watch::Receiver<()>,
        (webhooks, certificates): (WebhooksFile, Certificates),
    ) -> Self {
        let generators = Arc::new(Shared { settings, terms, clock, watch: Watch::new(folder, wishes) });
        Self { generators, webhooks, certificates }
    }

    /// Looks at the files, and reads those that have changed.
    ///
    /// # Errors
    /// What the database says about webhooks; what is wrong with the files is told to whoever runs the hub.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let (generators, certificates) = (self.generators.clone(), self.certificates.clone());
        let step = tokio::task::spawn_blocking(move || [generators.step(), certificates.step()].into_iter().sum()).await;
        // a panic there is no reason to end here: the next step will see the same files
        let step = step.unwrap_or_default();
        Ok([step, self.webhooks.step().await?].into_iter().sum())
    }
}

impl Shared {
    fn step(&self) -> Step {
        let folder = Folder::of(&self.settings);
        if !self.watch.is_due(folder) {
            return Step::default();
        }
        match shelf::catalog(&self.settings, |_| {}) {
            Ok((catalog, _)) => self.take(catalog),
            Err(error) => self.refuse(&error),
        }
        Step { handled: 1, more: false }
    }

    fn take(&self, catalog: Catalog) {
        let before = self.terms.catalog();
        let changed = changed(&before, &catalog);
        metrics::note_reload(true, catalog.iter().map(|generator| generator.name().as_str()));
        self.terms.replace(Arc::new(catalog), self.clock.now());
        tracing::info!(changed, "the generator files were read again");
    }

    fn refuse(&self, error: &StartError) {
        let fault = error.to_string();
        metrics::note_reload(false, std::iter::empty());
        tracing::error!(fault, "the changed generator files are refused; the ones from before stay");
        self.terms.refuse(fault, self.clock.now());
    }
}

/// The names of those that are new, gone or other than before.
fn changed(before: &Catalog, after: &Catalog) -> String {
    let new = after.iter().filter(|it| before.find(it.name().as_str()).is_none_or(|old| old.written() != it.written()));
    let gone = before.iter().filter(|it| after.find(it.name().as_str()).is_none());
    new.chain(gone).map(|it| it.name().as_str()).collect::<Vec<_>>().join(", ")
}

impl Folder {
    pub(super) fn of(settings: &Settings) -> Self {
        Self(settings.generators.dir.as_deref().and_then(|folder| Self::files(folder).ok()))
    }

    fn files(folder: &Path) -> std::io::Result<Vec<(String, Look)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if shelf::is_a_generators(&path) {
                files.push((path.display().to_string(), look(Some(&path))));
            }
        }
        files.sort();
        Ok(files)
    }
}
