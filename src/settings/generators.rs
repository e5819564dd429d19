//! What is set for single generators.
//!
//! In a variable's name the generator's name and the key run into each other, and only the loaded catalog tells where
//! one ends: `GENERATOR_FAL_AI_SECRET` is the secret of `fal-ai` if there is one, else of `fal` if that had such a key.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::effective::plain;
use super::extract::extract;
use super::fault::{Fault, SettingsError};
use super::layer::{Entry, Layer, Origin};
use super::names::{GENERATOR, Names, capitals, is_generator_secret, nearest};
use super::values::written::{optional, optional_addresses, secrets};
use super::values::{BaseUrl, ByteSize, Secret, Text};

/// Each overrides the generator's file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GeneratorSettings {
    /// What the scheme needs: text, `whsec_…`, `whpk_…` or a key set; several while they are rotated.
    #[serde(with = "secrets")]
    pub secret: Vec<Secret>,
    #[serde(with = "optional")]
    pub base_url: Option<BaseUrl>,
    #[serde(with = "optional")]
    pub api_key: Option<Secret>,
    pub trust: Option<String>,
    pub confirm: Option<String>,
    /// Empty admits every address.
    #[serde(with = "optional_addresses")]
    pub allowed_ips: Option<Vec<IpNet>>,
    #[serde(with = "optional")]
    pub max_body: Option<ByteSize>,
    #[serde(with = "optional")]
    pub timeout: Option<Duration>,
    pub max_retries: Option<u32>,
}

impl Settings {
    /// What is set for each loaded generator for which anything is. The environment wins over the file.
    ///
    /// # Errors
    /// Values that cannot be read, and generators in the file that are not loaded.
    pub fn generator_overrides(&self, loaded: &[&str]) -> Result<BTreeMap<String, GeneratorSettings>, SettingsError> {
        let names = Names::known();
        let mut faults = Vec::new();
        let (mut file, mut environment) = (Layer::default(), Layer::default());
        for entry in &self.generator_entries {
            match (&entry.target, entry.owner(loaded, &names)) {
                (Target::Key { .. }, Some(path)) => drop(file.insert(path, entry.entry.clone())),
                (Target::Name(_), Some(path)) => drop(environment.insert(path, entry.entry.clone())),
                (Target::Key { generator, .. }, None) => faults.push(unknown_generator(generator, &entry.entry.origin, loaded)),
                (Target::Name(_), None) => {}
            }
        }
        let settings = extract(&mut [file, environment], &mut faults);
        settings.filter(|_| faults.is_empty()).ok_or_else(|| SettingsError::from(faults))
    }

    /// Variables that belong to no loaded generator or name no key of it: one sentence each.
    #[must_use]
    pub fn generator_warnings(&self, loaded: &[&str]) -> Vec<String> {
        let names = Names::known();
        let homeless = self.generator_entries.iter().filter(|entry| entry.owner(loaded, &names).is_none());
        homeless.filter_map(|entry| entry.warning(loaded, &names)).collect()
    }

    pub(super) fn generator_entries(&self) -> &[GeneratorEntry] {
        &self.generator_entries
    }
}

/// One value of one generator.
#[derive(Clone)]
pub(super) struct GeneratorEntry {
    target: Target,
    entry: Entry,
}

#[derive(Clone)]
enum Target {
    /// From the environment: what follows `GENERATOR_`.
    Name(String),
    /// From the file, which has a table a generator.
    Key { generator: String, key: String },
}

impl GeneratorEntry {
    pub(super) fn from_environment(rest: &str, entry: Entry) -> Self {
        Self { target: Target::Name(rest.to_owned()), entry }
    }

    pub(super) fn from_file(generator: &str, key: &str, entry: Entry) -> Self {
        Self { target: Target::Key { generator: generator.to_owned(), key: key.to_owned() }, entry }
    }

    pub(super) fn is(&self, generator: &str, key: &str) -> bool {
        matches!(&self.target, Target::Key { generator: known, key: known_key } if known == generator && known_key == key)
    }

    /// In capitals, with `GENERATOR_` in front.
    pub(super) fn name(&self) -> String {
        match &self.target {
            Target::Name(rest) => format!("{GENERATOR}{rest}"),
            Target::Key { generator, key } => format!("{GENERATOR}{}_{}", capitals(generator), key.to_ascii_uppercase()),
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.entry.origin
    }

    /// Not masked.
    pub(super) fn value(&self) -> String {
        plain(&self.entry.value)
    }

    /// Masked, unless the name ends with a key that is known to be no secret.
    pub(super) fn shown(&self, names: &Names) -> String {
        let name = self.name();
        let mut keys = names.generator_keys().filter(|key| !is_generator_secret(key));
        if keys.any(|key| name.ends_with(&format!("_{key}"))) {
            let text = plain(&self.entry.value);
            // of a URL without its password; one that cannot be read is refused elsewhere, with its name
            return if name.ends_with("_BASE_URL") { BaseUrl::read(&text).map_or(text, |url| url.to_string()) } else { text };
        }
        let secrets = secrets::deserialize::<_, Secret>(&self.entry.value).unwrap_or_default();
        if secrets.len() > 1 { format!("*** ({})", secrets.len()) } else { "***".to_owned() }
    }

    /// The longest loaded name that leaves a known key wins.
    fn owner(&self, loaded: &[&str], names: &Names) -> Option<(String, String)> {
        match &self.target {
            Target::Key { generator, key } => loaded.contains(&generator.as_str()).then(|| (generator.clone(), key.clone())),
            Target::Name(rest) => candidates(rest, loaded)
                .filter(|(_, key)| names.has_generator_key(key))
                .max_by_key(|(generator, _)| generator.len())
                .map(|(generator, key)| (generator.to_owned(), key.to_ascii_lowercase())),
        }
    }

    fn warning(&self, loaded: &[&str], names: &Names) -> Option<String> {
        let Target::Name(rest) = &self.target else { return None };
        let Entry { name, origin, .. } = &self.entry;
        Some(match candidates(rest, loaded).max_by_key(|(generator, _)| generator.len()) {
            Some((generator, key)) => {
                let (nearest, _) = nearest(key, names.generator_keys())?;
                format!("{name} ({origin}) has no effect: generator `{generator}` has no setting {key}; the nearest is {nearest}")
            }
            None => format!("{name} ({origin}) has no effect: it belongs to no generator that is loaded"),
        })
    }
}

impl fmt::Debug for GeneratorEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.entry.origin)
    }
}

/// The loaded generators that a name may begin with, each with what is left.
fn candidates<'a>(rest: &'a str, loaded: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    loaded.iter().filter_map(|generator| Some((*generator, rest.strip_prefix(&capitals(generator))?.strip_prefix('_')?)))
}

fn unknown_generator(generator: &str, origin: &Origin, loaded: &[&str]) -> Fault {
    let nearest = nearest(generator, loaded.iter().copied());
    let nearest = nearest.map(|(nearest, _)| format!("; the nearest is `{nearest}`")).unwrap_or_default();
    Fault::UnknownGenerator { generator: format!("generators.{generator}"), file: origin.to_string(), nearest }
}
