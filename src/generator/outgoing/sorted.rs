//! What came back, sorted: a body to read, or what kept it away.

use bytes::Bytes;

use crate::generator::reply::{Heard, Silence, Trouble, TroubleKind};

pub(super) enum Fault {
    /// 404 or 410.
    Gone,
    Trouble(Trouble),
}

/// The body of a yes: of a 2xx, or of a command that ended well.
pub(super) fn body(heard: &Heard) -> Result<&Bytes, Fault> {
    match heard {
        Heard::Answer { status: 200..=299, body, .. } | Heard::Output { code: Some(0), stdout: body, .. } => Ok(body),
        Heard::Answer { status: 404 | 410, .. } => Err(Fault::Gone),
        _ => Err(Fault::Trouble(trouble(heard))),
    }
}

fn trouble(heard: &Heard) -> Trouble {
    let (kind, retry_after) = match heard {
        Heard::Answer { status, retry_after, .. } => (of_status(*status), *retry_after),
        Heard::Output { .. } => (TroubleKind::Refused, None),
        Heard::Silence(Silence::TooLarge) => (TroubleKind::TooLarge, None),
        Heard::Silence(Silence::Unwritable(_)) => (TroubleKind::Unreadable, None),
        Heard::Silence(Silence::NotSent(_) | Silence::Lost(_)) => (TroubleKind::Unreachable, None),
    };
    Trouble { kind, retry_after, detail: told(heard) }
}

fn of_status(status: u16) -> TroubleKind {
    match status {
        300..=399 => TroubleKind::Redirect,
        401 | 403 => TroubleKind::Denied,
        429 => TroubleKind::Throttled,
        400..=499 => TroubleKind::Refused,
        500..=599 => TroubleKind::ServerError,
        _ => TroubleKind::Unreadable,
    }
}

pub(super) fn unreadable(fact: impl Into<String>) -> Trouble {
    Trouble { kind: TroubleKind::Unreadable, retry_after: None, detail: fact.into() }
}

/// One sentence about what came back, for logs: without a word of a body.
pub(super) fn told(heard: &Heard) -> String {
    match heard {
        Heard::Answer { status, .. } => format!("The generator answered {status}"),
        Heard::Output { code, .. } => {
            code.map_or_else(|| "The command was killed".to_owned(), |code| format!("The command ended with {code}"))
        }
        Heard::Silence(Silence::NotSent(fact) | Silence::Lost(fact) | Silence::Unwritable(fact)) => fact.clone(),
        Heard::Silence(Silence::TooLarge) => "The generator's answer is too large".to_owned(),
    }
}

/// The same with the beginning of what the generator said, for the task's error.
pub(super) fn quoted(heard: &Heard) -> String {
    let said = match heard {
        Heard::Answer { body, .. } => body.as_ref(),
        Heard::Output { stdout, stderr, .. } if stderr.trim().is_empty() => stdout.as_ref(),
        Heard::Output { stderr, .. } => stderr.as_bytes(),
        Heard::Silence(_) => &[],
    };
    with_beginning(told(heard), said)
}

/// In characters.
const SHOWN: usize = 500;

fn with_beginning(fact: String, body: &[u8]) -> String {
    // four bytes a character at most; what is hidden becomes shorter
    let beginning = String::from_utf8_lossy(&body[..body.len().min(8 * SHOWN)]);
    let shown: String = hidden(beginning.trim()).chars().take(SHOWN).collect();
    let shown = shown.replace('\0', "\u{fffd}");
    if shown.is_empty() { fact } else { format!("{fact}: {shown}") }
}

/// Generators that say what is wrong with a request like to repeat it, and a callback URL carries a token.
fn hidden(text: &str) -> String {
    const TOKEN: &str = "token=";
    let mut parts = text.split(TOKEN);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        shown.push_str(TOKEN);
        shown.push('…');
        shown.push_str(part.trim_start_matches(is_token));
    }
    shown
}
