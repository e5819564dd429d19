mod claims;
mod creation;
mod demo;
mod grid;
mod harness;
mod properties;
mod samples;
mod table;
