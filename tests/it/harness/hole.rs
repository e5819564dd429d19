//! A way to a server that can turn into a black hole: connections stay open, and nothing comes out at either end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What PostgreSQL is told to end a transaction with; no parameter of a statement looks like it.
const COMMIT: &[u8] = b"COMMIT\0";

/// Gone when dropped, and with it all connections.
pub(crate) struct Hole {
    address: SocketAddr,
    way: Way,
    _work: JoinSet<()>,
}

/// Cheap to clone.
#[derive(Clone)]
struct Way {
    state: Arc<Mutex<State>>,
    /// Connections from before a number are closed.
    closed: watch::Sender<u64>,
    swallows: watch::Sender<bool>,
}

struct State {
    server: SocketAddr,
    /// How often it has become a hole: who is older than that is in it for ever.
    holes: u64,
    is_hole: bool,
    /// It becomes one behind the commit of the transaction that tells of this.
    awaited: Option<Vec<u8>>,
}

impl Hole {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State { server, holes: 0, is_hole: false, awaited: None };
        let (closed, _) = watch::channel(0);
        let (swallows, _) = watch::channel(false);
        let way = Way { state: Arc::new(Mutex::new(state)), closed, swallows };
        let mut work = JoinSet::new();
        work.spawn(accept(listener, way.clone()));
        Self { address, way, _work: work }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The commit of the next transaction that tells of it still reaches the server; from then on, nothing reaches anybody.
    pub(crate) fn open_behind_commit(&self, of: &str) {
        self.way.state().awaited = Some(of.as_bytes().to_vec());
    }

    /// Comes back when it is one.
    pub(crate) async fn is_open(&self) {
        let mut swallows = self.way.swallows.subscribe();
        swallows.wait_for(|swallows| *swallows).await.expect("the way is there");
    }

    /// Whoever comes from now on is let through; who is in it stays there.
    pub(crate) fn close(&self) {
        self.way.state().is_hole = false;
        self.way.swallows.send_replace(false);
    }

    /// The ends of those who are in it hear that their connections are no more.
    pub(crate) fn hang_up(&self) {
        let holes = self.way.state().holes;
        self.way.closed.send_replace(holes);
    }
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the bytes of a connection that was made when there had been so many holes arrive.
    fn passes(&self, made: u64) -> bool {
        let state = self.state();
        !state.is_hole && state.holes == made
    }

    /// That an end has closed a connection is not heard through a hole either.
    async fn end(&self, made: u64) {
        if !self.passes(made) {
            std::future::pending::<()>().await;
        }
    }

    /// What goes to the server on a connection, after all that did since somebody began to wait for it. Whether it arrives: the
    /// commit that is waited for does, and its answer does not.
    fn hear(&self, made: u64, heard: &mut Vec<u8>, bytes: &[u8]) -> bool {
        let mut state = self.state();
        let passes = !state.is_hole && state.holes == made;
        let Some(awaited) = state.awaited.as_ref().filter(|_| passes) else {
            heard.clear();
            return passes;
        };
        heard.extend_from_slice(bytes);
        let told = find(heard, awaited).is_some_and(|at| find(&heard[at..], COMMIT).is_some());
        if told {
            state.awaited = None;
            state.holes += 1;
            state.is_hole = true;
            drop(state);
            self.swallows.send_replace(true);
        } else if find(heard, COMMIT).is_some() {
            // that was another one's
            heard.clear();
        }
        passes
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

async fn accept(listener: TcpListener, way: Way) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        connections.spawn(carry(client, way.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(client: TcpStream, way: Way) {
    let (made, until, server) = {
        let state = way.state();
        // who comes while it is a hole falls into it
        let (made, until) = if state.is_hole { (u64::MAX, state.holes) } else { (state.holes, state.holes + 1) };
        (made, until, state.server)
    };
    let mut closed = way.closed.subscribe();
    let carried = async {
        // who is refused is told so
        let Ok(server) = TcpStream::connect(server).await else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("a TCP socket");
        }
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::select! {
            () = to_server_of(from_client, to_server, &way, made) => {}
            () = to_client_of(from_server, to_client, &way, made) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = closed.wait_for(|closed| *closed >= until) => {}
    }
}

async fn to_server_of(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, way: &Way, made: u64) {
    let (mut buffer, mut heard) = (vec![0; 64 << 10], Vec::new());
    while let Some(bytes) = read(&mut client, &mut buffer).await {
        if way.hear(made, &mut heard, bytes) && server.write_all(bytes).await.is_err() {
            break;
        }
    }
    way.end(made).await;
}

async fn to_client_of(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, way: &Way, made: u64) {
    let mut buffer = vec![0; 64 << 10];
    while let Some(bytes) = read(&mut server, &mut buffer).await {
        if way.passes(made) && client.write_all(bytes).await.is_err() {
            break;
        }
    }
    way.end(made).await;
}

/// None at the end.
async fn read<'a>(from: &mut OwnedReadHalf, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = from.read(buffer).await.ok().filter(|length| *length > 0)?;
    Some(&buffer[..length])
}
