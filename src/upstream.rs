//! Makes requests to generators and brings back what was heard: over HTTP, or from a command.
//!
//! Nothing is followed, retried or read without end here. What an answer means is the `generator` room's business.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::generator::reply::Heard;
use crate::generator::request::Request;

mod command;
mod web;

/// Bytes that are read of an answer over HTTP.
pub const MOST_READ: usize = 8 << 20;

/// The way out to generators; clones share their connections.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: reqwest::Client,
    most_read: usize,
}

impl Upstream {
    /// `most_read`: longer answers over HTTP are not read to their end; usually [`MOST_READ`].
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(most_read: usize) -> reqwest::Result<Self> {
        Ok(Self { client: web::client()?, most_read })
    }

    /// The same way out for answers that are short.
    #[must_use]
    pub fn reading_at_most(&self, most_read: usize) -> Self {
        Self { client: self.client.clone(), most_read }
    }

    /// `timeout` is the whole request's, its answer read; a command brings its own. `now` is what dates are compared with.
    ///
    /// A command is killed, with all that it has started, if this future is dropped before it ends.
    pub async fn make(&self, request: &Request, timeout: Duration, now: Timestamp) -> Heard {
        let made = match request {
            Request::Http(request) => web::answer(&self.client, request, timeout, self.most_read, now).await,
            Request::Command(line) => command::output(line).await,
        };
        made.unwrap_or_else(Heard::Silence)
    }
}
