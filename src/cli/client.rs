//! The HTTP client of the commands that talk to a hub.

use std::time::Duration;

use anyhow::Context;

/// For requests to a hub: no redirects, no proxy of the environment, an end to waiting.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    let builder =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(Duration::from_secs(90));
    builder.build().context("no HTTP client can be made")
}
