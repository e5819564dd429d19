//! What the service must not start with, as far as settings can tell.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Settings;
use super::generators::GeneratorSettings;
use super::names::capitals;
use super::values::{BaseUrl, Host, Secret};

/// One clear sentence each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "CALLBACK_REQUIRE_SIGNATURE is true and no generator has a secret: set CALLBACK_SECRET_KEY or \
         GENERATOR_<NAME>_SECRET, or, to try things out, CALLBACK_REQUIRE_SIGNATURE=false"
    )]
    NoSecret,
    #[error("{name} is a placeholder that everybody knows: set a secret of your own, like `openssl rand -hex 32` makes")]
    Placeholder { name: String },
    #[error("{name} has {bytes} bytes, which can be guessed: it needs 16, better 32")]
    ShortSecret { name: &'static str, bytes: usize },
    #[error(
        "The hub would listen on {host} without any API key: set API_KEYS, make one with `callback-hub keys create`, or \
         listen on 127.0.0.1"
    )]
    NoApiKey { host: Host },
    #[error(
        "CALLBACK_BASE_URL is {base_url}, which generators cannot reach, while SERVER_HOST is {host}: set it to the URL \
         under which generators find the hub"
    )]
    UnreachableBaseUrl { base_url: BaseUrl, host: Host },
    #[error("CALLBACK_BASE_URL has a user name in it, or a password, which every generator would get to see: leave it out")]
    BaseUrlWithUser,
    #[error("DATABASE_URL {reason}")]
    Database { reason: String },
    #[error("{set} is set without {missing}")]
    Unpaired { set: &'static str, missing: &'static str },
    #[error("SERVER_PORT and SERVER_ADMIN_PORT are both {port} of one host: the two listeners need one each")]
    OnePort { port: u16 },
    #[error("{name} must not be zero")]
    Zero { name: &'static str },
    #[error("POLL_MAX_INTERVAL is shorter than POLL_INTERVAL")]
    Intervals,
}

const REFUSED_BELOW: usize = 16;
const WARNED_BELOW: usize = 32;

/// Letters and digits only, in lower case, as [`is_placeholder`] compares them. `.env.example` shows one of these.
const PLACEHOLDERS: [&str; 22] = [
    "admin",
    "apikey",
    "changeit",
    "changethis",
    "default",
    "example",
    "examplesecret",
    "insertsecrethere",
    "letmein",
    "mykey",
    "mysecret",
    "mysecretkey",
    "password",
    "placeholder",
    "replacethis",
    "secret",
    "secretkey",
    "supersecret",
    "test",
    "todo",
    "webhooksecret",
    "whsec",
];

/// Longer ones begin with these, like `your-secret-key-change-in-production`.
const BEGINNINGS: [&str; 5] = ["changeme", "replaceme", "yourapikey", "yoursecret", "yourwebhooksecret"];

impl Settings {
    /// Says whether the service may start, and if so, what it should warn about. `generators` are the
    /// [overrides](Settings::generator_overrides); foreign tables in the database are the store's to refuse.
    ///
    /// # Errors
    /// Everything that forbids the start, at once.
    pub fn check(
        &self,
        generators: &BTreeMap<String, GeneratorSettings>,
        keys_in_database: bool,
    ) -> Result<Vec<String>, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let no_secret = self.callback.secret_key.is_empty() && generators.values().all(|known| known.secret.is_empty());
        if self.callback.require_signature && no_secret {
            refusals.push(Refusal::NoSecret);
        }
        refusals.extend(placeholders(self, generators));
        refusals.extend(self.callback.secret_key.iter().filter_map(|secret| short("CALLBACK_SECRET_KEY", secret)));
        let default = generators.get("default").into_iter().flat_map(|default| &default.secret);
        refusals.extend(default.filter_map(|secret| short("GENERATOR_DEFAULT_SECRET", secret)));
        if let Some(host) = self.server.open_host()
            && self.api.keys.is_empty()
            && !keys_in_database
        {
            refusals.push(Refusal::NoApiKey { host });
        }
        let base_url = self.callback_base_url();
        if !self.server.host.is_loopback() && base_url.is_loopback_or_unspecified() {
            refusals.push(Refusal::UnreachableBaseUrl { base_url, host: self.server.host.clone() });
        } else if base_url.has_user() {
            refusals.push(Refusal::BaseUrlWithUser);
        }
        refusals.extend(self.database.url.kind().err().map(|reason| Refusal::Database { reason }));
        refusals.extend(unpaired(self));
        if self.server.admin().is_some_and(|(host, port)| port != 0 && (&host, port) == (&self.server.host, self.server.port)) {
            refusals.push(Refusal::OnePort { port: self.server.port });
        }
        refusals.extend(zeros(self));
        if self.poll.interval.zip(self.poll.max_interval).is_some_and(|(interval, max)| max < interval) {
            refusals.push(Refusal::Intervals);
        }
        if refusals.is_empty() { Ok(warnings(self, generators)) } else { Err(refusals) }
    }
}

