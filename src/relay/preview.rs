//! What a delivery that has yet to be sent would send.

use super::sender::render;
use crate::subscription::Template;

/// The letter, or what a webhook's template makes of it today. None: a template that makes nothing of it.
#[must_use]
pub fn would_send(template: Option<&str>, letter: Vec<u8>) -> Option<Vec<u8>> {
    match template {
        None => Some(letter),
        Some(template) => render(Template::compile(template).as_ref(), &letter).ok().map(|body| body.to_vec()),
    }
}
