//! What is kept of a callback that is refused, for the operator who wonders why.

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use uuid::Uuid;

use super::headers;
use super::ingress::Inbound;
use super::trail::Trail;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::generator::raw::{RawCallback, agreed};
use crate::generator::refusal::{self, Refusal};
use crate::generator::signature::Token;
use crate::http::problem::{Code, FieldProblem, Problem};
use crate::http::state::Hub;
use crate::rejections::{Evidence, KEPT_BODY, Refused};
use crate::store::Rejection;
use crate::telemetry::metrics::Stopwatch;

/// A callback while nobody knows yet whether it will be taken.
pub(super) struct Case {
    pub arrived: Timestamp,
    pub body: Bytes,
    method: String,
    path: String,
    task: Option<String>,
    generator: String,
    headers: HeaderMap,
    attempt: Option<u32>,
    pub token: Token,
    /// What the doctor may look at, where its proof did not hold.
    pub unproven: Option<(RawCallback, Refusal)>,
    watch: Stopwatch,
    pub trail: Trail,
}

impl Case {
    pub(super) fn open(hub: &Hub, inbound: &Inbound) -> Self {
        // made-up names would fill the book with kinds of their own
        let generator = inbound.generator_name().and_then(|name| hub.terms.catalog().find(name).cloned());
        let generator = generator.as_ref().map_or("unknown", |generator| generator.name().as_str());
        let attempt = agreed(inbound.values("attempt")).ok().flatten();
        Self {
            arrived: hub.clock.now(),
            body: Bytes::new(),
            method: inbound.method.clone(),
            path: inbound.path.chars().take(512).collect(),
            task: inbound.task.as_ref().map(|task| task.chars().take(128).filter(|c| !c.is_control()).collect()),
            generator: generator.to_owned(),
            headers: inbound.headers.clone(),
            attempt: attempt.and_then(|attempt| attempt.parse().ok()),
            token: Token::Absent,
            unproven: None,
            watch: Stopwatch::start(),
            trail: Trail::open(&inbound.headers),
        }
    }

    /// A stage ends here.
    pub(super) fn lap(&mut self, stage: &'static str) {
        self.watch.lap(stage);
        self.trail.reach(stage);
    }

    /// It is answered.
    pub(super) fn end(mut self, status: StatusCode) {
        self.trail.answered(&self.generator, status);
        self.watch.stop();
    }

    /// Counts, logs and keeps; gives the problem back.
    pub(super) fn close(&mut self, hub: &Hub, problem: Problem) -> Problem {
        self.trail.refused(self.task.as_deref(), problem.code);
        self.note(hub, &problem, self.task.as_deref(), &self.body);
        problem
    }

    /// The same for an item of a batch, which has a task and bytes of its own.
    pub(super) fn close_item(&self, hub: &Hub, problem: &Problem, task: Option<&TaskId>, body: &Bytes) {
        self.note(hub, problem, task.map(TaskId::as_str), body);
    }

    fn note(&self, hub: &Hub, problem: &Problem, task: Option<&str>, body: &Bytes) {
        let code = problem.code.as_str();
        hub.figures.count_rejection(&self.generator, code);
        if let Some(left_out) = hub.lines.refused.admit(self.arrived.secs()) {
            let left_out = Some(left_out).filter(|&lines| lines > 0);
            tracing::info!(code, generator = self.generator, task, left_out, "callback refused");
        }
        hub.rejections.report(&self.generator, code, self.arrived, || Refused {
            rejection: self.rejection(hub, problem, task, body),
            evidence: self.evidence(),
        });
    }

    fn rejection(&self, hub: &Hub, problem: &Problem, task: Option<&str>, body: &Bytes) -> Rejection {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        // whoever was meant
        let catalog = hub.terms.catalog();
        let secret: Vec<&str> = catalog.iter().flat_map(|generator| generator.secret_headers()).collect();
        Rejection {
            id: Uuid::now_v7(),
            task: task.map(ToOwned::to_owned),
            generator: self.generator.clone(),
            code: problem.code.as_str().to_owned(),
            detail: problem.detail.replace('\0', "\u{fffd}"),
            received_at: self.arrived,
            duration_us: i64::try_from(hub.clock.now().since(self.arrived).as_micros()).unwrap_or(i64::MAX),
            method: self.method.clone(),
            path: self.path.clone(),
            attempt: self.attempt,
            token_attempt: match self.token {
                Token::Holds(attempt) => Some(attempt),
                Token::HoldsForAll => Some(Rejection::OF_NO_ATTEMPT),
                Token::Absent | Token::Wrong => None,
            },
            token_wrong: self.token == Token::Wrong,
            headers: headers::kept(headers, &secret),
            body: body[..body.len().min(KEPT_BODY)].to_vec(),
            body_length: body.len() as u64,
            finding: None,
        }
    }

    /// Without the body, which is held in memory for as short as can be.
    fn evidence(&self) -> Option<Evidence> {
        let (raw, refusal) = self.unproven.as_ref()?;
        Some(Evidence { raw: RawCallback { body: Bytes::new(), ..raw.clone() }, refusal: refusal.clone() })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let errors = refusal.errors.into_iter().map(|error| FieldProblem { field: error.field, detail: error.detail });
        let code = refusal.code.into();
        let fresh = if code == Code::Unavailable { Self::unavailable(refusal.detail) } else { Self::new(code, refusal.detail) };
        Self { errors: errors.collect(), ..fresh }
    }
}

impl From<refusal::Code> for Code {
    fn from(code: refusal::Code) -> Self {
        match code {
            refusal::Code::SignatureMissing => Self::SignatureMissing,
            refusal::Code::TimestampOutOfTolerance => Self::TimestampOutOfTolerance,
            refusal::Code::SignatureInvalid => Self::SignatureInvalid,
            refusal::Code::Unavailable => Self::Unavailable,
            refusal::Code::MalformedBody => Self::MalformedBody,
            refusal::Code::MissingEvent => Self::MissingEvent,
            refusal::Code::UnknownEvent => Self::UnknownEvent,
            refusal::Code::InvalidEvent => Self::InvalidEvent,
        }
    }
}
