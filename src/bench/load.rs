//! Signed callbacks over kept-alive connections, written by hand so that the client costs little: in a closed loop, or by a
//! timetable that does not wait for the hub.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::subject::SECRET;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::generator::mac::KeyedMac;
use crate::generator::scalar::Algorithm;

/// So much load on one subject.
pub struct Load<'a> {
    /// Of its replicas; connections are shared out evenly.
    pub addresses: &'a [SocketAddr],
    /// Tasks are named after it.
    pub run: &'a str,
    pub callbacks: Callbacks,
    pub connections: usize,
    pub pace: Pace,
}

/// What callbacks are about.
#[derive(Clone, Copy, Debug)]
pub enum Callbacks {
    /// Progress of any of so many tasks, in random order.
    Progress { tasks: usize },
    /// Each completes a task of its own, from this one on.
    Completed { first: usize },
    /// The same, and the tasks are so many and come in random order.
    CompletedAnywhere { first: usize, tasks: usize },
}

#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As fast as they are answered, for so long.
    For(Duration),
    /// As fast as they are answered, so many.
    Count(usize),
    /// By a timetable: so many, one every so often. One whose time has come while all connections are waiting comes late,
    /// and that counts.
    Every { every: Duration, count: usize },
}

/// One callback that was answered with 200.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Its `event_id`; no other callback has it.
    pub number: u64,
    pub task: usize,
    /// From when it was to be sent.
    pub took: Duration,
}

/// What became of a load.
pub struct Sent {
    pub began: Timestamp,
    pub elapsed: Duration,
    pub answers: Vec<Answer>,
}

/// No callback may look like one that was sent before.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// How an answer begins to a callback that is on the disk.
pub(super) const TAKEN: &str = "HTTP/1.1 200";

impl Pace {
    /// So many a second for so long, whatever the subject does.
    #[must_use]
    pub fn timetable(per_second: f64, time: Duration) -> Self {
        let every = Duration::from_secs_f64(1.0 / per_second.max(1.0));
        let count = usize::try_from(time.as_nanos() / every.as_nanos().max(1)).unwrap_or(usize::MAX);
        Self::Every { every, count }
    }

    pub(super) fn most(self) -> usize {
        match self {
            Self::For(_) => usize::MAX,
            Self::Count(count) | Self::Every { count, .. } => count,
        }
    }

    pub(super) fn is_over(self, began: Instant) -> bool {
        matches!(self, Self::For(time) if began.elapsed() >= time)
    }

    /// Waits until this one is to be sent; the runtime's clock counts in milliseconds, so that up to one comes on top.
    pub(super) async fn due(self, began: Instant, index: usize) -> Instant {
        let Self::Every { .. } = self else { return Instant::now() };
        let due = began + self.after(index);
        tokio::time::sleep_until(due).await;
        due
    }

    /// When this one is to be sent, from the beginning.
    fn after(self, index: usize) -> Duration {
        match self {
            Self::Every { every, .. } => every.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX)),
            Self::For(_) | Self::Count(_) => Duration::ZERO,
        }
    }
}

