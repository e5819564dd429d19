//! Tasks that are created, say how far they are and complete, one after the other in the place of the one before it: all that
//! the hub does for callbacks happens all the time, and as many tasks are open at the end as at the beginning.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::ledger::Ledger;
use crate::bench::FULL;
use crate::bench::load::{Pace, TAKEN, completed, next_number, progress, read_answer, signed};
use crate::bench::subject::SECRET;
use crate::generator::mac::KeyedMac;
use crate::generator::scalar::Algorithm;

/// Of one task; the last one completes it.
const CALLBACKS: u32 = 10;
/// Tasks that each connection has open; it sends for one after the other.
const OPEN: usize = 16;
/// How an answer begins to a task that is on the disk.
const CREATED: &str = "HTTP/1.1 201";

/// One hub's load.
pub struct Line<'a> {
    pub address: SocketAddr,
    /// Tasks are named after it.
    pub run: &'a str,
    /// Of requests: those that create tasks are part of the timetable.
    pub pace: Pace,
    pub ledger: &'a Mutex<Ledger>,
}

/// Where one task after another is at work.
#[derive(Clone, Copy, Default)]
struct Seat {
    task: Option<usize>,
    /// Callbacks that were sent.
    said: u32,
}

struct Wire {
    stream: TcpStream,
    key: KeyedMac,
    answer: Vec<u8>,
}

impl Line<'_> {
    /// How many requests were answered a second.
    ///
    /// # Errors
    /// When a connection fails, a task is not created, or anything but 200 is answered to a callback.
    pub async fn run(&self) -> anyhow::Result<f64> {
        let (next, began) = (AtomicUsize::new(0), Instant::now());
        let sent = try_join_all((0..FULL).map(|_| self.connection(&next, began))).await?;
        #[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
        let requests = sent.into_iter().sum::<usize>() as f64;
        Ok(requests / began.elapsed().as_secs_f64())
    }

    async fn connection(&self, next: &AtomicUsize, began: Instant) -> anyhow::Result<usize> {
        let (mut wire, mut seats, mut sent) = (Wire::open(self.address).await?, seats(), 0);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= self.pace.most() || self.pace.is_over(began) {
                return Ok(sent);
            }
            let due = self.pace.due(began, index).await;
            self.step(&mut wire, &mut seats[sent % OPEN], due, due.duration_since(began)).await?;
            sent += 1;
        }
    }

    /// A task takes the seat, or the one that has it goes on.
    async fn step(&self, wire: &mut Wire, seat: &mut Seat, due: Instant, since: Duration) -> anyhow::Result<()> {
        let Some(task) = seat.task else {
            let task = self.ledger().open();
            wire.ask(&self.creation(task), CREATED).await.context("a task")?;
            seat.task = Some(task);
            return Ok(());
        };
        let (name, number) = (format!("{}-{task}", self.run), next_number());
        seat.said += 1;
        let is_last = seat.said == CALLBACKS;
        let body = if is_last { completed(&name, number) } else { progress(&name, number) };
        let request = signed(self.address, &name, &wire.key, &body);
        wire.ask(&request, TAKEN).await?;
        let mut ledger = self.ledger();
        ledger.answered(task, number, since, due.elapsed());
        if is_last {
            ledger.completed += 1;
            *seat = Seat::default();
        }
        Ok(())
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn creation(&self, task: usize) -> Vec<u8> {
        let (address, name) = (self.address, format!("{}-{task}", self.run));
        let body = format!(
            r#"{{"id":"{name}","input":{{"prompt":"frame {task}"}},"metadata":{{"order":{task}}},"timeout_seconds":86400}}"#
        );
        let length = body.len();
        format!(
            "POST /api/tasks HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// The first tasks have fewer callbacks, each another number of them, so that not all complete at the same time.
fn seats() -> [Seat; OPEN] {
    let mut turns = (0..CALLBACKS).cycle();
    std::array::from_fn(|_| Seat { task: None, said: turns.next().unwrap_or_default() })
}

impl Wire {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("the hub cannot be reached")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, key: KeyedMac::new(Algorithm::Sha256, SECRET.as_bytes()), answer: vec![0; 8192] })
    }

    async fn ask(&mut self, request: &[u8], wanted: &str) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        read_answer(&mut self.stream, &mut self.answer, wanted).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_few_tasks_complete_at_the_same_time() {
        let mut together = [0; CALLBACKS as usize];
        for seat in seats() {
            together[seat.said as usize] += 1;
        }
        assert!(together.iter().all(|count| (1..=2).contains(count)), "{together:?}");
    }

    #[test]
    fn a_task_is_created_by_the_name_that_its_callbacks_have() {
        let ledger = Mutex::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let line = Line { address, run: "r", pace: Pace::Count(1), ledger: &ledger };
        let text = String::from_utf8(line.creation(7)).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a body");
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["id"], "r-7");
    }
}
