//! A callback as it came in: nothing about it is believed yet.

use bytes::Bytes;

use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawCallback {
    /// The task that the path names; none on a batch.
    pub task: Option<TaskId>,
    /// In the order of arrival; a name may occur more than once, in any case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Percent-decoded.
    pub query: Vec<(String, String)>,
    pub body: Bytes,
    pub arrived: Timestamp,
    /// The full URL that the sender used, for generators that sign it.
    pub url: String,
}

impl RawCallback {
    /// All values of a header.
    pub fn header<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// The first value of the first header that is there.
    #[must_use]
    pub fn first_header<'a>(&'a self, names: &[String]) -> Option<&'a [u8]> {
        names.iter().find_map(|name| self.header(name).next())
    }

    /// All values of a query parameter.
    pub fn parameter<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Values of one parameter that contradict each other: nobody can say which one the sender means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction;

/// The one value of a parameter, however often it stands there.
///
/// # Errors
/// Two of the values differ.
pub fn agreed<'a>(mut values: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>, Contradiction> {
    let first = values.next();
    if values.all(|value| Some(value) == first) { Ok(first) } else { Err(Contradiction) }
}
