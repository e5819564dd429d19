//! `callback-hub verify`: does a signature hold, and what does the body say? Needs no database.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Outcome, say, settings};
use crate::app;
use crate::clock::Clock;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::generator::keyset::PublishedKeys;
use crate::generator::payload::{Decoded, decode};
use crate::generator::raw::RawCallback;
use crate::generator::refusal::Refusal;
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
    let catalog = app::judge(&settings()?.settings, &arguments.generator, arguments.secret.as_deref())?;
    let generator =
        catalog.find(&arguments.generator).ok_or_else(|| usage(format!("there is no generator {}", arguments.generator)))?;
    let raw = RawCallback {
        task: TaskId::parse("unknown").ok(),
        headers: arguments.headers.iter().map(|header| parsed(header)).collect::<Result<_, _>>().map_err(usage)?,
        query: Vec::new(),
        body: read(&arguments.body)?,
        arrived: arguments.at.map_or_else(|| Clock::System.now(), Timestamp::from_secs),
        url: String::new(),
    };
    let verdict = match verify(raw, generator, &CapabilityKeys::derive(b"", []), &PublishedKeys::default()) {
        Ok(verified) => Verdict::Holds(Box::new(decode(&verified))),
        Err((_, refusal)) => Verdict::Refused(refusal),
    };
    if arguments.json {
        say(verdict.document());
    } else {
        say(verdict.lines());
    }
    match verdict {
        Verdict::Holds(_) => Ok(()),
        Verdict::Refused(_) => Err(Failure::No(anyhow::anyhow!(""))),
    }
}

enum Verdict {
    Holds(Box<Result<Decoded, Refusal>>),
    Refused(Refusal),
}

impl Verdict {
    fn document(&self) -> Value {
        let refusal = |refusal: &Refusal| {
            let errors: Vec<_> =
                refusal.errors.iter().map(|error| json!({"field": error.field, "detail": error.detail})).collect();
            json!({"check": Code::from(refusal.code).as_str(), "detail": refusal.detail, "errors": errors})
        };
        let body = match self {
            Self::Refused(why) => return json!({"verdict": "refused", "refusal": refusal(why)}),
            Self::Holds(body) => body,
        };
        match body.as_ref() {
            Err(why) => json!({"verdict": "holds", "body": {"refusal": refusal(why)}}),
            Ok(Decoded::Custom(event)) => {
                json!({"verdict": "holds", "body": {"event": "event", "word": event.name, "task": event.task.as_ref().map(TaskId::as_str)}})
            }
            Ok(Decoded::Task(decoded)) => {
                let (event, word, task) = (decoded.event.name(), &decoded.word, &decoded.claim.named);
                json!({"verdict": "holds", "body": {"event": event, "word": word, "task": task}})
            }
        }
    }

    fn lines(&self) -> String {
        let body = match self {
            Self::Refused(why) => {
                return format!("refused\n  check   {}\n  detail  {}", Code::from(why.code).as_str(), why.detail);
            }
            Self::Holds(body) => body,
        };
        match body.as_ref() {
            Err(why) => format!("holds\n  but the body is refused: {} ({})", why.detail, Code::from(why.code).as_str()),
            Ok(Decoded::Custom(event)) => format!("holds\n  event  of no task (the generator says {})", event.name),
            Ok(Decoded::Task(decoded)) => {
                let unnamed = "—";
                let word = decoded.word.as_deref().unwrap_or(unnamed);
                let task = decoded.claim.named.as_deref().unwrap_or(unnamed);
                format!("holds\n  event  {} (the generator says {word})\n  task   {task}", decoded.event.name())
            }
        }
    }
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
