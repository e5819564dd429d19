//! `POST /api/callbacks/verify`: would this callback be believed, and if not, why? Nothing is kept, no task is looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::event::Claim;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::generator::doctor::{Finding, GREAT_EFFORT, Patient, diagnose};
use crate::generator::entry::Generator;
use crate::generator::payload::{Decoded, decode_as_sent, decode_stored};
use crate::generator::raw::RawCallback;
use crate::generator::refusal::Refusal;
use crate::generator::scalar::Ingress;
use crate::generator::signature::verify;
use crate::http::body::{self, Terms};
use crate::http::fields::Fields;
use crate::http::openapi::{VerifyErrors, arrival_time};
use crate::http::problem::{Code, FieldProblem, Problem};
use crate::http::state::Hub;

/// A callback as it came, or as it is said to have come. One of `body` and `body_base64` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "generator": "default",
    "headers": {"X-Webhook-Signature": "sha256=fe27079123a103c2f7cba09fe467e651a59c7ee348b26b566df4bbf7b6110963"},
    "body": "{\"event\":\"completed\",\"result\":{}}"
}))]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct CallbackToVerify {
    /// Who is said to have sent it.
    generator: String,
    /// Names and values; a list of values for a header that came several times.
    headers: Option<BTreeMap<String, HeaderValues>>,
    /// The raw body, if it is text.
    body: Option<String>,
    /// The raw body of any kind.
    #[schema(format = Byte)]
    body_base64: Option<String>,
    #[schema(schema_with = arrival_time)]
    at: Option<Value>,
    /// The URL's query, decoded: `attempt`, `token`.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    query: Option<BTreeMap<String, String>>,
    /// The URL that it was sent to, for generators that sign it, and for tokens; its query counts as well.
    #[schema(format = "uri", example = "https://hub.example/callback/video-42?attempt=1&token=…")]
    url: Option<String>,
}

/// Of one header.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum HeaderValues {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Verification {
    /// Whether it would be believed.
    holds: bool,
    /// Whether a signature or token proves the sender; not every generator needs one.
    proven: bool,
    generator: String,
    /// What it would be refused with.
    #[schema(example = "signature_invalid")]
    code: Option<&'static str>,
    detail: Option<String>,
    /// The check at which it fails.
    #[schema(example = "content")]
    check: Option<String>,
    #[schema(value_type = Option<FindingBody>)]
    finding: Option<Finding>,
    /// What the body says, whether it is believed or not; null if it cannot be read.
    decoded: Option<DecodedBody>,
    /// Why the body cannot be read.
    undecoded: Option<UndecodedBody>,
}

/// Why a callback's proof does not hold. Never holds a secret, and is never told to the sender.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Finding)]
#[cfg_attr(not(test), expect(dead_code, reason = "describes a finding for the API document; what is sent is the doctor's own"))]
pub struct FindingBody {
    /// `header`, `timestamp`, `length`, `encoding`, `prefix`, `secret`, `algorithm`, `content`, `token`, `keys`; `signature`
    /// where nobody can tell whether it is the secret or the content.
    #[schema(example = "content")]
    check: String,
    /// The likely causes, which apply together; none if nothing that was tried explains it.
    #[schema(example = json!(["newline_stripped"]))]
    causes: Vec<String>,
    /// Whether that was tried out: but for the causes, the signature would hold.
    certain: bool,
    /// The same in sentences.
    detail: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DecodedBody {
    /// `completed`, `failed`, `progress` …; `event` for one that is no task's business
    #[schema(example = "completed")]
    event: &'static str,
    /// The generator's own word for it.
    word: Option<String>,
    /// The id of the job that the body names.
    task: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UndecodedBody {
    #[schema(example = "malformed_body")]
    code: &'static str,
    detail: String,
    errors: Vec<FieldProblem>,
}

/// Verify a callback
///
/// Whether a callback would be believed, at which check it fails and why, and what its body says. Nothing is recorded, and
/// no task is looked at. For finding out why a sender's signature does not hold.
#[utoipa::path(
    post,
    path = "/api/callbacks/verify",
    tag = "receipts",
    request_body(content = CallbackToVerify, content_type = "application/json"),
    responses((status = 200, description = "The verdict, whichever it is", body = Verification), VerifyErrors),
)]
pub async fn verify_callback(State(hub): State<Arc<Hub>>, request: Request<Body>) -> Result<Json<Verification>, Problem> {
    let options = hub.options();
    // quoted as JSON, or in base64, a body may be twice as long
    let limit = options.max_body.saturating_mul(2);
    let terms = Terms { limit, within: options.body_timeout, sender: None };
    let body = body::read(request.into_body(), hub.budget(), &terms).await?;
    let (name, sent) = read(&hub, &body)?;
    let generator = hub.terms.catalog().find(&name).cloned().ok_or_else(|| Problem::of(Code::UnknownGenerator))?;
    let raw = sent.raw(generator.ingress());
    let turn = hub.doctor.clone().acquire_owned().await.map_err(|_| Problem::of(Code::Internal))?;
    let judging = tokio::task::spawn_blocking(move || {
        // kept to the end, though the client may have left
        let _turn = turn;
        judged(&hub, &generator, raw)
    });
    judging.await.map(Json).map_err(|_| Problem::of(Code::Internal))
}

