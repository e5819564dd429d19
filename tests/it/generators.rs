//! The catalog from outside: over the API, on the command line, and while its files change.

mod answering;
mod checking;
mod listing;
mod page;
mod reloading;
