//! The hub's event stream, picked up again where it broke off.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, Response};
use serde_json::Value;

use super::api::Api;
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
    text: String,
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
            Self { api, path, open: None, text: String::new(), last: None, seen: HashSet::new(), order: VecDeque::new() };
        stream.open = Some(stream.connect().await?);
        Ok(stream)
    }

    /// # Errors
    /// When the stream has broken off and cannot be had again.
    pub async fn next(&mut self) -> Result<Told, Failure> {
        let mut tries = 0;
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(told) = self.read(&event) {
                    return Ok(told);
                }
            }
            let chunk = match &mut self.open {
                Some(open) => tokio::time::timeout(SILENCE, open.chunk()).await.ok().and_then(Result::ok).flatten(),
                None => None,
            };
            if let Some(chunk) = chunk {
                tries = 0;
                self.text.push_str(&String::from_utf8_lossy(&chunk));
                continue;
            }
            self.text.clear();
            tries += 1;
            match self.connect().await {
                Ok(open) => self.open = Some(open),
                Err(failure) if tries >= TRIES => return Err(failure),
                Err(_) => self.open = None,
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn connect(&self) -> Result<Response, Failure> {
        let request = self.api.request(Method::GET, &self.path)?.timeout(Duration::MAX);
        let request = if let Some(last) = &self.last { request.header("last-event-id", last) } else { request };
        self.api.send(request).await
    }

    /// None: a comment, or what was told before.
    fn read(&mut self, event: &str) -> Option<Told> {
        let field = |name: &str| {
            let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim_start().to_owned());
            event.lines().find_map(value)
        };
        let (id, name) = (field("id")?, field("event")?);
        let data = serde_json::from_str(&field("data")?).context("an event that is not JSON").ok()?;
        self.last = Some(id.clone());
        if !self.seen.insert(id.clone()) {
            return None;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Some(Told { name, data })
    }
}
