//! Opaque cursors: where a page ended.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

pub const DEFAULT_LIMIT: u64 = 50;
pub const MOST_ITEMS: u64 = 200;
const BETWEEN: char = '\u{1f}';

#[must_use]
pub fn encode(parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(parts.join(&BETWEEN.to_string()))
}

/// Takes away what a page has too many, one of which was asked for; where the next page begins, if there is one: behind the
/// last item, or else where looking has ended.
pub fn cut<T>(items: &mut Vec<T>, limit: u64, id: impl Fn(&T) -> Uuid, looked_to: Option<Uuid>) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).map(id);
    last.or(looked_to).map(|id| encode(&[&id.to_string()]))
}

/// The parts, if there are just as many.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[String; N]> {
    let joined = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let parts: Vec<String> = joined.split(BETWEEN).map(ToOwned::to_owned).collect();
    if joined.contains('\0') { None } else { parts.try_into().ok() }
}

/// A page's size as a query gives it.
#[must_use]
pub fn limit(text: &str) -> Option<u64> {
    text.parse().ok().filter(|limit| (1..=MOST_ITEMS).contains(limit))
}
