mod claims;
mod creation;
mod grid;
mod harness;
mod properties;
mod samples;
mod table;
