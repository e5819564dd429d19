//! Where the hub listens: from before its schema is up to date until its end.

use std::net::{SocketAddr, TcpListener};

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::http::Part;
use crate::http::server::{Bounds, Listener, serve};
use crate::http::tls::Tls;
use crate::http::waiting;
use crate::settings::{Host, Settings};

pub(super) struct Sockets {
    /// Where generators call; and, without another one, everybody.
    public: TcpListener,
    /// For everybody but generators.
    admin: Option<TcpListener>,
}

impl Sockets {
    /// # Errors
    /// Which address cannot be listened on.
    pub(super) fn listen(settings: &Settings) -> Result<Self, StartError> {
        let server = &settings.server;
        let public = listen(&server.host, server.port)?;
        let admin = server.admin().map(|(host, port)| listen(&host, port)).transpose()?;
        Ok(Self { public, admin })
    }

    pub(super) fn address(&self) -> std::io::Result<SocketAddr> {
        self.public.local_addr()
    }

    pub(super) fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.as_ref().unwrap_or(&self.public).local_addr()
    }

    /// Says that the process lives and is not ready, until `work` is done.
    pub(super) async fn answering_meanwhile<T>(&self, tls: Option<Tls>, bounds: Bounds, work: impl Future<Output = T>) -> T {
        let done = CancellationToken::new();
        let answering = self.parts().filter_map(|(socket, part)| {
            let listener = Listener { socket: socket.try_clone().ok()?, router: waiting::router(part), tls: tls.clone() };
            Some(serve(listener, bounds, done.clone()))
        });
        let working = async {
            let outcome = work.await;
            done.cancel();
            outcome
        };
        let (outcome, ended) = tokio::join!(working, join_all(answering));
        for error in ended.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "nobody could be told that the service is starting");
        }
        outcome
    }

    fn parts(&self) -> impl Iterator<Item = (&TcpListener, Part)> {
        let public = if self.admin.is_some() { Part::Callbacks } else { Part::Whole };
        [(&self.public, public)].into_iter().chain(self.admin.as_ref().map(|admin| (admin, Part::Administration)))
    }

    /// Each with what is to be found there.
    pub(super) fn into_parts(self) -> Vec<(TcpListener, Part)> {
        let parts: Vec<Part> = self.parts().map(|(_, part)| part).collect();
        [self.public].into_iter().chain(self.admin).zip(parts).collect()
    }
}

fn listen(host: &Host, port: u16) -> Result<TcpListener, StartError> {
    let failed = |error| StartError::Listen { address: format!("{host}:{port}"), error };
    let listener = TcpListener::bind((host.as_str(), port)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}
