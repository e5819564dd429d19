//! What is measured, where, and what came out.

use std::fmt;

use serde::Serialize;

use super::effort::Effort;
use super::latency::Latency;

/// A database, as it is or with a sync that takes so many milliseconds more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Base {
    Sqlite,
    SlowedSqlite(u64),
    Postgres,
}

/// Who takes turns on a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Role {
    /// An endpoint that only verifies and parses.
    Ceiling,
    Journal,
    OneByOne,
    /// The same rows without a hub.
    Raw,
    Pgbench,
    /// Two hubs on the journal's database.
    Replicas,
    /// The journal at half of what it has just done, by a timetable.
    HalfRate,
    /// The journal under events that complete their tasks.
    Completed,
    /// The same with webhooks that each of them matches.
    Heard,
}

/// One measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    pub round: usize,
    pub base: Base,
    pub role: Role,
    pub connections: usize,
    pub per_second: f64,
    /// Commits per callback; none where nothing is committed, or nobody counts.
    pub commits: Option<f64>,
    pub latency: Option<Latency>,
    pub effort: Effort,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.pad("SQLite"),
            Self::SlowedSqlite(millis) => f.pad(&format!("SQLite, sync + {millis} ms")),
            Self::Postgres => f.pad("PostgreSQL"),
        }
    }
}

impl From<Base> for String {
    fn from(base: Base) -> Self {
        base.to_string()
    }
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ceiling => "no database",
            Self::Journal => "journal",
            Self::OneByOne => "one by one",
            Self::Raw => "raw loop",
            Self::Pgbench => "pgbench",
            Self::Replicas => "two replicas",
            Self::HalfRate => "journal, half rate",
            Self::Completed => "completed",
            Self::Heard => "completed, 20 webhooks",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.as_str().to_owned()
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { round, base, role, connections, per_second, .. } = self;
        write!(f, "round {}  {connections:>3} connections  {base:<20}  {role:<22}  {per_second:>8.0}/s", round + 1)?;
        let Some(Latency { p50, p99, p999 }) = self.latency else { return Ok(()) };
        write!(f, "  {p50:>7.2} / {p99:>7.2} / {p999:>7.2} ms")
    }
}
