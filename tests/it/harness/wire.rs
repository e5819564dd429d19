//! HTTP by hand, where it matters which bytes go out when.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::signing::{HEADER, signature};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the hub listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, received: Vec::new() }
    }

    /// This end's port, by which the other end's calls can be told.
    pub(crate) fn port(&self) -> u16 {
        self.stream.local_addr().expect("a connected socket").port()
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the hub reads");
    }

    /// False: the other end is closed.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Everything up to and with `end`, out of what has come.
    pub(crate) async fn until(&mut self, end: &[u8]) -> String {
        self.until_or_closed(end).await.expect("the connection was closed without a word")
    }

    /// The same, or none if the connection is closed before anything comes.
    ///
    /// # Panics
    /// If it is closed in the middle.
    pub(crate) async fn until_or_closed(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.received.windows(end.len()).position(|window| window == end) {
                let taken: Vec<u8> = self.received.drain(..at + end.len()).collect();
                return Some(String::from_utf8(taken).expect("text"));
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await.expect("an answer within a minute");
            // a reset is an end, too
            if read.unwrap_or_default() == 0 {
                let cut = String::from_utf8_lossy(&self.received);
                assert_eq!(cut, "", "the connection was closed in the middle");
                return None;
            }
        }
    }

    /// The status of one answer with a JSON object for its body, and that body.
    pub(crate) async fn answer(&mut self) -> (u16, String) {
        let head = self.until(b"\r\n\r\n").await.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).expect("a Content-Length");
        while self.received.len() < length {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await.expect("a body within a minute");
            assert_ne!(read.expect("a body"), 0, "the body was cut");
        }
        let body: Vec<u8> = self.received.drain(..length).collect();
        (status, String::from_utf8(body).expect("text"))
    }
}

/// The head of a signed callback; the body is to follow.
pub(crate) fn head(task: &str, body: &[u8], more: &str) -> Vec<u8> {
    format!(
        "POST /callback/{task} HTTP/1.1\r\nHost: localhost\r\n{HEADER}: {}\r\nContent-Length: {}\r\n{more}\r\n",
        signature(body),
        body.len()
    )
    .into_bytes()
}
