//! Callback Hub receives the callbacks of external generators, exactly once, and tells how their tasks ended.
//!
//! ```text
//!             generator.toml     generator.toml        pure              group commit
//!  RawCallback ──verify──▶ Verified ──decode──▶ Event ──decide──▶ Decision ──commit──▶ Answer ──▶ 200
//!    (http)                                       ▲                                      │
//!                                                 │ the same door                        │ task, attempt, receipt and
//!         an operator cancelled or retried ───────┘                                      ▼ body in one transaction
//! ```
//!
//! | room | what happens there |
//! | --- | --- |
//! | [`domain`] | what an event does to a task: pure; `decide` is the heart |
//! | [`generator`] | bytes to events, as a generator's TOML file says: pure |
//! | [`store`] | the only room with SQL, one implementation for two databases |
//! | [`journal`] | the one door through which events reach the store: group commit |
//! | [`rejections`] | the bounded book of refused callbacks |
//! | [`http`] | the route table; one resource a file |
//! | [`settings`] | environment, `.env` and file, typed and checked at start |
//! | [`app`] | the composition root: the only file that knows everyone |
//! | [`lifecycle`] [`clock`] [`telemetry`] | how the process ends, where time comes from, what is logged |
//! | [`cli`] | one command a file |
//! | [`simulator`] | a generator that misbehaves, for `simulate` and `demo`; knows no other room but `domain`, `generator`, `clock` |
//! | [`mod@bench`] | the measurements of the README |
//!
//! `domain` imports no other room, `generator` only `domain`; nobody but `store` sees the database, nobody but `app` sees
//! all. `tests/it` holds these borders.

pub mod app;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod generator;
pub mod http;
pub mod journal;
pub mod lifecycle;
pub mod rejections;
pub mod settings;
pub mod simulator;
pub mod store;
pub mod telemetry;
