//! The pages, each with its template beside it: what they ask of the API, and what their buttons do.

pub(super) mod callbacks;
pub(super) mod check;
pub(super) mod contents;
pub(super) mod deliveries;
pub(super) mod generators;
pub(super) mod login;
pub(super) mod overview;
pub(super) mod settings;
mod snippets;
pub(super) mod tasks;
mod timeline;
pub(super) mod webhooks;
