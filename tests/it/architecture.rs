//! What the design promises about the source itself.

use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;

/// Who may import whom; `app`, `cli` and `bench` may import everything, and `main` and `lib` only pass on.
const IMPORTS: [(&str, &[&str]); 22] = [
    ("domain", &[]),
    ("generator", &["domain"]),
    ("subscription", &["domain"]),
    ("store", &["domain"]),
    ("journal", &["domain", "store", "subscription", "clock", "telemetry"]),
    ("rejections", &["domain", "generator", "store", "terms"]),
    ("upstream", &["domain", "generator"]),
    ("terms", &["domain", "generator"]),
    ("cadence", &["domain", "clock", "telemetry"]),
    ("pursuit", &["domain", "generator", "store", "journal", "cadence", "upstream", "terms", "clock", "telemetry"]),
    ("keyring", &["domain", "generator", "cadence", "upstream", "terms", "clock", "telemetry"]),
    ("relay", &["domain", "subscription", "store", "vault", "cadence", "clock", "telemetry"]),
    ("vault", &["domain"]),
    ("registrar", &["domain", "subscription", "store", "relay", "vault", "clock"]),
    ("housekeeping", &["store", "cadence", "clock"]),
    ("pulse", &["domain", "store", "cadence", "clock", "telemetry", "terms"]),
    // of cadence, keyring and pursuit only handles: their figures, and what is found; of the relay not even these
    (
        "http",
        &[
            "domain",
            "generator",
            "subscription",
            "store",
            "journal",
            "registrar",
            "rejections",
            "clock",
            "lifecycle",
            "terms",
            "cadence",
            "pursuit",
            "pulse",
            "keyring",
            "telemetry",
        ],
    ),
    ("settings", &[]),
    ("clock", &["domain"]),
    ("lifecycle", &[]),
    ("simulator", &["domain", "generator", "clock", "lifecycle"]),
    ("telemetry", &["settings"]),
];

/// Crates that have no business in a room.
const FOREIGN: [(&str, &[&str]); 4] = [
    ("domain", &["tokio", "axum", "sea_orm", "tracing"]),
    ("generator", &["tokio", "axum", "sea_orm", "tracing"]),
    ("subscription", &["tokio", "axum", "sea_orm", "tracing"]),
    ("http", &["sea_orm"]),
];

const LONGEST: usize = 350;

struct Source {
    /// From the crate's root.
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![root.join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                found.push(Source { path: path.strip_prefix(root).expect("within").display().to_string(), text });
            }
        }
    }
    assert!(found.len() > 100, "the sources are here: {}", found.len());
    found
}

impl Source {
    fn room(&self) -> &str {
        let inside = self.path.trim_start_matches("src/");
        inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
    }

    /// Lines that are no comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        lines.filter(|(_, line)| !line.starts_with("//"))
    }
}

#[test]
fn rooms_import_only_whom_they_may() {
    let sources = sources();
    let mut faults = Vec::new();
    for source in &sources {
        let room = source.room();
        if ["app", "cli", "bench", "main", "lib"].contains(&room) {
            continue;
        }
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == room) else {
            panic!("{} belongs to no room of the table", source.path);
        };
        for (number, line) in source.code() {
            for (at, _) in line.match_indices("crate::").filter(|(at, _)| !line[..*at].ends_with('$')) {
                let imported: String = line[at + 7..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if imported != room && !allowed.contains(&imported.as_str()) {
                    faults.push(format!("{}:{number}: {line}", source.path));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[rstest]
fn rooms_keep_clear_of_foreign_crates() {
    let sources = sources();
    for (room, crates) in FOREIGN {
        for source in sources.iter().filter(|source| source.room() == room) {
            for (number, line) in source.code() {
                let named = crates.iter().find(|name| line.contains(&format!("{name}::")));
                assert_eq!(named, None, "{}:{number}: {line}", source.path);
            }
        }
    }
}

#[test]
fn only_telemetry_knows_who_collects_traces() {
    for source in sources().iter().filter(|source| source.room() != "telemetry") {
        for (number, line) in source.code() {
            assert!(!line.contains("opentelemetry"), "{}:{number}: {line}", source.path);
        }
    }
}

#[test]
fn only_the_backend_and_the_settings_know_the_databases_names() {
    for source in sources() {
        // the measurements compare the two by name
        let measures = source.room() == "bench" || source.path == "src/cli/bench.rs";
        if source.path.starts_with("src/store/backend/") || source.room() == "settings" || measures {
            continue;
        }
        for (number, line) in source.code() {
            let code = line.split(" // ").next().unwrap_or(line).to_ascii_lowercase();
            for word in ["sqlite", "postgres", "dbbackend"] {
                assert!(!code.contains(word), "{}:{number}: {line}", source.path);
            }
        }
    }
}

#[test]
fn files_stay_short() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines, and {LONGEST} are enough", source.path);
    }
}
