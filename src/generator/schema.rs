//! The JSON Schema of a generator's file, for editors. It is written by hand, since it says more than types do: what each
//! key is for. Tests hold it to what the reader takes, and the page about the format to it.

/// JSON Schema, draft 2020-12.
pub const SCHEMA: &str = include_str!("schema.json");
