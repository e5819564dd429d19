//! The listener: HTTP/1.1, with a time for heads, a cap on connections, and a graceful end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::Accept;
use hyper_util::rt::TokioTimer;
use tokio_util::sync::CancellationToken;

use super::endless::{Endless, Line, Speaker};

/// Bounds of the listener.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From a connection's first byte to the end of a request's head.
    pub head_timeout: Duration,
    pub connections: usize,
    /// What requests may still take after the stop.
    pub grace: Duration,
}

/// Serves until `stopping`, then lets requests end.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: std::net::TcpListener,
    router: Router,
    bounds: Bounds,
    stopping: CancellationToken,
) -> io::Result<()> {
    let handle = Handle::new();
    let acceptor = Capped { handle: handle.clone(), most: bounds.connections, stopping: stopping.clone() };
    let mut server = axum_server::from_tcp(listener)?.handle(handle.clone()).acceptor(acceptor).http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(bounds.head_timeout);
    let serving = server.serve(router.into_make_service_with_connect_info::<SocketAddr>());
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        () = stopping.cancelled() => handle.graceful_shutdown(Some(bounds.grace)),
    }
    serving.await
}

/// Closes connections beyond the cap at once.
#[derive(Clone)]
struct Capped {
    handle: Handle<SocketAddr>,
    most: usize,
    stopping: CancellationToken,
}

impl<I: Send + 'static, S: Send + 'static> Accept<I, S> for Capped {
    type Stream = Line<I>;
    type Service = Speaker<S>;
    type Future = std::future::Ready<io::Result<(Line<I>, Speaker<S>)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        if self.handle.connection_count() > self.most {
            return std::future::ready(Err(io::Error::other("too many connections")));
        }
        let endless = Endless::default();
        let line = Line::new(stream, endless.clone(), self.stopping.clone());
        std::future::ready(Ok((line, Speaker { inner: service, endless })))
    }
}
