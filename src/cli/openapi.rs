//! `callback-hub openapi`

use super::{Outcome, say};
use crate::http;

pub(super) fn run() -> Outcome {
    say(http::document().to_pretty_json().map_err(anyhow::Error::from)?);
    Ok(())
}
