//! The hub's event stream, picked up again where it broke off.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::{Method, Response};
use serde_json::Value;

use super::api::{Api, Trouble};
use crate::cli::Failure;

/// Longer than the hub is ever silent.
const SILENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);
/// In a row, without an event between them.
const TRIES: u32 = 30;
/// What comes twice lies close together.
const REMEMBERED: usize = 4096;

/// One event.
pub(super) struct Told {
    pub name: String,
    pub data: Value,
}

pub(super) struct Stream<'a> {
    api: &'a Api,
    path: Vec<&'a str>,
    open: Option<Response>,
    bytes: Vec<u8>,
    last: Option<String>,
    seen: HashSet<String>,
    order: VecDeque<String>,
}

impl<'a> Stream<'a> {
    /// # Errors
    /// When the hub cannot be reached, or does not let us watch.
    pub async fn open(api: &'a Api, path: &[&'a str]) -> Result<Self, Failure> {
        let path = path.to_vec();
        let mut stream =
            Self { api, path, open: None, bytes: Vec::new(), last: None, seen: HashSet::new(), order: VecDeque::new() };
        stream.open = Some(stream.connect().await.map_err(|Trouble { failure, .. }| failure)?);
        Ok(stream)
    }

    /// # Errors
    /// When the stream has broken off and cannot be had again.
    pub async fn next(&mut self) -> Result<Told, Failure> {
        let mut tries = 0;
        loop {
            while let Some(event) = self.take_event() {
                if let Some(told) = self.read(&event)? {
                    return Ok(told);
                }
            }
            let chunk = match &mut self.open {
                Some(open) => tokio::time::timeout(SILENCE, open.chunk()).await.ok().and_then(Result::ok).flatten(),
                None => None,
            };
            if let Some(chunk) = chunk {
                self.bytes.extend_from_slice(&chunk);
                continue;
            }
            self.bytes.clear();
            if tries == TRIES {
                return Err(Failure::No(anyhow!("the stream of events breaks off again and again")));
            }
            if tries > 0 {
                tokio::time::sleep(AGAIN).await;
            }
            tries += 1;
            self.open = match self.connect().await {
                Ok(open) => Some(open),
                Err(Trouble { failure, is_passing }) if !is_passing || tries == TRIES => return Err(failure),
                Err(_) => None,
            };
        }
    }

    async fn connect(&self) -> Result<Response, Trouble> {
        let request = self.api.request(Method::GET, &self.path).map_err(|failure| Trouble { failure, is_passing: false })?;
        let request = request.timeout(Duration::MAX);
        let request = if let Some(last) = &self.last { request.header("last-event-id", last) } else { request };
        self.api.attempt(request).await
    }

    /// A whole one, if there is one: characters and lines may be cut where chunks end.
    fn take_event(&mut self) -> Option<String> {
        let end = self.bytes.windows(2).position(|two| two == b"\n\n")?;
        let event = self.bytes.drain(..end + 2).collect::<Vec<u8>>();
        Some(String::from_utf8_lossy(&event).into_owned())
    }

    /// None: a comment, or what was told before.
    fn read(&mut self, event: &str) -> Result<Option<Told>, Failure> {
        let lines = |name: &'static str| {
            event.lines().filter_map(move |line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim_start_matches(' ')))
        };
        let (Some(id), Some(name)) = (lines("id").next(), lines("event").next()) else { return Ok(None) };
        let data: Vec<&str> = lines("data").collect();
        let data = serde_json::from_str(&data.join("\n")).context("the hub tells what is not JSON")?;
        let told = Told { name: name.to_owned(), data };
        self.last = Some(id.to_owned());
        if !self.seen.insert(id.to_owned()) {
            return Ok(None);
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Ok(Some(told))
    }
}
