//! Text on its way into rows.

use std::borrow::Cow;

use crate::generator::json;

/// JSON text in which no string holds a NUL: neither database keeps those.
pub fn storable(json: &str) -> Cow<'_, str> {
    json::storable(json).map_or(Cow::Borrowed(json), Cow::Owned)
}
