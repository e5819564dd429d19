//! `callback-hub.toml` as a layer. It is written for the hub alone, so an unknown key is a slip and refused.

use std::path::PathBuf;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};

use super::environment::secret_file;
use super::fault::Fault;
use super::generators::GeneratorEntry;
use super::layer::{Entry, Layer, Origin};
use super::names::{Names, is_generator_secret, is_secret, nearest, path};
use super::sources::Sources;

#[derive(Default)]
pub(super) struct File {
    pub(super) layer: Layer,
    pub(super) generators: Vec<GeneratorEntry>,
}

pub(super) fn read(sources: &Sources, names: &Names, faults: &mut Vec<Fault>) -> File {
    let Some((path, text)) = &sources.file else { return File::default() };
    let sections = match Toml::from_str::<Dict>(text) {
        Ok(sections) => sections,
        Err(error) => {
            // the error's own text would quote the line, and with it perhaps a secret
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            faults.push(Fault::NotToml { path: path.clone(), line, reason: error.message().to_owned() });
            return File::default();
        }
    };
    let mut reader = Reader { file: path.display().to_string(), names, faults, read: File::default() };
    for (section, value) in sections {
        reader.section(&section, value);
    }
    reader.read
}

struct Reader<'a> {
    file: String,
    names: &'a Names,
    faults: &'a mut Vec<Fault>,
    read: File,
}

impl Reader<'_> {
    fn section(&mut self, section: &str, value: Value) {
        let known = self.names.iter().any(|name| path(name).0 == section);
        match value.into_dict() {
            Some(keys) if known => keys.into_iter().for_each(|(key, value)| self.key(section, &key, value)),
            Some(_) => self.unknown(section, &self.names.iter().map(|name| path(name).0).collect::<Vec<_>>()),
            None if known => self.faults.push(Fault::NotATable { key: section.to_owned(), file: self.file.clone() }),
            None => self.unknown(section, &self.known()),
        }
    }

    fn key(&mut self, section: &str, key: &str, value: Value) {
        let dotted = format!("{section}.{key}");
        if section == "generators" && value.as_dict().is_some() {
            return self.generator(key, value.into_dict().unwrap_or_default());
        }
        let stem = key.strip_suffix("_file").unwrap_or(key);
        let name = |key: &str| format!("{section}_{key}").to_ascii_uppercase();
        let in_file = !self.names.contains(&name(key)) && is_secret(&name(stem));
        let meant = if in_file { stem } else { key };
        if key.chars().any(|c| c.is_ascii_uppercase()) || !self.names.contains(&name(meant)) {
            return self.unknown(&dotted, &self.known());
        }
        if let Some(entry) = self.entry(dotted, value, in_file)
            && self.read.layer.insert((section.to_owned(), meant.to_owned()), entry).is_some()
        {
            self.faults.push(Fault::ValueAndFile { name: name(stem) });
        }
    }

    fn generator(&mut self, generator: &str, keys: Dict) {
        for (key, value) in keys {
            let dotted = format!("generators.{generator}.{key}");
            let stem = key.strip_suffix("_file").unwrap_or(&key);
            let in_file = stem != key && is_generator_secret(&stem.to_ascii_uppercase());
            let meant = if in_file { stem } else { &key };
            if key.chars().any(|c| c.is_ascii_uppercase()) || !self.names.has_generator_key(&meant.to_ascii_uppercase()) {
                let keys = self.names.generator_keys().map(|key| format!("generators.{generator}.{}", key.to_ascii_lowercase()));
                self.unknown(&dotted, &keys.collect::<Vec<_>>());
                continue;
            }
            let Some(entry) = self.entry(dotted, value, in_file) else { continue };
            if self.read.generators.iter().any(|known| known.is(generator, meant)) {
                self.faults.push(Fault::ValueAndFile { name: format!("generators.{generator}.{stem}") });
            }
            self.read.generators.push(GeneratorEntry::from_file(generator, meant, entry));
        }
    }

    fn entry(&mut self, name: String, value: Value, in_file: bool) -> Option<Entry> {
        if !in_file {
            return Some(Entry { name, value, origin: Origin::File(self.file.clone()) });
        }
        let path = PathBuf::from(value.as_str().unwrap_or_default());
        secret_file(name, path).map_err(|fault| self.faults.push(fault)).ok()
    }

    fn known(&self) -> Vec<String> {
        let dotted = |(section, key)| format!("{section}.{key}");
        self.names.iter().map(|name| dotted(path(name))).collect()
    }

    fn unknown(&mut self, key: &str, candidates: &[String]) {
        // SERVER_PORT is no key, but server.port is
        let folded = if key.contains('.') { key.to_ascii_lowercase() } else { key.to_ascii_lowercase().replacen('_', ".", 1) };
        let nearest = nearest(&folded, candidates.iter().map(String::as_str)).map_or("", |(nearest, _)| nearest);
        let (key, nearest) = (key.to_owned(), nearest.to_owned());
        self.faults.push(Fault::UnknownKey { key, file: self.file.clone(), nearest });
    }
}
