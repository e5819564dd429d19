//! The sections, each a small struct with its defaults. A field's name in capitals behind the section's is the setting's
//! name: `server.host` is `SERVER_HOST`. Serialising a section never gives a secret away.

mod callback;
mod delivery;
mod keys;
mod operation;
mod server;
mod task;

pub use callback::Callback;
pub use delivery::Delivery;
pub use keys::{Api, Secrets};
pub use operation::{Database, Generators, Log, Retention};
pub use server::Server;
pub use task::{Poll, Task};
