//! The real thing, small: an app on a port of its own, a fresh database for each test, on SQLite and on PostgreSQL.

pub(crate) mod database;
