//! How the process ends: softly (finish what was begun) or hard (drop it), and never with a loop dead and the rest alive.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Passed down to everything that runs. Cheap to clone.
#[derive(Clone, Default)]
pub struct Lifecycle {
    leaving: CancellationToken,
    stopping: CancellationToken,
    dropping: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
    hangups: watch::Sender<()>,
}

impl Lifecycle {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when work should be sent elsewhere, though what comes is done.
    #[must_use]
    pub const fn leaving(&self) -> &CancellationToken {
        &self.leaving
    }

    /// Cancelled when no new work should begin.
    #[must_use]
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Cancelled when even begun work should be dropped.
    #[must_use]
    pub const fn dropping(&self) -> &CancellationToken {
        &self.dropping
    }

    pub fn stop(&self) {
        self.leaving.cancel();
        self.stopping.cancel();
    }

    /// Runs a future that the process waits for. It should end when [`Lifecycle::stopping`] says so; if it ends before, or
    /// panics, the process stops with a failing code.
    pub fn spawn_loop(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let lifecycle = self.clone();
        self.spawn(async move {
            let outcome = std::panic::AssertUnwindSafe(future).catch_unwind().await;
            if outcome.is_err() || !lifecycle.stopping.is_cancelled() {
                tracing::error!(name, "a loop that should run for ever has ended; stopping");
                lifecycle.failed.store(true, Ordering::SeqCst);
                lifecycle.stop();
            }
        });
    }

    /// Runs a future that the process waits for at its end.
    #[expect(clippy::disallowed_methods, reason = "the one place where futures are spawned, tracked")]
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let dropping = self.dropping.clone();
        tokio::spawn(self.tasks.track_future(async move {
            tokio::select! {
                () = future => {}
                () = dropping.cancelled() => {}
            }
        }));
    }

    /// Runs a future to its end, even if whoever waits for it goes away. None: it was dropped because the process ends.
    pub async fn see_through<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.spawn(async move {
            // nobody waits any more: it is done all the same
            let _ = reply.send(future.await);
        });
        answer.await.ok()
    }

    /// The first SIGTERM or SIGINT stops softly, the second one hard. For `drain` after the first, the process only says that it
    /// is leaving; another signal cuts that short.
    ///
    /// # Errors
    /// When the process may not listen for signals.
    pub fn listen_for_signals(&self, drain: Duration) -> std::io::Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let lifecycle = self.clone();
        let listen = async move {
            let mut signalled = async || {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            signalled().await;
            lifecycle.leaving.cancel();
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                () = signalled() => {}
                () = lifecycle.stopping.cancelled() => {}
            }
            lifecycle.stop();
            signalled().await;
            lifecycle.dropping.cancel();
        };
        #[expect(clippy::disallowed_methods, reason = "listening for signals must not keep the process alive")]
        tokio::spawn(listen);
        Ok(())
    }

    /// SIGHUP then rings at [`Lifecycle::hangups`], instead of ending the process.
    ///
    /// # Errors
    /// When the process may not listen for signals.
    pub fn listen_for_hangups(&self) -> std::io::Result<()> {
        let (mut hangup, hangups) = (signal(SignalKind::hangup())?, self.hangups.clone());
        let listen = async move {
            while hangup.recv().await.is_some() {
                hangups.send_replace(());
            }
        };
        #[expect(clippy::disallowed_methods, reason = "listening for signals must not keep the process alive")]
        tokio::spawn(listen);
        Ok(())
    }

    /// Changes with each SIGHUP.
    #[must_use]
    pub fn hangups(&self) -> watch::Receiver<()> {
        self.hangups.subscribe()
    }

    /// Waits until everything has ended after [`Lifecycle::stop`], at most `grace` longer, then drops the rest. False: a
    /// loop had died.
    pub async fn ended(&self, grace: Duration) -> bool {
        self.stopping.cancelled().await;
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = self.dropping.cancelled() => {}
            () = tokio::time::sleep(grace) => {
                tracing::warn!("what has not ended by now is dropped");
                self.failed.store(true, Ordering::SeqCst);
            }
        }
        self.dropping.cancel();
        self.tasks.wait().await;
        !self.failed.load(Ordering::SeqCst)
    }
}
