//! What is kept of an answer.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::timeout;

use crate::domain::time::Timestamp;

const LONGEST_SNIPPET: usize = 1024;
const LONGEST_READING: Duration = Duration::from_secs(2);

/// How the body begins, as far as it arrives in time: the status has decided already.
pub(super) async fn beginning(mut response: Response, left: Duration) -> Option<String> {
    let mut bytes = Vec::new();
    let reading = async {
        while bytes.len() < LONGEST_SNIPPET
            && let Ok(Some(chunk)) = response.chunk().await
        {
            bytes.extend_from_slice(&chunk[..chunk.len().min(LONGEST_SNIPPET - bytes.len())]);
        }
    };
    let _ = timeout(left.min(LONGEST_READING), reading).await;
    let text = legible(&bytes);
    (!text.is_empty()).then_some(text)
}

/// A subscriber's text, for eyes: cut characters and control characters are replaced.
fn legible(bytes: &[u8]) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let text: String = String::from_utf8_lossy(bytes).replace("\r\n", "\n").trim().chars().map(shown).collect();
    // replacements are longer than what they replace
    text.chars()
        .scan(0, |length, c| {
            *length += c.len_utf8();
            (*length <= LONGEST_SNIPPET).then_some(c)
        })
        .collect()
}

/// Seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // more than can be counted is as long as may be
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Timestamp::from_secs(date.unix_timestamp()).since(now))
}
