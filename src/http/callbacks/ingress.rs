//! The checks of a callback, in the order of the contract. Before the sender is proven nothing is read from the database,
//! and nothing is waited for, so that nobody learns which tasks exist.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::answer::{self, About};
use super::record;
use super::refused::Case;
use crate::domain::task::TaskId;
use crate::generator::entry::Generator;
use crate::generator::payload::{self, Decoded};
use crate::generator::raw::{RawCallback, agreed};
use crate::generator::signature::{Verified, token, verify};
use crate::http::body::{self, Terms};
use crate::http::client;
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;

const SEVERAL: &str = "The query names several generators";

/// A callback at the door.
pub(super) struct Inbound {
    pub method: String,
    pub path: String,
    /// As it was sent: the path with its query.
    target: String,
    pub peer: SocketAddr,
    /// As the path has it.
    pub task: Option<String>,
    pub headers: HeaderMap,
    /// Percent-decoded pairs.
    pub query: Vec<(String, String)>,
    pub body: Body,
    door: Door,
}

/// What a path says about the sender.
#[derive(Clone, Debug)]
pub(super) enum Door {
    /// The query names him; without a word he is this one.
    Own(&'static str),
    /// The path names him, and all his tasks share it.
    Shared(String),
}

/// A callback whose sender is proven.
pub(super) struct Proven {
    pub verified: Verified,
    pub generator: Arc<Generator>,
}

/// How far a callback has come when its sender is known.
pub(super) enum Entrance {
    Proven(Proven),
    /// It is none: only this challenge is to be given back.
    Handshake(String),
}

impl Inbound {
    pub(super) fn new(request: Request<Body>, peer: SocketAddr, task: Option<String>, query: Option<&str>, door: Door) -> Self {
        let (parts, body) = request.into_parts();
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            peer,
            task,
            headers: parts.headers,
            query: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            body,
            door,
        }
    }

    /// The generator that path or query name, or the path's default; none if the query names several.
    pub(super) fn generator_name(&self) -> Option<&str> {
        match &self.door {
            Door::Shared(generator) => Some(generator),
            Door::Own(default) => Some(agreed(self.values("generator")).ok()?.unwrap_or(default)),
        }
    }

    fn task(&self) -> Option<TaskId> {
        self.task.as_deref().and_then(|task| TaskId::parse(task).ok())
    }

    /// All values of a query parameter.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(super) async fn take_single(hub: Arc<Hub>, inbound: Inbound) -> Response {
    let mut case = Case::open(&hub, &inbound);
    let answer = match single(&hub, inbound, &mut case).await {
        Ok(response) => response,
        Err(problem) => case.close(&hub, problem).into_response(),
    };
    case.end(answer.status());
    answer
}

async fn single(hub: &Hub, inbound: Inbound, case: &mut Case) -> Result<Response, Problem> {
    let door = inbound.door.clone();
    let proven = match prove(hub, inbound, case).await? {
        Entrance::Proven(proven) => proven,
        Entrance::Handshake(reply) => return Ok(answer::handshake(reply)),
    };
    let decoded = match door {
        Door::Shared(_) => payload::decode_shared(&proven.verified)?,
        Door::Own(_) => payload::decode(&proven.verified)?,
    };
    case.lap("decode");
    if matches!((door, &decoded), (Door::Own(_), Decoded::Task(event)) if event.task.is_none()) {
        return Err(Problem::of(Code::UnknownTask));
    }
    let arrival = record::Arrival::of(&proven, case.trail.goes_on());
    let about = About::of(&decoded);
    let answer = record::record(hub, arrival.entry(hub, decoded)).await;
    case.lap("record");
    case.trail.recorded(&about, &answer);
    let answer = answer::single(hub, &proven.generator, &about, answer)?;
    hub.pulses.beat(proven.generator.name().as_str());
    Ok(answer)
}

/// Rows 1 to 8 of the contract's table.
pub(super) async fn prove(hub: &Hub, inbound: Inbound, case: &mut Case) -> Result<Entrance, Problem> {
    let ((options, catalog), is_shared) = (hub.configuration(), matches!(inbound.door, Door::Shared(_)));
    if !options.callbacks_enabled {
        return Err(Problem::of(Code::CallbacksDisabled));
    }
    let name = inbound.generator_name();
    let unknown = name.map_or_else(|| Problem::new(Code::UnknownGenerator, SEVERAL), |_| Problem::of(Code::UnknownGenerator));
    // from here on this one, whatever becomes of the catalog meanwhile
    let generator = name.and_then(|name| catalog.find(name).cloned());
    let address = client::address(inbound.peer, &inbound.headers, &options.trusted_proxies);
    let allowed = generator.as_ref().and_then(|generator| generator.allowed_ips()).unwrap_or(&options.allowed_ips);
    if !allowed.is_empty() && !client::contains(allowed, address) {
        return Err(Problem::of(Code::AddressNotAllowed));
    }
    if let Some(seconds) = options.rate_limited(address) {
        return Err(Problem { retry_after: Some(seconds), ..Problem::of(Code::RateLimited) });
    }
    let limit = generator.as_ref().and_then(|generator| generator.max_body()).unwrap_or(options.max_body);
    let terms = Terms { limit, within: options.body_timeout, sender: Some(address) };
    let task = inbound.task();
    let body = body::read(inbound.body, hub.budget(), &terms).await?;
    case.body = body.clone();
    case.lap("receive");
    let Some(generator) = generator else { return Err(unknown) };
    if !generator.methods().any(|method| method == inbound.method) {
        let allow = Some(generator.methods().collect::<Vec<_>>().join(", "));
        let refused = Problem::new(Code::MethodNotAllowed, "This generator's callbacks are not sent by this method");
        return Err(Problem { allow, ..refused });
    }
    let raw = RawCallback {
        task,
        headers: inbound.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
        query: inbound.query,
        body,
        arrived: case.arrived,
        url: format!("{}{}", hub.terms.base_url(), inbound.target),
    };
    if let Some(reply) = generator.handshake(&raw) {
        return Ok(Entrance::Handshake(reply));
    }
    let verified = verify(raw, &generator, hub.terms.capabilities(), hub.terms.published());
    case.lap("verify");
    let verified = verified.map_err(|(raw, refusal)| {
        case.token = token(&raw, &generator, hub.terms.capabilities());
        case.unproven = Some((raw, refusal.clone()));
        refusal
    })?;
    case.token = verified.token();
    if is_shared && !verified.is_proven() {
        return Err(Problem::new(Code::SignatureMissing, "Where all tasks share a path, a signature or a token is needed"));
    }
    Ok(match verified.handshake() {
        Some(reply) => Entrance::Handshake(reply),
        None => Entrance::Proven(Proven { verified, generator }),
    })
}
