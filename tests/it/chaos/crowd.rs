//! Slow clients by the thousand: they take neither time nor memory from those who send as they should.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Certificate, Client};
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::harness::authority::Authority;
use crate::harness::database::{Database, Kind};
use crate::harness::process::{API_KEY, Process};
use crate::harness::signing::{HEADER, signature};
use crate::harness::wire::head;

/// As far as there are descriptors for them; fewer than the least show nothing.
const CROWD: usize = 1_000;
const LEAST: usize = 300;
const ROUNDS: usize = 3;
const GOOD: usize = 4;
/// Callbacks of each good sender in a round.
const CALLBACKS: usize = 60;
/// For two of the machine's cores, which all of them share.
const GRACE: Duration = Duration::from_millis(25);
/// Between a slow client's bytes.
const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);
/// What the crowd may cost in all, and what may be left of it.
const MOST_EACH: usize = 256 << 10;
const MOST: usize = 64 << 20;

/// What takes them so long.
#[derive(Clone, Copy)]
enum Manner {
    /// Heads come a byte at a time.
    Head,
    /// Bodies do.
    Body,
    /// Answers are not read.
    Deaf,
    /// The TLS handshake comes a byte at a time.
    Greeting,
}

#[rstest]
#[case::in_the_clear(&[Manner::Head, Manner::Body, Manner::Deaf], false)]
#[case::with_tls(&[Manner::Greeting], true)]
#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_slow_nobody_else_down(#[case] manners: &'static [Manner], #[case] tls: bool) {
    let size = CROWD.min(descriptors().saturating_sub(400));
    assert!(size >= LEAST, "at least {} descriptors are needed (ulimit -n)", LEAST + 400);
    let database = Database::fresh(Kind::Sqlite).await;
    let hub = Hub::start(&database.url, tls).await;
    hub.is_asked().await;
    let (memory_before, files_before) = hub.size();
    let (mut without, mut within) = (Vec::new(), Vec::new());
    let mut largest = (0, 0);
    let mut peaks = Vec::new();
    for _ in 0..ROUNDS {
        without.push(hub.is_asked().await);
        let crowd = Crowd::of(size, manners, hub.process.address).await;
        within.push(hub.is_asked().await);
        let (memory, files) = hub.size();
        peaks.push(memory);
        largest = (largest.0.max(memory), largest.1.max(files));
        drop(crowd);
        hub.shrinks_to(usize::MAX, files_before + 16).await;
    }
    let (quiet, crowded) = (median(without), median(within));
    let grown = largest.0.saturating_sub(memory_before) >> 20;
    println!("{size} slow clients: p99 {quiet:.1?} without and {crowded:.1?} with them; {grown} MiB more");
    assert!(crowded <= 2 * quiet + GRACE, "p99 {quiet:?} without the crowd, and {crowded:?} with it");
    assert!(largest.1 <= files_before + size + 64, "{} descriptors, of {files_before} before", largest.1);
    let most = memory_before + MOST + size * MOST_EACH;
    assert!(largest.0 <= most, "{} bytes of memory, of {memory_before} before", largest.0);
    // what one crowd has needed is kept for the next one, which needs no more
    assert!(peaks[ROUNDS - 1] <= peaks[0] + MOST, "{peaks:?} bytes of memory, crowd by crowd");
}

/// How many this process may have, after it has asked for as many as it may ask for; the hub may have as many.
fn descriptors() -> usize {
    let read = || -> (usize, String) {
        let limits = fs::read_to_string("/proc/self/limits").expect("a Linux machine");
        let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line about files");
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields[3].parse().unwrap_or(usize::MAX), fields[4].to_owned())
    };
    let (_, hard) = read();
    // who may not has to do with what he has
    let _ = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &format!("--nofile={hard}:{hard}")]).output();
    read().0
}

