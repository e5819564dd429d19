//! Where a generator lives. Requests carry its key, so an answer must not lead them elsewhere.

use reqwest::Url;

use crate::generator::request::Unsendable;

/// The beginnings of the URLs in its file, scheme to port, the submission's first.
#[derive(Debug, Default)]
pub(super) struct Hosts(pub Vec<Url>);

impl Hosts {
    /// A URL that an answer tells; it may be relative.
    pub(super) fn own_url(&self, text: &str) -> Result<Url, Unsendable> {
        let unreadable = |_| Unsendable::generator("The URL in the generator's answer cannot be read");
        let url = match self.0.first() {
            Some(base) => base.join(text).map_err(unreadable)?,
            None => Url::parse(text).map_err(unreadable)?,
        };
        if self.0.iter().any(|own| is_at_home(&url, own)) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default();
        Err(Unsendable::generator(format!(
            "The URL in the generator's answer leads to another host, `{host}`, or to another port of it"
        )))
    }

    pub(super) fn first(&self) -> Option<String> {
        let host = self.0.first()?.host_str()?;
        Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
    }
}

/// The same place, or the encrypted door of the same host. Nobody brings credentials of his own.
fn is_at_home(url: &Url, own: &Url) -> bool {
    let same_host = url.host_str() == own.host_str();
    let same_door = url.scheme() == own.scheme() && url.port_or_known_default() == own.port_or_known_default();
    let secure_door = url.scheme() == "https" && url.port_or_known_default() == Some(443);
    let nobody = url.username().is_empty() && url.password().is_none();
    let same_user = url.username() == own.username() && url.password() == own.password();
    same_host && (same_door || secure_door) && (nobody || same_user)
}
