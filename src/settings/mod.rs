//! Settings: where they come from, what they are, and what about them is refused at start.
//!
//! [`Sources`] are texts: the environment, `.env` and `callback-hub.toml`. Each becomes a layer of strings (a figment
//! provider), the layers are merged, and the typed sections are read out of them. [`Settings::check`] then says what
//! the service must not start with, and [`Loaded::after`] what of another reading counts while the hub runs. Nothing here
//! knows another room.

mod change;
mod dotenv;
mod effective;
mod environment;
mod extract;
mod fault;
mod file;
mod generators;
mod layer;
mod names;
mod refusal;
mod sections;
mod sources;
mod text;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use change::Change;
pub use effective::{Effective, effective};
pub use fault::SettingsError;
pub use generators::GeneratorSettings;
pub use layer::Origin;
pub use refusal::Refusal;
pub use sections::{Api, Callback, Database, Delivery, Generators, Log, Poll, Retention, Secrets, Server, Task};
pub use sources::Sources;
pub use text::read_text;
pub use values::{
    AllowedNetwork, BaseUrl, ByteSize, DatabaseKind, DatabaseUrl, EncryptionKey, Host, LogFormat, LogLevel, Migrate, RateLimit,
    Secret, duration,
};

use generators::GeneratorEntry;
use names::Names;

/// Everything that is set, section by section.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub server: Server,
    pub database: Database,
    pub callback: Callback,
    pub generators: Generators,
    pub task: Task,
    pub poll: Poll,
    pub delivery: Delivery,
    pub api: Api,
    pub secrets: Secrets,
    pub retention: Retention,
    pub log: Log,
    /// What is set for single generators, raw: whose they are is known once the catalog is loaded.
    #[serde(skip)]
    generator_entries: Vec<GeneratorEntry>,
}

/// Settings, and what is to be told about them.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub settings: Settings,
    /// One sentence each.
    pub warnings: Vec<String>,
    /// By name (`SERVER_HOST`); what is not here is a default.
    pub origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Reads all sources; later ones give way: environment, `.env`, file, defaults.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
        let names = Names::known();
        let mut faults = Vec::new();
        let file = file::read(sources, &names, &mut faults);
        let environment = environment::read(sources, &names, &mut faults);

        let mut layers = vec![file.layer, environment.layer];
        let origins = layers.iter().flat_map(layer::Layer::origins).collect();
        let settings = extract::extract::<Self>(&mut layers, &mut faults);
        match settings {
            Some(mut settings) if faults.is_empty() => {
                settings.generator_entries = [file.generators, environment.generators].concat();
                Ok(Loaded { settings, warnings: environment.warnings, origins })
            }
            _ => Err(SettingsError::from(faults)),
        }
    }

    /// Where generators find the hub.
    #[must_use]
    pub fn callback_base_url(&self) -> BaseUrl {
        self.callback.base_url.clone().unwrap_or_else(|| self.server.base_url(self.server.port))
    }

    fn with_defaults(&self) -> Self {
        let mut settings = Self { task: self.task.with_defaults(), poll: self.poll.with_defaults(), ..self.clone() };
        settings.callback.base_url = Some(self.callback_base_url());
        settings
    }
}
