//! What a connection's bytes go through, so that it can be cut when the service stops and nothing is owed to whoever is there: he
//! is still greeting, or has not come to the end of his first head; or an answer without an end goes out to him, which ends by
//! then, but who does not read it never hears of that. Whoever reads nothing at all of what he has asked for is cut at any time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{Request, header};
use axum::response::Response;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// For the end to be read, or a head to be ended.
const LAST: Duration = Duration::from_secs(1);
/// Whoever takes nothing of an answer for so long does not read it: what is kept for him, and his place, are needed by others.
const DEAF: Duration = Duration::from_secs(30);

/// How far a connection is.
#[derive(Clone, Default)]
pub(super) struct Stand(Arc<Flags>);

#[derive(Default)]
struct Flags {
    /// Something was asked.
    is_asked: AtomicBool,
    /// An answer without an end goes out.
    is_endless: AtomicBool,
}

impl Stand {
    /// Whether something is owed to whoever is there, and he is waited for.
    fn is_owed(&self) -> bool {
        self.0.is_asked.load(Ordering::Relaxed) && !self.0.is_endless.load(Ordering::Relaxed)
    }
}

/// What the service says on a connection.
#[derive(Clone)]
pub(super) struct Speaker<S> {
    pub inner: S,
    pub stand: Stand,
}

/// What a connection's bytes go through.
pub(super) struct Line<I> {
    inner: I,
    stand: Stand,
    stopping: CancellationToken,
    /// From when on it has to end.
    end: Option<BoxFuture<'static, ()>>,
    /// As long as nothing that is written is taken.
    deaf: Option<Pin<Box<Sleep>>>,
    is_cut: bool,
}

impl<S, B> Service<Request<B>> for Speaker<S>
where
    S: Service<Request<B>, Response = Response, Future: Send + 'static>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let stand = self.stand.clone();
        stand.0.is_asked.store(true, Ordering::Relaxed);
        // on the same connection one may have gone out before
        stand.0.is_endless.store(false, Ordering::Relaxed);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let kind = answer.headers().get(header::CONTENT_TYPE);
            let is_endless = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
            stand.0.is_endless.store(is_endless, Ordering::Relaxed);
            Ok(answer)
        })
    }
}

impl<I> Line<I> {
    pub(super) fn new(inner: I, stand: Stand, stopping: CancellationToken) -> Self {
        Self { inner, stand, stopping, end: None, deaf: None, is_cut: false }
    }

    /// Cuts a connection of which nothing was taken for long.
    fn heard<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deaf = None;
            return written;
        }
        let deaf = self.deaf.get_or_insert_with(|| Box::pin(tokio::time::sleep(DEAF)));
        self.is_cut |= deaf.poll_unpin(context).is_ready();
        if self.is_cut { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
    }

    /// Wakes whoever reads or writes when it is time.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.is_cut && !self.stand.is_owed() {
            let stopping = &self.stopping;
            let end = self.end.get_or_insert_with(|| {
                let stopping = stopping.clone();
                Box::pin(async move {
                    stopping.cancelled().await;
                    tokio::time::sleep(LAST).await;
                })
            });
            self.is_cut = end.poll_unpin(context).is_ready();
        }
        if self.is_cut { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Line<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Line<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.heard(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.heard(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.heard(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
