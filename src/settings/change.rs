//! From one reading of the settings to the next: what counts at once, and what waits for the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use figment::value::Value;

use super::effective::plain;
use super::generators::GeneratorEntry;
use super::layer::Origin;
use super::names::{Names, path};
use super::sections::{Delivery, Log, Server};
use super::values::Secret;
use super::{Loaded, Settings};

/// What another reading of the settings comes to while the hub runs.
#[derive(Clone, Debug)]
pub struct Change {
    /// What counts from now on: what was read, but for what waits.
    pub loaded: Loaded,
    /// The names of what counts from now on and did not before.
    pub taken: Vec<String>,
    /// The names of what is read only at the start, and is not as it was then.
    pub waiting: Vec<String>,
}

impl Loaded {
    /// This reading, coming after `before`, which counts.
    #[must_use]
    pub fn after(self, before: &Self) -> Change {
        let settings = self.settings.keeping(&before.settings);
        let waiting = differing(&settings, &self.settings);
        let taken = differing(&before.settings, &settings);
        let mut origins = self.origins;
        for name in &waiting {
            match before.origins.get(name) {
                Some(origin) => drop(origins.insert(name.clone(), origin.clone())),
                None => drop(origins.remove(name)),
            }
        }
        Change { loaded: Self { settings, warnings: self.warnings, origins }, taken, waiting }
    }

    /// The files that `…_FILE` settings name.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let generators = self.settings.generator_entries.iter().map(GeneratorEntry::origin);
        self.origins.values().chain(generators).filter_map(Origin::secret_file).map(Path::to_owned).collect()
    }
}

impl Settings {
    /// These, but for what sockets, pools and keys were made of at the start: that stays as it was `before`.
    fn keeping(&self, before: &Self) -> Self {
        let read = self.clone();
        Self {
            server: Server {
                trusted_proxies: read.server.trusted_proxies,
                body_timeout: read.server.body_timeout,
                ..before.server.clone()
            },
            database: before.database.clone(),
            delivery: Delivery {
                timeout: read.delivery.timeout,
                retry_delays: read.delivery.retry_delays,
                secret: read.delivery.secret,
                ..before.delivery.clone()
            },
            secrets: before.secrets.clone(),
            retention: before.retention.clone(),
            log: Log { level: read.log.level, ..before.log.clone() },
            ..read
        }
    }
}

fn differing(before: &Settings, after: &Settings) -> Vec<String> {
    let (before, after) = (Compared::of(before), Compared::of(after));
    let names: BTreeSet<&String> = before.0.keys().chain(after.0.keys()).collect();
    names.into_iter().filter(|name| before.0.get(*name) != after.0.get(*name)).cloned().collect()
}

/// Each setting that is set or has a default, by its name, as one text. There is no `Debug`, and it does not leave this file:
/// secrets are not masked here.
struct Compared(BTreeMap<String, String>);

impl Compared {
    fn of(settings: &Settings) -> Self {
        let shown = Value::serialize(settings).ok();
        let value = |name: &str| {
            let (section, key) = path(name);
            shown.as_ref().and_then(|shown| shown.find_ref(&format!("{section}.{key}"))).map(plain)
        };
        let sections = Names::known();
        let sections = sections.iter().filter_map(|name| Some((name.to_owned(), value(name)?)));
        let secrets = secrets(settings).map(|(name, text)| (name.to_owned(), text));
        // the environment comes behind the file, and counts
        let generators = settings.generator_entries.iter().map(|entry| (entry.name(), entry.value()));
        Self(sections.chain(secrets).chain(generators).collect())
    }
}

/// What is masked wherever else settings are written.
fn secrets(settings: &Settings) -> impl Iterator<Item = (&'static str, String)> {
    let all = |secrets: &[Secret]| secrets.iter().map(Secret::expose).collect::<Vec<_>>().join("\n");
    let keys = settings.secrets.key.iter().map(|key| format!("{:?}", key.expose())).collect();
    [
        ("API_KEYS", all(&settings.api.keys)),
        ("CALLBACK_SECRET_KEY", all(&settings.callback.secret_key)),
        ("DATABASE_URL", settings.database.url.expose().to_owned()),
        ("DELIVERY_SECRET", all(settings.delivery.secret.as_slice())),
        ("SECRETS_KEY", keys),
    ]
    .into_iter()
}
