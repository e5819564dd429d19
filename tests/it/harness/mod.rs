//! The real thing, small: an app on a port of its own, a fresh database for each test, on SQLite and on PostgreSQL.

pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod process;
pub(crate) mod signing;
pub(crate) mod wire;
