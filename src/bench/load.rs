//! A closed loop of signed progress callbacks over kept-alive connections, written by hand so that the client costs little.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::subject::SECRET;
use crate::generator::mac::KeyedMac;
use crate::generator::scalar::Algorithm;

/// So much load on one subject.
pub struct Load {
    pub address: SocketAddr,
    pub tasks: usize,
    /// Tasks are named after it.
    pub run: String,
    pub connections: usize,
    pub time: Duration,
}

/// No callback may look like one that was sent before.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Load {
    /// How many callbacks were answered with 200, and in which time.
    ///
    /// # Errors
    /// When a connection fails or anything else is answered.
    pub async fn run(self) -> anyhow::Result<(u64, Duration)> {
        let load = Arc::new(self);
        let began = Instant::now();
        let until = began + load.time;
        let connections = (0..load.connections).map(|_| load.clone().connection(until));
        let answered: u64 = try_join_all(connections).await?.into_iter().sum();
        Ok((answered, began.elapsed()))
    }

    async fn connection(self: Arc<Self>, until: Instant) -> anyhow::Result<u64> {
        let mut stream = TcpStream::connect(self.address).await.context("the subject cannot be reached")?;
        stream.set_nodelay(true)?;
        let key = KeyedMac::new(Algorithm::Sha256, SECRET.as_bytes());
        let mut answer = vec![0; 8192];
        let mut answered = 0;
        while Instant::now() < until {
            stream.write_all(&self.request(&key)).await?;
            read_answer(&mut stream, &mut answer).await?;
            answered += 1;
        }
        Ok(answered)
    }

    fn request(&self, key: &KeyedMac) -> Vec<u8> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let task = scattered(number) % (self.tasks.max(1) as u64);
        let (run, address) = (&self.run, self.address);
        let body = format!(
            r#"{{"event":"progress","taskId":"{run}-{task}","event_id":"{number}","progress":{{"stage":"render","message":"frame {number}"}}}}"#
        );
        signed(address, &format!("{run}-{task}"), key, &body)
    }
}

/// A callback about a task, with its signature.
pub(super) fn signed(address: SocketAddr, task: &str, key: &KeyedMac, body: &str) -> Vec<u8> {
    let signature = hex::encode(key.tag(&[body.as_bytes()]));
    let length = body.len();
    format!(
        "POST /callback/{task} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         x-webhook-signature: {signature}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Neighbours in, strangers out (SplitMix64's mixer): tasks are hit in random order, the same each time.
const fn scattered(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

pub(super) async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the subject closed the connection");
        }
        filled += read;
        let text = String::from_utf8_lossy(&buffer[..filled]);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|length| length.parse().ok());
        if body.len() < length.context("an answer without a length")? {
            continue;
        }
        if !head.starts_with("HTTP/1.1 200") {
            bail!("the subject answered {text}");
        }
        return Ok(());
    }
}
