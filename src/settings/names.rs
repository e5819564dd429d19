//! Which settings there are. The list is read off the sections' defaults, so that it cannot lag behind them.

use std::collections::BTreeSet;

use figment::value::Value;
use serde::Serialize;
use strsim::osa_distance;

use super::Settings;
use super::generators::GeneratorSettings;

/// Stands in front of any name where the plain one means something else.
pub(super) const PREFIX: &str = "CALLBACK_HUB_";
pub(super) const GENERATOR: &str = "GENERATOR_";

/// What may also be given as the name of a file. The database's URL is one because of its password.
const SECRETS: [&str; 5] = ["API_KEYS", "CALLBACK_SECRET_KEY", "DATABASE_URL", "DELIVERY_SECRET", "SECRETS_KEY"];
const GENERATOR_SECRETS: [&str; 2] = ["SECRET", "API_KEY"];

/// The names that clients of the API read.
const NO_SETTINGS: [&str; 4] = ["CALLBACK_HUB_URL", "CALLBACK_HUB_KEY", "CALLBACK_HUB_CA", "CALLBACK_HUB_CERT"];

/// ContentHub's names for the same.
const CONTENT_HUB: [(&str, &str); 5] = [
    ("WEBHOOK_ENABLED", "CALLBACK_ENABLED"),
    ("WEBHOOK_CALLBACK_BASE_URL", "CALLBACK_BASE_URL"),
    ("WEBHOOK_SECRET_KEY", "CALLBACK_SECRET_KEY"),
    ("WEBHOOK_REQUIRE_SIGNATURE", "CALLBACK_REQUIRE_SIGNATURE"),
    ("WEBHOOK_TIMEOUT", "CALLBACK_TIMEOUT"),
];

/// Where a value belongs: section and key, or generator and key.
pub(super) type Path = (String, String);

pub(super) struct Names {
    known: BTreeSet<String>,
    generator_keys: BTreeSet<String>,
}

/// What a variable of the environment turns out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The canonical name, and whether the value is the path of a file that holds it.
    Setting {
        name: String,
        in_file: bool,
    },
    Generator {
        name: String,
        in_file: bool,
    },
    /// Looks as if it were meant for the hub.
    Unknown,
    NotOurs,
}

impl Names {
    pub(super) fn known() -> Self {
        let sections = leaves(&Settings::default());
        let known = sections.into_iter().flat_map(|(section, value)| {
            let keys = value.into_dict().unwrap_or_default().into_keys();
            keys.map(move |key| format!("{section}_{key}").to_ascii_uppercase())
        });
        let generator_keys = leaves(&GeneratorSettings::default()).into_iter().map(|(key, _)| key.to_ascii_uppercase());
        Self { known: known.collect(), generator_keys: generator_keys.collect() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(String::as_str)
    }

    pub(super) fn generator_keys(&self) -> impl Iterator<Item = &str> {
        self.generator_keys.iter().map(String::as_str)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    pub(super) fn has_generator_key(&self, key: &str) -> bool {
        self.generator_keys.contains(key)
    }

    /// `name` is in capitals and without prefix; `prefixed` says that it had one.
    pub(super) fn meaning(&self, name: &str, prefixed: bool) -> Meaning {
        if let Some((name, in_file)) = self.setting(name) {
            return Meaning::Setting { name, in_file };
        }
        if let Some(rest) = name.strip_prefix(GENERATOR) {
            let in_file = GENERATOR_SECRETS.iter().any(|key| rest.ends_with(&format!("_{key}_FILE")));
            let name = name.strip_suffix("_FILE").filter(|_| in_file).unwrap_or(name);
            return Meaning::Generator { name: name.to_owned(), in_file };
        }
        let section = name.split('_').next().unwrap_or_default();
        // other programs have an API_… too
        let ours = section != "API" && self.known.iter().any(|known| path(known).0.eq_ignore_ascii_case(section));
        if prefixed || (ours && name.contains('_')) { Meaning::Unknown } else { Meaning::NotOurs }
    }

    fn setting(&self, name: &str) -> Option<(String, bool)> {
        if let Some(canonical) = self.canonical(name) {
            return Some((canonical, false));
        }
        let canonical = self.canonical(name.strip_suffix("_FILE")?)?;
        is_secret(&canonical).then_some((canonical, true))
    }

    fn canonical(&self, name: &str) -> Option<String> {
        let renamed = CONTENT_HUB.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
        let name = renamed.unwrap_or(name);
        self.contains(name).then(|| name.to_owned())
    }
}

pub(super) fn is_no_setting(name: &str) -> bool {
    NO_SETTINGS.contains(&name)
}

pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

pub(super) fn is_generator_secret(key: &str) -> bool {
    GENERATOR_SECRETS.contains(&key)
}

/// The first underscore divides section and key.
pub(super) fn path(name: &str) -> Path {
    let (section, key) = name.split_once('_').unwrap_or((name, ""));
    (section.to_ascii_lowercase(), key.to_ascii_lowercase())
}

/// As a generator's name stands in a variable.
pub(super) fn capitals(generator: &str) -> String {
    generator.to_ascii_uppercase().replace('-', "_")
}

/// The candidate that takes the fewest changes of letters, and how many these are.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, usize)> {
    candidates.into_iter().map(|candidate| (candidate, osa_distance(name, candidate))).min_by_key(|(_, distance)| *distance)
}

fn leaves(sections: &impl Serialize) -> Vec<(String, Value)> {
    let value = Value::serialize(sections).ok();
    value.and_then(Value::into_dict).unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_underscore_divides() {
        assert_eq!(path("CALLBACK_SECRET_KEY"), ("callback".to_owned(), "secret_key".to_owned()));
    }

    #[test]
    fn names_that_look_like_ours_are_told_from_those_of_others() {
        let names = Names::known();
        for (name, meaning) in [
            ("SERVER_PROT", Meaning::Unknown),
            ("LOG_COLOR", Meaning::Unknown),
            ("GENERATORS_FOO", Meaning::Unknown),
            ("API_TOKEN", Meaning::NotOurs),
            ("PATH", Meaning::NotOurs),
            ("LOG", Meaning::NotOurs),
            ("LOG_LEVEL_FILE", Meaning::Unknown),
        ] {
            assert_eq!(names.meaning(name, false), meaning, "{name}");
        }
        assert_eq!(names.meaning("PATH", true), Meaning::Unknown);
    }

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(nearest("SERVER_PROT", ["SERVER_HOST", "SERVER_PORT", "LOG_LEVEL"]), Some(("SERVER_PORT", 1)));
    }
}
