//! `callback-hub receive`: a subscriber that verifies what webhooks bring, and prints it. Needs no hub.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use clap::Args;
use console::Style;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::operate::{escaped, plain};
use super::{Failure, Outcome, say};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Credentials, Signature};
use crate::generator::mac::{any_equal, sha256};
use crate::lifecycle::Lifecycle;
use crate::relay::envelope::{headers, refuse_secret};

/// Older ones may have been recorded and sent again by anybody (what Standard Webhooks' libraries take).
const TOLERANCE: i64 = 300;
/// In bytes.
const LARGEST: usize = 64 << 20;
/// Ids of deliveries.
const REMEMBERED: usize = 100_000;

#[derive(Args)]
pub(super) struct Arguments {
    /// The webhook's; without it nothing is verified
    #[arg(long)]
    secret: Option<String>,
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// 0 lets the system choose
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// What is answered to what holds
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// End after so many
    #[arg(long)]
    count: Option<usize>,
    /// A JSON document a line
    #[arg(long)]
    json: bool,
}

struct Desk {
    secret: Option<String>,
    status: StatusCode,
    json: bool,
    seen: Mutex<HashSet<String>>,
    left: Mutex<Option<usize>>,
    enough: CancellationToken,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let Arguments { secret, host, port, status, count, json } = arguments;
    let usage = |text: String| Failure::Usage(anyhow::anyhow!(text));
    if let Some(fault) = secret.as_deref().and_then(|secret| refuse_secret(secret).err()) {
        return Err(usage(format!("--secret {fault}")));
    }
    let status = StatusCode::from_u16(status).map_err(|_| usage("--status must be 100 to 999".to_owned()))?;
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(std::time::Duration::ZERO).map_err(anyhow::Error::from)?;
    let listener = TcpListener::bind((host.as_str(), port)).await.with_context(|| format!("cannot listen on {host}:{port}"))?;
    let address: SocketAddr = listener.local_addr().context("the socket")?;
    eprintln!("callback-hub: webhooks may send to http://{address}/ ; Ctrl-C ends");
    if secret.is_none() {
        eprintln!("callback-hub: without --secret nothing is verified");
    }
    let enough = lifecycle.stopping().clone();
    let (seen, left) = (Mutex::default(), Mutex::new(count));
    let desk = Arc::new(Desk { secret, status, json, seen, left, enough: enough.clone() });
    let router = Router::new().fallback(take).layer(DefaultBodyLimit::max(LARGEST)).with_state(desk);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { enough.cancelled().await })
        .await
        .context("the listener failed")?;
    Ok(())
}

async fn take(State(desk): State<Arc<Desk>>, sent: HeaderMap, body: Bytes) -> StatusCode {
    let verdict = verdict(desk.secret.as_deref(), &sent, &body, Clock::System.now());
    let id = header(&sent, "webhook-id").unwrap_or_default();
    // whoever forges one does not get to say which were seen
    let again = verdict.is_ok() && desk.has_seen(&id);
    let content: Option<Value> = serde_json::from_slice(&body).ok();
    let status = if verdict.is_err() { StatusCode::UNAUTHORIZED } else { desk.status };
    if desk.json {
        let verified = match &verdict {
            Ok(signature) => json!(signature.is_some()),
            Err(_) => json!(false),
        };
        let body = content.unwrap_or_else(|| json!(String::from_utf8_lossy(&body)));
        say(escaped(&json!({"id": id, "verified": verified, "fault": verdict.err(), "again": again, "answered": status.as_u16(), "body": body}).to_string()));
    } else {
        say(line(&id, &verdict, again, content.as_ref(), &body));
    }
    desk.count();
    status
}

impl Desk {
    fn has_seen(&self, id: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == REMEMBERED {
            seen.clear();
        }
        !id.is_empty() && !seen.insert(id.to_owned())
    }

    fn count(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = left.as_mut() {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.enough.cancel();
            }
        }
    }
}

fn line(id: &str, verdict: &Result<Option<&'static str>, String>, again: bool, content: Option<&Value>, body: &[u8]) -> String {
    let told = match verdict {
        Ok(Some(signature)) => Style::new().green().apply_to(format!("verified ({signature})")).to_string(),
        Ok(None) => "not verified".to_owned(),
        Err(fault) => Style::new().red().apply_to(format!("REFUSED: {fault}")).to_string(),
    };
    let event = content.and_then(|content| content["event"].as_str()).unwrap_or("?");
    let again = if again { ", seen before" } else { "" };
    let shown = content.map_or_else(|| String::from_utf8_lossy(body).into_owned(), |content| format!("{content:#}"));
    let shown: Vec<String> = shown.lines().map(|line| format!("  {}", plain(line))).collect();
    format!("{} {} {told}{again}\n{}", plain(event), plain(id), shown.join("\n"))
}

/// How the delivery proves itself, if there is a secret to hold it against.
fn verdict(secret: Option<&str>, sent: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Option<&'static str>, String> {
    let Some(secret) = secret else { return Ok(None) };
    let kinds = [
        (Signature::Standard, "webhook-signature", Some("webhook-timestamp")),
        (Signature::Idp, "x-idp-signature", Some("x-idp-timestamp")),
        (Signature::Sha256, "x-webhook-signature", None),
    ];
    let found = kinds.into_iter().find_map(|(kind, name, time)| Some((kind, name, time, header(sent, name)?)));
    let Some((kind, name, time, claimed)) = found else { return Err("it is not signed".to_owned()) };
    let at = match time {
        None => now,
        Some(name) => {
            let seconds =
                header(sent, name).and_then(|text| text.parse().ok()).ok_or(format!("{name} is missing, or no number"))?;
            if now.secs().abs_diff(seconds) > TOLERANCE.unsigned_abs() {
                return Err(format!("{name} is more than {TOLERANCE} seconds off"));
            }
            Timestamp::from_secs(seconds)
        }
    };
    let id = header(sent, "webhook-id").unwrap_or_default();
    let credentials = Credentials { secret: Some(secret.to_owned()), ..Credentials::default() };
    let right = headers(kind, &credentials, &id, at, body).map_err(|error| error.to_string())?;
    let right = right.into_iter().find(|(own, _)| own == name).map(|(_, value)| value);
    let right = right.ok_or_else(|| format!("{name} cannot be made"))?;
    // several with spaces, while a secret is rotated
    let claimed: Vec<Vec<u8>> = claimed.split(' ').map(|one| one.as_bytes().to_vec()).collect();
    let holds = bool::from(any_equal(&[sha256([right.as_bytes()])], &claimed));
    if holds { Ok(Some(kind.as_str())) } else { Err(format!("{name} does not hold: another secret, or another body")) }
}

fn header(sent: &HeaderMap, name: &str) -> Option<String> {
    sent.get(name)?.to_str().ok().map(ToOwned::to_owned)
}
