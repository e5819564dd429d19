//! `callback-hub verify`: does a signature hold, why not, and what does the body say? Needs no database.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Outcome, say, settings};
use crate::app::offline;
use crate::clock::Clock;
use crate::domain::event::Claim;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::generator::doctor::{Finding, GREAT_EFFORT, Patient, diagnose};
use crate::generator::entry::Generator;
use crate::generator::keyset::PublishedKeys;
use crate::generator::payload::{Decoded, decode_as_sent, decode_stored};
use crate::generator::raw::RawCallback;
use crate::generator::refusal::Refusal;
use crate::generator::scalar::{Ingress, Trust};
use crate::generator::signature::verify;
use crate::generator::token::CapabilityKeys;
use crate::http::problem::Code;

#[derive(Args)]
pub(super) struct Arguments {
    /// Who is said to have signed
    #[arg(long)]
    generator: String,
    /// As the generator has it; the settings' if absent
    #[arg(long)]
    secret: Option<String>,
    /// `Name: value`, as often as needed
    #[arg(short = 'H', long = "header")]
    headers: Vec<String>,
    /// The raw body: a file, or - for standard input
    #[arg(long, default_value = "-")]
    body: PathBuf,
    /// When it arrived, in Unix seconds; now if absent
    #[arg(long)]
    at: Option<i64>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let usage = |error: String| Failure::Usage(anyhow::anyhow!(error));
    let settings = settings()?.settings;
    if let Some(unsigned) = offline::catalog(&settings)?.find(&arguments.generator).filter(|generator| !generator.signs()) {
        return Err(usage(no_signature(unsigned)));
    }
    let catalog = offline::judge(&settings, &arguments.generator, arguments.secret.as_deref())?;
    let generator =
        catalog.find(&arguments.generator).ok_or_else(|| usage(format!("there is no generator {}", arguments.generator)))?;
    let raw = RawCallback {
        // where all tasks share a path, none stands in it
        task: TaskId::parse("unknown").ok().filter(|_| generator.ingress() == Ingress::Task),
        headers: arguments.headers.iter().map(|header| parsed(header)).collect::<Result<_, _>>().map_err(usage)?,
        query: Vec::new(),
        body: read(&arguments.body)?,
        arrived: arguments.at.map_or_else(|| Clock::System.now(), Timestamp::from_secs),
        url: String::new(),
    };
    let published = PublishedKeys::default();
    let judgement = match verify(raw, generator, &CapabilityKeys::derive(b"", []), &published) {
        Ok(verified) => Judgement { refused: None, body: decode_as_sent(&verified) },
        Err((raw, refusal)) => {
            let patient = Patient {
                raw: &raw,
                body_is_whole: true,
                generator,
                catalog: &catalog,
                published: &published,
                capabilities: None,
                effort: GREAT_EFFORT,
            };
            let finding = diagnose(&patient, &refusal);
            Judgement { refused: Some((refusal, finding)), body: decode_stored(generator, &raw, Claim::default(), false) }
        }
    };
    if arguments.json {
        say(judgement.document());
    } else {
        say(judgement.lines());
    }
    match judgement.refused {
        None => Ok(()),
        Some(_) => Err(Failure::No(anyhow::anyhow!(""))),
    }
}

fn no_signature(generator: &Generator) -> String {
    let proof = match generator.trust() {
        Trust::None => "nothing proves them",
        _ => "the token in its callback URL proves them",
    };
    format!("{} does not sign its callbacks, so that there is no signature to verify: {proof}", generator.name())
}

struct Judgement {
    refused: Option<(Refusal, Option<Finding>)>,
    /// What it says, believed or not.
    body: Result<Decoded, Refusal>,
}

impl Judgement {
    fn document(&self) -> Value {
        let refusal = |refusal: &Refusal| {
            let errors: Vec<_> =
                refusal.errors.iter().map(|error| json!({"field": error.field, "detail": error.detail})).collect();
            json!({"check": Code::from(refusal.code).as_str(), "detail": refusal.detail, "errors": errors})
        };
        let body = match &self.body {
            Err(why) => json!({"refusal": refusal(why)}),
            Ok(Decoded::Custom(event)) => {
                json!({"event": "event", "word": event.name, "task": event.task.as_ref().map(TaskId::as_str)})
            }
            Ok(Decoded::Task(event)) => {
                json!({"event": event.event.name(), "word": event.word, "task": event.claim.named})
            }
        };
        match &self.refused {
            None => json!({"verdict": "holds", "body": body}),
            Some((why, finding)) => json!({"verdict": "refused", "refusal": refusal(why), "finding": finding, "body": body}),
        }
    }

    fn lines(&self) -> String {
        let mut lines = match &self.refused {
            None => vec!["holds".to_owned()],
            Some((why, finding)) => {
                let code = Code::from(why.code).as_str();
                let refused = vec!["refused".to_owned(), format!("  check   {code}"), format!("  detail  {}", why.detail)];
                refused.into_iter().chain(finding.iter().flat_map(diagnosis)).collect()
            }
        };
        lines.extend(match &self.body {
            Err(why) => vec![format!("  but the body is refused: {} ({})", why.detail, Code::from(why.code).as_str())],
            Ok(Decoded::Custom(event)) => vec![format!("  event   of no task (the generator says {})", event.name)],
            Ok(Decoded::Task(event)) => {
                let unnamed = "—";
                let word = event.word.as_deref().unwrap_or(unnamed);
                let task = event.claim.named.as_deref().unwrap_or(unnamed);
                vec![format!("  event   {} (the generator says {word})", event.event.name()), format!("  task    {task}")]
            }
        });
        lines.join("\n")
    }
}

fn diagnosis(finding: &Finding) -> Vec<String> {
    let certainty = match (finding.causes.is_empty(), finding.is_certain) {
        (true, _) => "",
        (false, true) => " (tried out: otherwise it would hold)",
        (false, false) => " (likely)",
    };
    let fails = format!("  fails   {}", finding.check.as_str());
    let causes: Vec<&str> = finding.causes.iter().map(|cause| cause.as_str()).collect();
    let causes = (!causes.is_empty()).then(|| format!("  cause   {}{certainty}", causes.join(", ")));
    [fails].into_iter().chain(causes).chain([format!("  why     {}", finding.detail)]).collect()
}

fn parsed(header: &str) -> Result<(String, Vec<u8>), String> {
    let (name, value) = header.split_once(':').ok_or_else(|| format!("-H {header}: a header is `Name: value`"))?;
    Ok((name.trim().to_owned(), value.trim().as_bytes().to_vec()))
}

pub(super) fn read(path: &PathBuf) -> anyhow::Result<Bytes> {
    if path.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body).context("standard input cannot be read")?;
        return Ok(body.into());
    }
    Ok(fs::read(path).with_context(|| path.display().to_string())?.into())
}
