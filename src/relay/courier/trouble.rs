//! Why there is no answer, in a few words.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::domain::delivery::Trouble;

use super::Met;
use crate::relay::guard::{Forbidden, NoAddress};

const LONGEST_DETAIL: usize = 200;

pub(super) fn met(error: reqwest::Error, connect_timeout: Duration) -> Met {
    let error = error.without_url();
    if let Some(forbidden) = cause::<Forbidden>(&error) {
        return Met::forbidden(forbidden);
    }
    if error.is_builder() {
        return Met::unsendable("The request cannot be written: its URL or a header is not possible".to_owned());
    }
    if let Some(no_address) = cause::<NoAddress>(&error) {
        return Met::nothing(Trouble::Name, no_address.to_string());
    }
    if error.is_timeout() {
        return Met::nothing(Trouble::Timeout, format!("no connection within {}", spoken(connect_timeout)));
    }
    if let Some(tls) = cause::<rustls::Error>(&error) {
        return Met::nothing(Trouble::Tls, short(&format!("TLS: {tls}")));
    }
    let kind = causes(&error).filter_map(|cause| cause.downcast_ref()).find_map(|error: &io::Error| named(error.kind()));
    let detail = kind.map_or_else(|| causes(&error).last().map(ToString::to_string).unwrap_or_default(), str::to_owned);
    Met::nothing(Trouble::Connection, short(&detail))
}

/// As people say it.
pub(super) fn spoken(duration: Duration) -> String {
    if duration.subsec_millis() == 0 { format!("{} s", duration.as_secs()) } else { format!("{} ms", duration.as_millis()) }
}

/// From the outermost to the innermost; an I/O error does not name what it wraps as its source.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    })
}

fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn named(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("connection refused"),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Some("connection reset"),
        ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => Some("connection closed"),
        ErrorKind::HostUnreachable => Some("host unreachable"),
        ErrorKind::NetworkUnreachable => Some("network unreachable"),
        _ => None,
    }
}

fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_DETAIL).collect()
}
