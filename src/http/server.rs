//! A listener: HTTP/1.1, with TLS or without, a time for heads, a cap on connections, and a graceful end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use axum_server::service::SendService;
use axum_server::{Handle, Server};
use hyper::body::Incoming;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::line::{Line, Speaker, Stand};
use super::tls::Tls;

/// A socket, and what is to be found there.
pub struct Listener {
    pub socket: std::net::TcpListener,
    pub router: Router,
    pub tls: Option<Tls>,
}

/// Bounds of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From a connection's first byte to the end of a request's head; so long a TLS handshake may take before that.
    pub head_timeout: Duration,
    pub connections: usize,
    /// What requests may still take after the stop.
    pub grace: Duration,
}

/// Serves until `stopping`, then lets requests end.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(listener: Listener, bounds: Bounds, stopping: CancellationToken) -> io::Result<()> {
    let Listener { socket, router, tls } = listener;
    let handle = Handle::new();
    let capped = Capped { handle: handle.clone(), most: bounds.connections, stopping: stopping.clone() };
    let server = axum_server::from_tcp(socket)?.handle(handle.clone());
    let last = async move {
        stopping.cancelled().await;
        handle.graceful_shutdown(Some(bounds.grace));
    };
    match tls {
        Some(tls) => run(server.acceptor(tls.acceptor(bounds, capped)), router, bounds, last).await,
        None => run(server.acceptor(capped), router, bounds, last).await,
    }
}

async fn run<A>(server: Server<SocketAddr, A>, router: Router, bounds: Bounds, last: impl Future<Output = ()>) -> io::Result<()>
where
    A: Accept<TcpStream, AddExtension<Router, ConnectInfo<SocketAddr>>> + Clone + Send + Sync + 'static,
    A::Stream: AsyncRead + AsyncWrite + Unpin + Send,
    A::Service: SendService<Request<Incoming>> + Send,
    A::Future: Send,
{
    let mut server = server.http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(bounds.head_timeout);
    let serving = server.serve(router.into_make_service_with_connect_info::<SocketAddr>());
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        () = last => {}
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
        let stand = Stand::default();
        let line = Line::new(stream, stand.clone(), self.stopping.clone());
        std::future::ready(Ok((line, Speaker { inner: service, stand })))
    }
}