impl Load<'_> {
    /// # Errors
    /// When a connection fails or anything but 200 is answered.
    pub async fn send(&self) -> anyhow::Result<Sent> {
        let next = AtomicUsize::new(0);
        let (began, clock) = (Clock::System.now(), Instant::now());
        let connections = (0..self.connections).zip(self.addresses.iter().cycle());
        let answers = try_join_all(connections.map(|(_, address)| self.connection(*address, &next, clock))).await?;
        Ok(Sent { began, elapsed: clock.elapsed(), answers: answers.into_iter().flatten().collect() })
    }

    async fn connection(&self, address: SocketAddr, next: &AtomicUsize, began: Instant) -> anyhow::Result<Vec<Answer>> {
        let mut stream = TcpStream::connect(address).await.context("the subject cannot be reached")?;
        stream.set_nodelay(true)?;
        let key = KeyedMac::new(Algorithm::Sha256, SECRET.as_bytes());
        let (mut answer, mut answers) = (vec![0; 8192], Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= self.most() || self.pace.is_over(began) {
                return Ok(answers);
            }
            let due = self.pace.due(began, index).await;
            let number = next_number();
            let task = self.callbacks.task(index, number);
            stream.write_all(&self.request(address, task, number, &key)).await?;
            read_answer(&mut stream, &mut answer, TAKEN).await?;
            answers.push(Answer { number, task, took: due.elapsed() });
        }
    }

    fn most(&self) -> usize {
        match self.callbacks {
            Callbacks::CompletedAnywhere { first, tasks } => self.pace.most().min(tasks.saturating_sub(first)),
            _ => self.pace.most(),
        }
    }

    /// When this one is to be sent, from the beginning.
    pub fn after(&self, index: usize) -> Duration {
        self.pace.after(index)
    }

    fn request(&self, address: SocketAddr, task: usize, number: u64, key: &KeyedMac) -> Vec<u8> {
        let task = format!("{}-{task}", self.run);
        let body = match self.callbacks {
            Callbacks::Progress { .. } => progress(&task, number),
            Callbacks::Completed { .. } | Callbacks::CompletedAnywhere { .. } => completed(&task, number),
        };
        signed(address, &task, key, &body)
    }
}

impl Callbacks {
    fn task(self, index: usize, number: u64) -> usize {
        match self {
            Self::Progress { tasks } => scattered(number, tasks),
            Self::Completed { first } => first + index,
            Self::CompletedAnywhere { first, tasks } => permuted(first + index, tasks),
        }
    }
}

pub(super) fn next_number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// What a generator says that is at work.
pub(super) fn progress(task: &str, number: u64) -> String {
    format!(
        r#"{{"event":"progress","taskId":"{task}","event_id":"{number}","progress":{{"stage":"render","message":"frame {number}"}}}}"#
    )
}

/// What one says that is done.
pub(super) fn completed(task: &str, number: u64) -> String {
    format!(
        r#"{{"event":"completed","taskId":"{task}","event_id":"{number}","result":{{"url":"https://files.example/{number}.mp4","seconds":42}}}}"#
    )
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

/// Tasks are hit in random order, the same each time.
pub(super) fn scattered(number: u64, tasks: usize) -> usize {
    usize::try_from(mixed(number) % tasks.max(1) as u64).unwrap_or_default()
}

/// Neighbours in, strangers out: SplitMix64's mixer.
pub(super) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The same where each task comes once: a prime that divides no such number of tasks.
fn permuted(index: usize, tasks: usize) -> usize {
    const PRIME: u64 = 2_654_435_761;
    usize::try_from((index as u64).wrapping_mul(PRIME) % tasks.max(1) as u64).unwrap_or_default()
}

/// All of one, which must begin as it is wanted.
pub(super) async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8], wanted: &str) -> anyhow::Result<()> {
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
        if !head.starts_with(wanted) {
            bail!("the subject answered {text}");
        }
        return Ok(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_completed_once_and_neighbours_lie_apart() {
        let tasks: Vec<usize> = (0..1000).map(|index| permuted(index, 1000)).collect();
        let apart = tasks.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) > 1).count();
        assert_eq!(apart, 999);
        let mut sorted = tasks;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
    }

    #[test]
    fn a_timetable_does_not_wait() {
        let every = Duration::from_millis(2);
        let load = |pace| Load { addresses: &[], run: "r", callbacks: Callbacks::Progress { tasks: 1 }, connections: 1, pace };
        assert_eq!(load(Pace::Every { every, count: 9 }).after(500), Duration::from_secs(1));
        assert_eq!(load(Pace::Count(9)).after(500), Duration::ZERO);
        let Pace::Every { every, count } = Pace::timetable(200.0, Duration::from_secs(3)) else { panic!("no timetable") };
        assert_eq!((every, count), (Duration::from_millis(5), 600));
    }

    #[test]
    fn tasks_that_are_completed_run_out() {
        let callbacks = Callbacks::CompletedAnywhere { first: 90, tasks: 100 };
        let pace = Pace::For(Duration::from_secs(1));
        assert_eq!(Load { addresses: &[], run: "r", callbacks, connections: 1, pace }.most(), 10);
    }
}