fn read(hub: &Hub, body: &[u8]) -> Result<(String, Sent), Problem> {
    let mut fields = Fields::of_body(body)?;
    let generator = fields.parse("generator", "a generator's name", |text| Some(text.to_owned()));
    let headers: Option<BTreeMap<String, HeaderValues>> =
        fields.take_raw("headers", "an object of names and texts, or lists of texts");
    let text: Option<String> = fields.take_raw("body", "a text; anything else goes into body_base64");
    let text = text.map(String::into_bytes);
    let bytes = fields.parse("body_base64", "base64", |text| STANDARD.decode(text.trim()).ok());
    let at: Option<Value> = fields.take("at", "a time");
    let query: Option<BTreeMap<String, String>> = fields.take_raw("query", "an object of names and texts");
    let url = fields.parse("url", "a URL", |text| text.parse::<reqwest::Url>().ok());
    let arrived = at.map_or_else(|| Some(hub.clock.now()), |at| moment(&at));
    if arrived.is_none() {
        fields.blame("at", "must be RFC 3339, or seconds since 1970");
    }
    if text.is_some() == bytes.is_some() {
        fields.blame("body", "is needed, or body_base64, and not both");
    }
    if generator.is_none() {
        fields.blame("generator", "is needed");
    }
    fields.finish()?;
    let headers = headers.unwrap_or_default().into_iter().flat_map(pairs).collect();
    let arrived = arrived.unwrap_or(Timestamp::EPOCH);
    Ok((generator.unwrap_or_default(), Sent { headers, body: text.or(bytes).unwrap_or_default(), query, url, arrived }))
}

struct Sent {
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    query: Option<BTreeMap<String, String>>,
    url: Option<reqwest::Url>,
    arrived: Timestamp,
}

impl Sent {
    /// Where nobody says where it was sent to, it is where the generator's callbacks are.
    fn raw(self, ingress: Ingress) -> RawCallback {
        let Self { headers, body, query, url, arrived } = self;
        let usual = if ingress == Ingress::Shared { "/hooks/" } else { "/callback/unknown" };
        let path = url.as_ref().map_or(usual, reqwest::Url::path);
        let task = path.rsplit_once("callback/").and_then(|(_, task)| TaskId::parse(task).ok());
        let of_url = url.iter().flat_map(|url| url.query_pairs().into_owned());
        RawCallback {
            task,
            headers,
            query: of_url.chain(query.unwrap_or_default()).collect(),
            body: Bytes::from(body),
            arrived,
            url: url.as_ref().and_then(|url| url.as_str().split('#').next()).unwrap_or_default().to_owned(),
        }
    }
}

fn moment(at: &Value) -> Option<Timestamp> {
    match at {
        Value::Number(seconds) => seconds.as_i64().map(Timestamp::from_secs),
        Value::String(text) => Timestamp::parse(text),
        _ => None,
    }
}

fn pairs((name, values): (String, HeaderValues)) -> Vec<(String, Vec<u8>)> {
    let values = match values {
        HeaderValues::One(value) => vec![value],
        HeaderValues::Several(values) => values,
    };
    values.into_iter().map(|value| (name.clone(), value.into_bytes())).collect()
}

fn judged(hub: &Hub, generator: &Arc<Generator>, raw: RawCallback) -> Verification {
    let terms = &hub.terms;
    let (refused, proven, said) = match verify(raw, generator, terms.capabilities(), terms.published()) {
        Ok(verified) => (None, verified.is_proven(), decode_as_sent(&verified)),
        Err((raw, refusal)) => {
            let patient = Patient {
                raw: &raw,
                body_is_whole: true,
                generator,
                catalog: &terms.catalog(),
                published: terms.published(),
                capabilities: Some(terms.capabilities()),
                effort: GREAT_EFFORT,
            };
            let finding = diagnose(&patient, &refusal);
            (Some((refusal, finding)), false, decode_stored(generator, &raw, Claim::default(), false))
        }
    };
    let (refusal, finding) = refused.map_or((None, None), |(refusal, finding)| (Some(refusal), finding));
    let (decoded, undecoded) = match said {
        Ok(decoded) => (Some(decoded.into()), None),
        Err(refusal) => (None, Some(refusal.into())),
    };
    Verification {
        holds: refusal.is_none(),
        proven,
        generator: generator.name().to_string(),
        code: refusal.as_ref().map(|refusal| Code::from(refusal.code).as_str()),
        detail: refusal.map(|refusal| refusal.detail),
        check: finding.as_ref().map(|finding| finding.check.as_str().to_owned()),
        finding,
        decoded,
        undecoded,
    }
}

impl From<Decoded> for DecodedBody {
    fn from(decoded: Decoded) -> Self {
        match decoded {
            Decoded::Task(event) => Self { event: event.event.name(), word: event.word, task: event.claim.named },
            Decoded::Custom(event) => {
                let task = event.task.as_ref().map(|task| task.as_str().to_owned());
                Self { event: "event", word: Some(event.name), task }
            }
        }
    }
}

impl From<Refusal> for UndecodedBody {
    fn from(refusal: Refusal) -> Self {
        let errors = refusal.errors.into_iter().map(|error| FieldProblem { field: error.field, detail: error.detail });
        Self { code: Code::from(refusal.code).as_str(), detail: refusal.detail, errors: errors.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::doctor::{Check, Variation};

    #[test]
    fn a_finding_is_what_the_api_document_says() {
        let (check, causes, detail) = (Check::Content, vec![Variation::NewlineStripped], "a sentence".to_owned());
        let sent = serde_json::to_value(Finding { check, causes, is_certain: true, detail }).unwrap();
        assert_eq!(sent.as_object().map(serde_json::Map::len), Some(4), "and nothing else");
        let FindingBody { check, causes, certain, detail } = serde_json::from_value(sent).unwrap();
        assert_eq!((check.as_str(), causes, certain), ("content", vec!["newline_stripped".to_owned()], true));
        assert_eq!(detail, "a sentence");
    }
}
