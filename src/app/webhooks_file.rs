//! The webhooks of `DELIVERY_WEBHOOKS_FILE`: what the file says is what is registered, from the start on and whenever it
//! changes. All of it counts, or, if anything in it is wrong, nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use uuid::{Builder, Uuid};

use super::StartError;
use super::watch::{Look, Watch, look};
use crate::cadence::Step;
use crate::clock::Clock;
use crate::domain::webhook::{Origin, Webhook};
use crate::generator::mac::sha256;
use crate::http::webhooks::{Entry, entries};
use crate::registrar::{Fault, Registered, Registrar, Wish};
use crate::settings::{Settings, read_text};
use crate::store::{Registration, StoreError};
use crate::telemetry::metrics;

const ID_LABEL: &[u8] = b"callback-hub webhook of a file v1";

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct WebhooksFile(Arc<Shared>);

struct Shared {
    path: Option<PathBuf>,
    registrar: Registrar,
    clock: Clock,
    watch: Watch<Look>,
}

/// Why the file does not count.
enum Refused {
    /// One sentence each.
    Wrong(Vec<String>),
    Store(StoreError),
}

impl WebhooksFile {
    pub(super) fn new(settings: &Settings, registrar: Registrar, clock: Clock, wishes: watch::Receiver<()>) -> Self {
        let path = settings.delivery.webhooks_file.clone();
        let watch = Watch::new(look(path.as_deref()), wishes);
        Self(Arc::new(Shared { path, registrar, clock, watch }))
    }

    /// Registers what the file says.
    ///
    /// # Errors
    /// Whatever is wrong with it, or with the database.
    pub(super) async fn begin(&self) -> Result<Option<String>, StartError> {
        match self.0.take_up().await {
            Ok(0) => Ok(None),
            Ok(changed) if self.0.path.is_some() => {
                tracing::info!(changed, "the webhooks of the file are registered");
                Ok(None)
            }
            Ok(gone) => Ok(Some(format!("DELIVERY_WEBHOOKS_FILE is not set any more: {gone} webhooks of that file are removed"))),
            Err(Refused::Wrong(sentences)) => Err(StartError::Refused(sentences)),
            Err(Refused::Store(error)) => Err(error.into()),
        }
    }

    /// Looks at the file, and takes it up if it has changed or somebody wants it. A broken one changes nothing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub(super) async fn step(&self) -> Result<Step, StoreError> {
        let this = &self.0;
        if this.path.is_none() || !this.watch.is_due(look(this.path.as_deref())) {
            return Ok(Step::default());
        }
        match this.take_up().await {
            Ok(changed) => {
                tracing::info!(changed, "the file of webhooks was read again");
                metrics::note_webhooks_file(true);
                this.registrar.take_file();
            }
            Err(Refused::Wrong(sentences)) => {
                let fault = sentences.join("; ");
                tracing::error!(fault, "the changed file of webhooks is refused; the webhooks from before stay");
                metrics::note_webhooks_file(false);
                this.registrar.refuse_file(fault);
            }
            Err(Refused::Store(error)) => return Err(error),
        }
        Ok(Step { handled: 1, more: false })
    }
}

impl Shared {
    /// How many webhooks are new, other than before, or gone.
    async fn take_up(&self) -> Result<usize, Refused> {
        let entries = self.path.as_deref().map(read).transpose().map_err(Refused::Wrong)?.unwrap_or_default();
        let wanted = self.drafted(entries).await.map_err(Refused::Wrong)?;
        let now = self.clock.now();
        let mut known: HashMap<Uuid, Registration> = HashMap::new();
        for found in self.registrar.store().webhooks_of_file().await? {
            known.insert(found.webhook.id, found);
        }
        let mut changed = Vec::new();
        for mut wanted in wanted {
            if let Some(before) = known.remove(&wanted.webhook.id) {
                wanted.webhook.created_at = before.webhook.created_at;
                if self.is_same(&before, &wanted) {
                    continue;
                }
            }
            changed.push(wanted);
        }
        changed.extend(known.into_values().map(|gone| self.registrar.remove(gone).registration));
        if !changed.is_empty() {
            self.registrar.store().register(&changed, now).await?;
        }
        Ok(changed.len())
    }

    async fn drafted(&self, entries: Vec<Entry>) -> Result<Vec<Registration>, Vec<String>> {
        let (mut drafted, mut faults, mut places) = (Vec::new(), Vec::new(), HashMap::new());
        for Entry { place, wish } in entries {
            let id = id(&wish);
            if let Some(first) = places.insert(id, place.clone()) {
                faults.push(format!("{place} has the url and the name of {first}: give it a name of its own"));
            }
            match self.registrar.draft_as(id, wish, None, Origin::File).await {
                Ok(Registered { registration, .. }) => drafted.push(registration),
                Err(wrong) => faults.extend(wrong.into_iter().map(|Fault { field, says }| format!("{place}.{field} {says}"))),
            }
        }
        let within = |fault: String| sentence(self.path.as_deref().unwrap_or(Path::new("")), &fault);
        if faults.is_empty() { Ok(drafted) } else { Err(faults.into_iter().map(within).collect()) }
    }

    /// Sealed secrets never look the same: they are opened. What cannot be opened any more is written anew.
    fn is_same(&self, before: &Registration, wanted: &Registration) -> bool {
        let opened = |it: &Registration| self.registrar.open(it.webhook.id, it.credentials.as_deref()).ok();
        let same = Webhook { updated_at: before.webhook.updated_at, ..wanted.webhook.clone() };
        same == before.webhook && opened(before).is_some_and(|known| opened(wanted) == Some(known))
    }
}

/// What can be said of the file without a database.
///
/// # Errors
/// One sentence for each thing that is wrong with it.
pub(super) fn check(settings: &Settings) -> Result<(), StartError> {
    let read = settings.delivery.webhooks_file.as_deref().map(read).transpose();
    read.map(drop).map_err(StartError::Refused)
}

fn read(path: &Path) -> Result<Vec<Entry>, Vec<String>> {
    let text = read_text(path)
        .map_err(|error| vec![format!("DELIVERY_WEBHOOKS_FILE is {}, which cannot be read: {error}", path.display())])?;
    // some editors begin a file with a byte order mark
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    entries(text.as_bytes()).map_err(|faults| faults.into_iter().map(|fault| sentence(path, &fault)).collect())
}

fn sentence(path: &Path, fault: &str) -> String {
    format!("DELIVERY_WEBHOOKS_FILE ({}): {fault}", path.display())
}

/// The same for the same entry, so that a restart changes nothing.
fn id(wish: &Wish) -> Uuid {
    let (url, name) = (wish.url.as_deref().unwrap_or_default(), wish.name.as_deref().unwrap_or_default());
    let length = (url.len() as u64).to_be_bytes();
    let digest = sha256([ID_LABEL, &length, url.as_bytes(), name.as_bytes()]);
    let (bytes, _) = digest.split_first_chunk().expect("a digest is longer than an id");
    Builder::from_custom_bytes(*bytes).into_uuid()
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
