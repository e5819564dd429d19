//! What stands in front of replicas: it asks each whether it is ready, and gives every request to one that is, on a connection of
//! its own. As nginx and haproxy do, it turns to another one only while no byte of the request is on its way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

const LOOK: Duration = Duration::from_millis(50);
/// For a replica to be there, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);
const QUESTION: &[u8] = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const NOBODY: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Gone when dropped.
pub(crate) struct Balancer {
    pub address: SocketAddr,
    replicas: Arc<Replicas>,
    _work: JoinSet<()>,
}

struct Replicas {
    all: Vec<Replica>,
    turn: AtomicUsize,
}

struct Replica {
    address: SocketAddr,
    is_ready: AtomicBool,
    is_out: AtomicBool,
    /// Requests that were given to it, and have no answer yet.
    busy: AtomicUsize,
}

impl Balancer {
    /// Comes back when all of them are ready.
    pub(crate) async fn before(addresses: &[SocketAddr]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let all = addresses.iter().map(|address| Replica {
            address: *address,
            is_ready: AtomicBool::new(false),
            is_out: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
        });
        let replicas = Arc::new(Replicas { all: all.collect(), turn: AtomicUsize::new(0) });
        let mut work = JoinSet::new();
        work.spawn(accept(listener, replicas.clone()));
        for number in 0..addresses.len() {
            work.spawn(look(replicas.clone(), number));
        }
        let balancer = Self { address, replicas, _work: work };
        for number in 0..addresses.len() {
            balancer.until_ready(number).await;
        }
        balancer
    }

    /// It is given nothing any more; comes back when it has answered all that it was given.
    pub(crate) async fn take_out(&self, number: usize) {
        let replica = &self.replicas.all[number];
        replica.is_out.store(true, Ordering::SeqCst);
        until(|| replica.busy.load(Ordering::SeqCst) == 0).await;
    }

    /// It was started anew, and is back when it is ready.
    pub(crate) async fn until_ready(&self, number: usize) {
        let replica = &self.replicas.all[number];
        replica.is_out.store(false, Ordering::SeqCst);
        until(|| replica.is_ready.load(Ordering::SeqCst)).await;
    }
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        let mut ticks = interval(LOOK);
        while !is_so() {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("the replica comes, or comes to an end, in time");
}

async fn look(replicas: Arc<Replicas>, number: usize) {
    let (replica, mut ticks) = (&replicas.all[number], interval(LOOK));
    loop {
        ticks.tick().await;
        let answer = timeout(PATIENCE, async {
            match TcpStream::connect(replica.address).await {
                Ok(stream) => exchange(stream, QUESTION).await,
                Err(_) => Vec::new(),
            }
        });
        let is_ready = answer.await.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200 "));
        replica.is_ready.store(is_ready, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, replicas: Arc<Replicas>) {
    let mut clients = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        clients.spawn(serve(client, replicas.clone()));
        while clients.try_join_next().is_some() {}
    }
}

async fn serve(mut client: TcpStream, replicas: Arc<Replicas>) {
    let Some(request) = request(&mut client).await else { return };
    let answer = replicas.ask(&request).await;
    // who does not wait for his answer does not get it
    let _ = client.write_all(if answer.is_empty() { NOBODY } else { &answer }).await;
    let _ = client.shutdown().await;
}

/// A whole one, which asks for the connection to be closed.
async fn request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut received: Vec<u8> = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(received[..end].to_vec()).ok()?;
    let lines = head.to_ascii_lowercase();
    let length = lines.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(Some(0), |length| length.trim().parse().ok())?;
    while received.len() < end + length {
        if client.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    }
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    Some([head.as_bytes(), &received[end..]].concat())
}

impl Replicas {
    /// Empty: nobody answers.
    async fn ask(&self, request: &[u8]) -> Vec<u8> {
        let asking = async {
            let mut ticks = interval(LOOK);
            loop {
                let first = self.turn.fetch_add(1, Ordering::Relaxed);
                for number in 0..self.all.len() {
                    let replica = &self.all[(first + number) % self.all.len()];
                    if let Some(answer) = replica.ask(request).await {
                        return answer;
                    }
                }
                ticks.tick().await;
            }
        };
        timeout(PATIENCE, asking).await.unwrap_or_default()
    }
}

impl Replica {
    /// None: not a byte of the request is on its way to it.
    async fn ask(&self, request: &[u8]) -> Option<Vec<u8>> {
        self.busy.fetch_add(1, Ordering::SeqCst);
        let is_wanted = self.is_ready.load(Ordering::SeqCst) && !self.is_out.load(Ordering::SeqCst);
        let stream = if is_wanted { TcpStream::connect(self.address).await.ok() } else { None };
        let answer = match stream {
            Some(stream) => Some(exchange(stream, request).await),
            None => None,
        };
        self.busy.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

/// Whatever comes back until the connection is closed.
async fn exchange(mut stream: TcpStream, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if stream.write_all(request).await.is_ok() {
        // a reset after the answer is as good as an end
        let _ = stream.read_to_end(&mut answer).await;
    }
    answer
}
