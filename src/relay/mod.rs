//! Brings deliveries to the webhooks that they are for.
//!
//! A destination is somebody else's word: the [`guard`] says where a request may go, and its answer is what the connection
//! is made with. The [`envelope`] is what a request carries besides its body: signatures, credentials, headers. The
//! [`courier`] makes one request and tells what was heard; what follows from it, `domain::delivery` says.

pub mod courier;
pub mod envelope;
pub mod guard;