fn placeholders(settings: &Settings, generators: &BTreeMap<String, GeneratorSettings>) -> Vec<Refusal> {
    let delivery = settings.delivery.secret.as_slice();
    let ours = [
        ("CALLBACK_SECRET_KEY", &*settings.callback.secret_key),
        ("API_KEYS", &settings.api.keys),
        ("DELIVERY_SECRET", delivery),
    ];
    let theirs = generators.iter().flat_map(|(name, generator)| {
        [(named(name, "SECRET"), &*generator.secret), (named(name, "API_KEY"), generator.api_key.as_slice())]
    });
    let all = ours.into_iter().map(|(name, secrets)| (name.to_owned(), secrets)).chain(theirs);
    all.filter(|(_, secrets)| secrets.iter().any(is_placeholder)).map(|(name, _)| Refusal::Placeholder { name }).collect()
}

fn is_placeholder(secret: &Secret) -> bool {
    let letters: String = secret.expose().chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let letters = letters.strip_suffix("here").unwrap_or(&letters);
    PLACEHOLDERS.contains(&letters) || BEGINNINGS.iter().any(|beginning| letters.starts_with(beginning))
}

fn short(name: &'static str, secret: &Secret) -> Option<Refusal> {
    let bytes = secret.expose().len();
    (bytes < REFUSED_BELOW && !is_placeholder(secret)).then_some(Refusal::ShortSecret { name, bytes })
}

fn unpaired(settings: &Settings) -> impl Iterator<Item = Refusal> {
    let server = &settings.server;
    let (cert, key) = (server.tls_cert.is_some(), server.tls_key.is_some());
    let pairs = [
        (cert, "SERVER_TLS_CERT", key, "SERVER_TLS_KEY"),
        (key, "SERVER_TLS_KEY", cert, "SERVER_TLS_CERT"),
        (server.tls_client_ca.is_some(), "SERVER_TLS_CLIENT_CA", cert, "SERVER_TLS_CERT"),
        (server.admin_host.is_some(), "SERVER_ADMIN_HOST", server.admin_port.is_some(), "SERVER_ADMIN_PORT"),
    ];
    pairs.into_iter().filter(|(set, _, other, _)| *set && !other).map(|(_, set, _, missing)| Refusal::Unpaired { set, missing })
}

/// Times within which something must happen, or after which it is done again.
fn zeros(settings: &Settings) -> impl Iterator<Item = Refusal> {
    let times = [
        ("SERVER_HEAD_TIMEOUT", settings.server.head_timeout),
        ("SERVER_BODY_TIMEOUT", settings.server.body_timeout),
        ("CALLBACK_TIMEOUT", settings.callback.timeout),
        ("TASK_TIMEOUT", settings.task.timeout()),
        ("POLL_INTERVAL", settings.poll.interval()),
        ("POLL_MAX_INTERVAL", settings.poll.max_interval()),
        ("POLL_TIMEOUT", settings.poll.timeout()),
        ("DELIVERY_TIMEOUT", settings.delivery.timeout),
    ];
    times.into_iter().filter(|(_, time)| *time == Duration::ZERO).map(|(name, _)| Refusal::Zero { name })
}

fn warnings(settings: &Settings, generators: &BTreeMap<String, GeneratorSettings>) -> Vec<String> {
    let is_short = |secrets: &[Secret], bytes| secrets.iter().any(|secret| secret.expose().len() < bytes);
    let mut warnings = Vec::new();
    if is_short(&settings.callback.secret_key, WARNED_BELOW) {
        warnings.push(format!("CALLBACK_SECRET_KEY has fewer than {WARNED_BELOW} bytes"));
    }
    for (name, generator) in generators.iter().filter(|(_, generator)| is_short(&generator.secret, REFUSED_BELOW)) {
        warnings.push(format!("{} has {} bytes, which can be guessed", named(name, "SECRET"), shortest(&generator.secret)));
    }
    if is_short(&settings.api.keys, REFUSED_BELOW) {
        warnings.push(format!("API_KEYS has a key of {} bytes, which can be guessed", shortest(&settings.api.keys)));
    }
    if settings.callback.max_body > settings.callback.max_buffered {
        warnings.push("CALLBACK_MAX_BODY is more than CALLBACK_MAX_BUFFERED, which bounds it".to_owned());
    }
    warnings
}

fn shortest(secrets: &[Secret]) -> usize {
    secrets.iter().map(|secret| secret.expose().len()).min().unwrap_or(0)
}

fn named(generator: &str, key: &str) -> String {
    format!("GENERATOR_{}_{key}", capitals(generator))
}
