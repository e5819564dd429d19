//! Where the catalog comes from: the built-in files, the operator's folder, and what the settings say about single
//! generators.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::StartError;
use crate::domain::task::GeneratorName;
use crate::generator::catalog::{Catalog, GeneratorOverrides, Overrides};
use crate::generator::entry::Generator;
use crate::settings::{GeneratorSettings, Settings, read_text};

pub(super) type Configured = BTreeMap<String, GeneratorSettings>;

/// Name and text of each.
type Files = Vec<(String, String)>;

/// What the settings say about single generators.
pub(super) fn configured(settings: &Settings) -> Result<Configured, StartError> {
    of_files(settings, &files(settings)?)
}

fn of_files(settings: &Settings, files: &Files) -> Result<Configured, StartError> {
    let names = Catalog::names(files)?;
    let names: Vec<&str> = names.iter().map(GeneratorName::as_str).collect();
    Ok(settings.generator_overrides(&names)?)
}

/// The generators, with what the settings say about them; `adjust` has the last word.
pub(super) fn catalog(settings: &Settings, adjust: impl FnOnce(&mut Overrides)) -> Result<(Catalog, Overrides), StartError> {
    let files = files(settings)?;
    let mut overrides = overrides(settings, &files)?;
    adjust(&mut overrides);
    Ok((Catalog::load(&files, &overrides)?, overrides))
}

/// One file, wherever it lies, as if it lay in the folder.
///
/// # Errors
/// What is wrong with it, or with the settings of its generator.
pub fn single(settings: &Settings, path: &Path) -> Result<Generator, StartError> {
    let text = without_mark(read_text(path).map_err(failed(path))?);
    let own = (path.display().to_string(), text);
    let mut files = if settings.generators.dir.is_some() { files(settings)? } else { beside(path) };
    files.retain(|(file, _)| path.file_name().is_none_or(|name| *file != name.to_string_lossy()));
    files.push(own);
    let overrides = overrides(settings, &files)?;
    Ok(Catalog::single(&files, &overrides)?)
}

/// The generator files in the same folder, for one that extends another.
fn beside(path: &Path) -> Files {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let paths = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).filter_map(|path| {
        let stem = path.file_stem()?.to_str()?;
        GeneratorName::parse(stem).ok()?;
        Some((path.file_name()?.to_str()?.to_owned(), read_text(&path).ok()?))
    });
    files.collect()
}

fn overrides(settings: &Settings, files: &Files) -> Result<Overrides, StartError> {
    let mut configured = of_files(settings, files)?;
    let mut generators = BTreeMap::new();
    for name in Catalog::names(files)? {
        let own = configured.remove(name.as_str()).unwrap_or_default();
        let mut own = own_overrides(name.as_str(), own)?;
        if name.as_str() == "default" {
            own.secrets.splice(0..0, settings.callback.secret_key.iter().map(|secret| secret.expose().to_owned()));
        }
        generators.insert(name, own);
    }
    let default_unsigned = !settings.callback.require_signature;
    Ok(Overrides { generators, default_unsigned, tolerance: settings.callback.tolerance })
}

/// The operator's own, by their names.
fn files(settings: &Settings) -> Result<Files, StartError> {
    let Some(folder) = &settings.generators.dir else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    let unreadable =
        |error| StartError::Refused(vec![format!("GENERATORS_DIR is {}, which cannot be read: {error}", folder.display())]);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(failed(folder))?.path();
        if is_a_generators(&path) {
            let text = without_mark(read_text(&path).map_err(failed(&path))?);
            files.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Hidden files are editors' own.
pub(super) fn is_a_generators(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    !is_hidden && path.extension().is_some_and(|extension| extension == "toml")
}

/// Some editors begin a file with a byte order mark.
fn without_mark(text: String) -> String {
    text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text)
}

fn own_overrides(name: &str, own: GeneratorSettings) -> Result<GeneratorOverrides, StartError> {
    let setting = |key: &str| format!("GENERATOR_{}_{key}", name.to_ascii_uppercase().replace('-', "_"));
    let word = |key: &str, error: String| StartError::Refused(vec![format!("{} {error}", setting(key))]);
    Ok(GeneratorOverrides {
        secrets: own.secret.iter().map(|secret| secret.expose().to_owned()).collect(),
        base_url: own.base_url.map(|url| url.as_str().to_owned()),
        api_key: own.api_key.map(|key| key.expose().to_owned()),
        trust: own.trust.map(|text| text.parse().map_err(|error| word("TRUST", error))).transpose()?,
        confirm: own.confirm.map(|text| text.parse().map_err(|error| word("CONFIRM", error))).transpose()?,
        allowed_ips: own.allowed_ips,
        max_body: own.max_body.map(|size| size.as_usize()),
        timeout: own.timeout,
        max_retries: own.max_retries,
    })
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> StartError {
    let path = path.display().to_string();
    move |error| StartError::File { path, error }
}
