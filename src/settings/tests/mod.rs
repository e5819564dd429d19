mod changes;
mod example;
mod loading;
mod overrides;
mod refusals;

use std::path::PathBuf;

use super::{Loaded, Settings, Sources, effective};

fn sources(environment: &[(&str, &str)]) -> Sources {
    Sources::new(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn with_file(environment: &[(&str, &str)], file: &str) -> Sources {
    Sources { file: Some((PathBuf::from("callback-hub.toml"), file.to_owned())), ..sources(environment) }
}

fn with_dotenv(environment: &[(&str, &str)], dotenv: &str) -> Sources {
    Sources { dotenv: Some(dotenv.to_owned()), ..sources(environment) }
}

fn load(sources: &Sources) -> Loaded {
    Settings::load(sources).unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong, a sentence a line.
fn refused(sources: &Sources) -> String {
    Settings::load(sources).map(|loaded| format!("loaded: {:?}", loaded.settings)).unwrap_err().to_string()
}

/// Value and origin, as `callback-hub config` shows them.
fn shown(loaded: &Loaded, name: &str) -> (String, String) {
    let found = effective(loaded).into_iter().find(|one| one.name == name).expect("a known name");
    (found.value, found.origin)
}
