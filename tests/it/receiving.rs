//! What generators are answered: contract.md, section 1.

mod adoption;
mod batch;
mod bounds;
mod errors;
mod handshakes;
mod hostile;
mod limits;
mod nul;
mod order;
mod outcomes;
mod proof;
mod strangers;
mod tokens;
mod trouble;
