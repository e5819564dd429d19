//! `callback-hub openapi`

use super::Outcome;
use crate::http;

pub(super) fn run() -> Outcome {
    println!("{}", http::document().to_pretty_json().map_err(anyhow::Error::from)?);
    Ok(())
}
