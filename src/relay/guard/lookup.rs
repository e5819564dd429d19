//! Who is asked for the addresses of names.

use std::io;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;

/// Addresses, whose ports mean nothing.
pub type Looking = BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

pub trait Lookup: Send + Sync {
    fn addresses(&self, name: &str) -> Looking;
}

/// As every program on this machine would.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Lookup for System {
    fn addresses(&self, name: &str) -> Looking {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    }
}

/// The name leads nowhere, now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DNS: {0}")]
pub(in crate::relay) struct NoAddress(pub String);

impl From<io::Error> for NoAddress {
    fn from(error: io::Error) -> Self {
        let text = error.to_string();
        Self(text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned())
    }
}
