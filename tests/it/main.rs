mod claims;
mod creation;
mod grid;
mod properties;
mod samples;
mod table;
