//! The real thing, small: an app on a port of its own, a fresh database for each test, on SQLite and on PostgreSQL.

pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod authority;
pub(crate) mod balancer;
pub(crate) mod callback;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod disk;
pub(crate) mod generator;
pub(crate) mod generators;
pub(crate) mod hole;
pub(crate) mod instructions;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod signing;
pub(crate) mod simulated;
pub(crate) mod socket;
pub(crate) mod subscriber;
pub(crate) mod watcher;
pub(crate) mod webhooks;
pub(crate) mod wire;

pub(crate) use answer::Answer;
pub(crate) use app::{App, SECRET, START};
pub(crate) use database::{Database, Kind};
pub(crate) use subscriber::{Say, Subscriber};
