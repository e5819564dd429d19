//! The catalog from outside: over the API, on the command line, and while its files change.

mod checking;
mod listing;
mod reloading;
