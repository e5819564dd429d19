//! Callback Hub receives the callbacks of external generators, exactly once, and tells how their tasks ended.
//!
//! ```text
//!             generator.toml     generator.toml        pure              group commit
//!  RawCallback ──verify──▶ Verified ──decode──▶ Event ──decide──▶ Decision ──commit──▶ Answer ──▶ 200
//!    (http)                                       ▲                                      │
//!                                                 │ the same door                        │ task, attempt, receipt and
//!         asked the generator, deadline passed ───┤                                      ▼ body in one transaction
//!         submitted, operator cancelled ──────────┘
//! ```
//!
//! | room | what happens there |
//! | --- | --- |
//! | [`domain`] | what an event does to a task: pure; `decide` is the heart |
//! | [`generator`] | bytes to events, as a generator's TOML file says, and the requests that it wants: pure |
//! | [`subscription`] | which webhooks want to hear of an event, and what they are told: pure |
//! | [`store`] | the only room with SQL, one implementation for two databases |
//! | [`journal`] | the one door through which events reach the store: group commit |
//! | [`upstream`] | makes the requests that the hub has for generators: HTTP and command lines |
//! | [`pursuit`] | submits tasks, asks about them when callbacks stay away, stops what is in vain, shows early callbacks in |
//! | [`keyring`] | fetches and refreshes the public keys that generators publish |
//! | [`relay`] | brings deliveries to webhooks: where they may go, what proves them, one request |
//! | [`vault`] | secrets at rest |
//! | [`registrar`] | what somebody wants of a webhook becomes a registration, or a list of what is wrong with it |
//! | [`terms`] | how a generator's tasks are treated: its file under the settings |
//! | [`cadence`] | runs a step on a period, on a hint, until shutdown |
//! | [`rejections`] | the bounded book of refused callbacks |
//! | [`housekeeping`] | what nobody needs any more goes, little by little |
//! | [`pulse`] | how often generators call back, and which have gone quiet |
//! | [`http`] | the route table; one resource a file |
//! | [`settings`] | environment, `.env` and file, typed and checked at start |
//! | [`app`] | the composition root: the only file that knows everyone |
//! | [`lifecycle`] [`clock`] [`telemetry`] | how the process ends, where time comes from, what is logged |
//! | [`cli`] | one command a file |
//! | [`simulator`] | a generator that misbehaves, for `simulate` and `demo`: sees nothing of the hub but its API |
//! | [`mod@bench`] | the measurements of the README |
//!
//! `domain` imports no other room, `generator` and `subscription` only `domain`; nobody but `store` sees the database, nobody
//! but `app` sees all. `tests/it` holds these borders.

pub mod app;
pub mod bench;
pub mod cadence;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod generator;
pub mod housekeeping;
pub mod http;
pub mod journal;
pub mod keyring;
pub mod lifecycle;
pub mod pulse;
pub mod pursuit;
pub mod registrar;
pub mod rejections;
pub mod relay;
pub mod settings;
pub mod simulator;
pub mod store;
pub mod subscription;
pub mod telemetry;
pub mod terms;
pub mod upstream;
pub mod vault;
