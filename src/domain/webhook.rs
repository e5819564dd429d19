//! Webhooks: URLs that want to hear, and what they want to hear.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::task::TaskId;
use super::time::Timestamp;

/// A registration. What must not be read back lies in its [`Credentials`], which are kept apart and encrypted.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub id: Uuid,
    pub name: String,
    pub url: String,
    /// Globs over the names of events; never empty.
    pub events: Vec<String>,
    /// An expression over the letter; without one everything matches.
    pub filter: Option<String>,
    /// The JSON document that is sent instead of the letter.
    pub template: Option<String>,
    pub signature: Signature,
    /// Before attempts 2, 3, …; after the last one a delivery is dead. None: as the settings say.
    pub retry_delays: Option<Vec<Duration>>,
    /// Of one request. None: as the settings say.
    pub timeout: Option<Duration>,
    pub customer_id: Option<String>,
    pub status: Status,
    /// Why it is disabled.
    pub reason: Option<String>,
    /// The only task whose news it hears, if it is a task's own.
    pub task: Option<TaskId>,
    pub origin: Origin,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Of one request.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

impl Webhook {
    /// Deliveries of one lane share a breaker and a number of requests at a time: those of a registration, and those of
    /// all tasks' own webhooks at one host.
    #[must_use]
    pub fn lane(&self) -> String {
        match self.task {
            None => self.id.to_string(),
            Some(_) => format!("{SHARED}{}", authority(&self.url)),
        }
    }

    /// Signed with the settings' secret where it brings none: nobody would be shown one that is made.
    #[must_use]
    pub const fn borrows_secret(&self) -> bool {
        self.task.is_some() || matches!(self.origin, Origin::File)
    }
}

/// How the names of lanes begin that tasks' own webhooks share.
const SHARED: &str = "tasks at ";

/// Whether webhooks of many share the lane.
#[must_use]
pub fn is_shared(lane: &str) -> bool {
    lane.starts_with(SHARED)
}

fn authority(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    /// Deliveries are written, and wait.
    Paused,
    /// Deliveries are dead from the start.
    Disabled,
    /// Gone from the lists; what it has not got is dead.
    Deleted,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Active, Self::Paused, Self::Disabled, Self::Deleted];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// It hears nothing, and will not hear what there is.
    #[must_use]
    pub const fn is_deaf(self) -> bool {
        matches!(self, Self::Disabled | Self::Deleted)
    }
}

/// Who has registered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Api,
    /// The file of the settings; only that can change it.
    File,
}

impl Origin {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::File => "file",
        }
    }
}

/// How deliveries prove that they come from the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`
    Standard,
    /// `X-Webhook-Signature: sha256=<hex>` over the body
    Sha256,
    /// `X-IDP-Timestamp` and `X-IDP-Signature: sha256=<hex>` over the body
    Idp,
    None,
}

impl Signature {
    pub const ALL: [Self; 4] = [Self::Standard, Self::Sha256, Self::Idp, Self::None];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Sha256 => "sha256",
            Self::Idp => "idp",
            Self::None => "none",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.as_str() == text)
    }
}

/// What a subscriber knows the hub by. Its debug output shows none of it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// As it was given: `whsec_…` is decoded for [`Signature::Standard`], else the text is the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The secret before that, while both hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Those before that one, the newest first, as far as they were promised to hold for longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub older: Vec<Previous>,
    /// Sent along with every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    pub secret: String,
    pub until: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    Basic { username: String, password: String },
    Bearer { token: String },
    ApiKey { key_name: String, key_value: String },
}

impl Credentials {
    /// Old secrets that hold at this time, too, the newest first.
    pub fn promised(&self, at: Timestamp) -> impl Iterator<Item = &Previous> {
        self.previous.iter().chain(&self.older).filter(move |previous| previous.until > at)
    }

    /// Another secret takes the first one's place, which holds on until then; without a time no old one holds any longer.
    pub fn rotate(&mut self, secret: String, now: Timestamp, until: Option<Timestamp>) {
        let older = self.promised(now).cloned().collect();
        let before = self.secret.replace(secret);
        self.previous = before.zip(until).map(|(secret, until)| Previous { secret, until });
        self.older = if until.is_some() { older } else { Vec::new() };
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}
