//! Many watch, and it costs little.

use std::net::SocketAddr;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::process::{API_KEY, Process};
use crate::harness::{Database, Kind};

const MANY: usize = 1000;
/// In bytes, for all of them together.
const MOST: u64 = 50 << 20;

/// Reads until the text has come.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains(wanted) {
        let read = stream.read(&mut buffer).await.expect("an open connection");
        assert_ne!(read, 0, "the hub has closed the connection: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

async fn watch(hub: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(hub).await.expect("a connection");
    let request = format!("GET /api/events HTTP/1.1\r\nhost: {hub}\r\nx-api-key: {API_KEY}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("an open connection");
    let head = until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    stream
}

/// What the process holds in memory, in bytes.
fn resident(hub: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", hub.pid())).expect("a process on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}

#[rstest]
#[tokio::test]
async fn a_thousand_watchers_are_told_and_cost_little(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    let hub = Process::start(&database.url).await;
    let first = watch(hub.address).await;
    let before = resident(&hub);
    let mut watchers = vec![first];
    for _ in 0..MANY / 50 {
        watchers.extend(join_all((0..50).map(|_| watch(hub.address))).await);
    }
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let creating = client.post(format!("http://{}/api/tasks", hub.address)).header("x-api-key", API_KEY);
    let created = creating.body(json!({"id": "told-to-all"}).to_string()).send().await.expect("an answer");
    assert_eq!(created.status(), 201);
    for watcher in &mut watchers {
        until(watcher, "told-to-all").await;
    }
    let cost = resident(&hub).saturating_sub(before);
    assert!(cost < MOST, "{MANY} watchers cost {} KiB", cost / 1024);
    drop(watchers);
    hub.kill().await;
}
