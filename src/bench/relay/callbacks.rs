//! Callbacks, each of which completes a task of its own, by a timetable that does not wait for the hub.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::bench::load::{read_answer, signed};
use crate::bench::subject::SECRET;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::generator::mac::KeyedMac;
use crate::generator::scalar::Algorithm;

/// So many callbacks to one hub.
pub struct Callbacks<'a> {
    pub address: SocketAddr,
    /// Tasks are named after it.
    pub run: &'a str,
    /// The number of the first task.
    pub first: usize,
    pub count: usize,
    /// From one to the next; zero: all of them as fast as they are taken.
    pub every: Duration,
    /// A callback whose time has come while all of these are waiting comes late, and that counts.
    pub connections: usize,
}

/// What became of them.
pub struct Sent {
    pub began: Timestamp,
    /// From when each was to be sent to its 200.
    pub answered: Vec<Duration>,
}

impl Callbacks<'_> {
    /// # Errors
    /// When a connection fails or anything but 200 is answered.
    pub async fn send(&self) -> anyhow::Result<Sent> {
        let next = AtomicUsize::new(0);
        let (began, clock) = (Clock::System.now(), Instant::now());
        let answered = try_join_all((0..self.connections).map(|_| self.connection(&next, clock))).await?;
        Ok(Sent { began, answered: answered.into_iter().flatten().collect() })
    }

    async fn connection(&self, next: &AtomicUsize, began: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut stream = TcpStream::connect(self.address).await.context("the hub cannot be reached")?;
        stream.set_nodelay(true)?;
        let key = KeyedMac::new(Algorithm::Sha256, SECRET.as_bytes());
        let (mut answer, mut answered) = (vec![0; 8192], Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return Ok(answered);
            }
            let due = began + self.after(number);
            tokio::time::sleep_until(due).await;
            tokio::io::AsyncWriteExt::write_all(&mut stream, &self.request(number, &key)).await?;
            read_answer(&mut stream, &mut answer).await?;
            answered.push(due.elapsed());
        }
    }

    /// When this one is to be sent, from the beginning.
    pub fn after(&self, number: usize) -> Duration {
        self.every.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn request(&self, number: usize, key: &KeyedMac) -> Vec<u8> {
        let task = format!("{}-{}", self.run, self.first + number);
        let body = format!(
            r#"{{"event":"completed","taskId":"{task}","result":{{"url":"https://files.example/{number}.mp4","seconds":42}}}}"#
        );
        signed(self.address, &task, key, &body)
    }
}
