//! `callback-hub generators`: the catalog, and what is wrong with a file that shall belong to it. Needs no
//! database; but the tokens of URLs that many tasks share are made with a key that may lie there.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;
use serde_json::json;

use super::{Failure, Outcome, say, settings};
use crate::app::{self, StartError, offline};
use crate::generator::entry::Generator;
use crate::generator::explain::Chapter;
use crate::generator::needs::Need;
use crate::generator::schema::SCHEMA;
use crate::http::generators::GeneratorBody;

#[derive(Subcommand)]
pub(super) enum Command {
    /// All generators, and what each of them lacks
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// One generator: how it proves itself, what it needs, a task for it to copy
    Show {
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Is a generator's file good, and what did the hub understand?
    Check {
        /// The file; its name without .toml is the generator's
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a generator's file
    Schema,
}

pub(super) async fn run(command: Command) -> Outcome {
    match command {
        Command::List { json } => list(json),
        Command::Show { name, json } => show(&name, json).await,
        Command::Check { file, json } => check(&file, json),
        Command::Schema => {
            say(SCHEMA.trim_end());
            Ok(())
        }
    }
}

fn list(json: bool) -> Outcome {
    let settings = settings()?.settings;
    let catalog = offline::catalog(&settings)?;
    if json {
        let base_url = offline::callback_base_url(&settings);
        let items: Vec<_> = catalog.iter().map(|generator| GeneratorBody::of(generator, &base_url, None)).collect();
        return print(&json!({"items": items}));
    }
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let name = width(&mut catalog.iter().map(|generator| generator.name().as_str().len()));
    let state = width(&mut catalog.iter().map(|generator| state(generator).chars().count()));
    for generator in catalog.iter() {
        let mark = if generator.experimental() { " (experimental)" } else { "" };
        let about = generator.about().unwrap_or_default();
        let line = format!("{:name$}  {:state$}  {about}{mark}", generator.name().as_str(), self::state(generator));
        say(line.trim_end());
    }
    Ok(())
}

/// Whether it can be used as it is.
fn state(generator: &Generator) -> String {
    let lacks: Vec<String> =
        generator.needs().into_iter().filter(|need| need.required && !need.is_set).map(|need| need.setting).collect();
    if lacks.is_empty() { "configured".to_owned() } else { format!("needs {}", lacks.join(", ")) }
}

async fn show(name: &str, json: bool) -> Outcome {
    let settings = settings()?.settings;
    let catalog = offline::catalog(&settings)?;
    let generator = catalog.find(name).ok_or_else(|| Failure::Usage(anyhow!("{}", catalog.no_such(name))))?;
    let ingress_url = if generator.needs_ingress_token() { offline::ingress_url(&settings, generator).await } else { None };
    let has_token = ingress_url.is_some();
    let body = GeneratorBody::of(generator, &offline::callback_base_url(&settings), ingress_url);
    let command = curl(generator, &offline::own_url(&settings));
    if json {
        let mut document = json!(body);
        document["curl"] = command.into();
        return print(&document);
    }
    let mut lines = head(generator);
    lines.extend(chapters(&generator.explained()));
    lines.extend(needs(&generator.needs()));
    let unminted = (generator.needs_ingress_token() && !has_token).then(|| UNMINTED.to_owned());
    lines.extend(section("callback URL", [body.url().to_owned()].into_iter().chain(unminted)));
    lines.extend(section("a task", command.lines().map(ToOwned::to_owned)));
    lines.extend(section("sources", generator.sources().iter().cloned()));
    lines.extend(section("warnings", generator.warnings()));
    say(lines.join("\n"));
    Ok(())
}

const UNMINTED: &str = "its token is shown here once the hub has started: the key that makes it is made then";

fn check(file: &std::path::Path, json: bool) -> Outcome {
    let wrong_ending = file.extension().is_none_or(|ending| ending != "toml");
    let settings = settings()?.settings;
    let generator = match app::single(&settings, file) {
        Ok(generator) => generator,
        Err(StartError::Catalog(mistake)) if mistake.is_in_file() => {
            if json {
                let sentences = mistake.sentences();
                print(&json!({"good": false, "mistake": sentences.first(), "mistakes": sentences}))?;
                return Err(Failure::No(anyhow!("")));
            }
            return Err(Failure::No(mistake.into()));
        }
        Err(other) => return Err(other.into()),
    };
    let mut warnings = generator.warnings();
    if wrong_ending {
        warnings.insert(0, format!("{} does not end in .toml, and only such files of GENERATORS_DIR are read", file.display()));
    }
    if json {
        let body = GeneratorBody::of(&generator, &offline::callback_base_url(&settings), None);
        return print(&json!({"good": true, "warnings": warnings, "generator": body}));
    }
    let mut lines = vec![format!("{} is good", file.display())];
    lines.extend(head(&generator));
    lines.extend(chapters(&generator.explained()));
    lines.extend(needs(&generator.needs()));
    lines.extend(section("warnings", warnings));
    say(lines.join("\n"));
    Ok(())
}

fn head(generator: &Generator) -> Vec<String> {
    let about = generator.about().map(|about| format!(": {about}")).unwrap_or_default();
    let mut lines = vec![format!("{}{about}", generator.name())];
    if generator.experimental() {
        lines.push("experimental: not all of what its file says is sure".to_owned());
    }
    lines.extend(generator.extends().map(|parent| format!("extends {parent}")));
    lines
}

fn chapters(chapters: &[Chapter]) -> Vec<String> {
    let label = chapters.iter().flat_map(|chapter| &chapter.rows).map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let row = |(name, text): &(String, String)| format!("{name:label$}  {text}");
    chapters.iter().flat_map(|chapter| section(chapter.title, chapter.rows.iter().map(row))).collect()
}

fn needs(needs: &[Need]) -> Vec<String> {
    let name = needs.iter().map(|need| need.setting.len()).max().unwrap_or(0);
    let row = |need: &Need| {
        let state = match (need.is_set, need.required) {
            (true, _) => "set",
            (false, true) => "needed",
            (false, false) => "optional",
        };
        format!("{:name$}  {state:8}  {}", need.setting, need.what)
    };
    section("settings", needs.iter().map(row))
}

/// A title and its rows; nothing without rows.
fn section(title: &str, rows: impl IntoIterator<Item = String>) -> Vec<String> {
    let rows: Vec<String> = rows.into_iter().map(|row| format!("  {row}")).collect();
    if rows.is_empty() { rows } else { [String::new(), title.to_owned()].into_iter().chain(rows).collect() }
}

/// Creates a task, as it stands, from a shell.
fn curl(generator: &Generator, url: &str) -> String {
    let body = format!("{:#}", generator.example()).replace('\'', r"'\''");
    format!(
        "curl -sS \"${{CALLBACK_HUB_URL:-{url}}}/api/tasks\" \\\n  -H \"X-API-Key: $CALLBACK_HUB_KEY\" -H 'Content-Type: application/json' \\\n  -d '{body}'"
    )
}

fn print(document: &serde_json::Value) -> Outcome {
    say(format!("{document:#}"));
    Ok(())
}