fn median(mut figures: Vec<Duration>) -> Duration {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

/// With what good senders need to know of it.
struct Hub {
    process: Process,
    base: String,
    client: Client,
    _folder: TempDir,
}

impl Hub {
    async fn start(database: &str, tls: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let client = Client::builder().no_proxy().pool_idle_timeout(Duration::from_secs(1)).timeout(PATIENCE);
        let (process, client) = if tls {
            let authority = Authority::new();
            authority.server().write(folder.path());
            let path = |file: &str| folder.path().join(file).display().to_string();
            let settings = [("SERVER_TLS_CERT", path("cert.pem")), ("SERVER_TLS_KEY", path("key.pem"))];
            let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let root = Certificate::from_pem(authority.root.as_bytes()).expect("a root");
            (Process::with(database, &settings, &[]).await, client.tls_certs_only([root]))
        } else {
            (Process::start(database).await, client)
        };
        let base = format!("{}://{}", if tls { "https" } else { "http" }, process.address);
        Self { process, base, client: client.build().expect("a client"), _folder: folder }
    }

    /// By some good senders at once: the time in which 99 of 100 callbacks were answered.
    async fn is_asked(&self) -> Duration {
        let times = join_all((0..GOOD).map(|_| self.is_asked_by_one())).await;
        let mut times: Vec<Duration> = times.into_iter().flatten().collect();
        times.sort_unstable();
        times[times.len() * 99 / 100]
    }

    async fn is_asked_by_one(&self) -> Vec<Duration> {
        let created = self.client.post(format!("{}/api/tasks", self.base)).bearer_auth(API_KEY).body("{}").send().await;
        let created = created.expect("an answer").text().await.expect("a body");
        let task: serde_json::Value = serde_json::from_str(&created).expect("JSON");
        let url = format!("{}/callback/{}", self.base, task["id"].as_str().expect("an id"));
        let mut times = Vec::new();
        for number in 0..CALLBACKS {
            let body = json!({"event": "progress", "progress": {"percentage": number}}).to_string();
            let begun = Instant::now();
            let request = self.client.post(&url).header(HEADER, signature(body.as_bytes())).body(body);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            answer.bytes().await.expect("a body");
            times.push(begun.elapsed());
        }
        times
    }

    /// Bytes of memory, and descriptors.
    fn size(&self) -> (usize, usize) {
        let process = Path::new("/proc").join(self.process.pid().to_string());
        let status = fs::read_to_string(process.join("status")).expect("the hub runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line about memory");
        let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
        (kilobytes << 10, fs::read_dir(process.join("fd")).expect("the hub is ours").count())
    }

    async fn shrinks_to(&self, memory: usize, files: usize) {
        let mut ticks = interval(Duration::from_millis(100));
        let shrunk = timeout(PATIENCE, async {
            while self.size().0 > memory || self.size().1 > files {
                ticks.tick().await;
            }
        });
        let shrunk = shrunk.await;
        assert!(shrunk.is_ok(), "{:?} in the end, not {memory} bytes and {files} descriptors", self.size());
    }
}

/// Gone when dropped.
struct Crowd {
    _clients: JoinSet<()>,
}

impl Crowd {
    /// Comes back when all of them are connected.
    async fn of(size: usize, manners: &'static [Manner], hub: SocketAddr) -> Self {
        let (arrived, mut all) = watch::channel(0_usize);
        let mut clients = JoinSet::new();
        for manner in manners.iter().cycle().take(size) {
            clients.spawn(manner.dawdle(hub, arrived.clone()));
        }
        let there = timeout(PATIENCE, all.wait_for(|count| *count >= size)).await;
        there.expect("all are let in").expect("they go on");
        Self { _clients: clients }
    }
}

impl Manner {
    async fn dawdle(self, hub: SocketAddr, arrived: watch::Sender<usize>) {
        let body = vec![b' '; 10_000];
        match self {
            Self::Head => trickle(hub, b"POST /callback/t HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", arrived).await,
            Self::Body => trickle(hub, &head("t", &body, ""), arrived).await,
            // a record of a handshake, of which 512 bytes are to come
            Self::Greeting => trickle(hub, &[0x16, 0x03, 0x01, 0x02, 0x00], arrived).await,
            Self::Deaf => stay_deaf(hub, arrived).await,
        }
    }
}

/// Whoever is thrown out comes again.
async fn trickle(hub: SocketAddr, begin: &[u8], arrived: watch::Sender<usize>) {
    let (mut pauses, mut is_first) = (interval(PAUSE), true);
    loop {
        pauses.tick().await;
        let Ok(mut stream) = TcpStream::connect(hub).await else { continue };
        let mut is_there = stream.write_all(begin).await.is_ok();
        if is_first {
            arrived.send_modify(|count| *count += 1);
            is_first = false;
        }
        while is_there {
            pauses.tick().await;
            is_there = stream.write_all(b"x").await.is_ok();
        }
    }
}

/// Asks for more than fits between the two, and takes the first byte of it, by which the hub is seen to be at it. Where a thousand
/// come at once, the system may turn one away: he comes again.
async fn stay_deaf(hub: SocketAddr, arrived: watch::Sender<usize>) {
    let ask = async || {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4 << 10)?;
        let mut stream = socket.connect(hub).await?;
        stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        stream.read_exact(&mut [0]).await?;
        std::io::Result::Ok(stream)
    };
    let mut pauses = interval(PAUSE);
    let _stream = loop {
        pauses.tick().await;
        if let Ok(stream) = ask().await {
            break stream;
        }
    };
    arrived.send_modify(|count| *count += 1);
    std::future::pending::<()>().await;
}
