//! What came back to a request, in the hub's words.

use bytes::Bytes;
use serde_json::json;

use super::sorted::{Fault, body, quoted, told, unreadable};
use super::submission::Submission;
use super::values::Values;
use super::{Outgoing, polling::Polling};
use crate::domain::event::Event;
use crate::domain::task::{ExternalId, TaskError};
use crate::generator::entry::Generator;
use crate::generator::json::Document;
use crate::generator::meaning::{event, result, whole_body};
use crate::generator::reader::{Reader, Takes, brief};
use crate::generator::reply::{Heard, LookupReply, Polled, ResultReply, Silence, StatusReply, SubmitReply, Trouble, TroubleKind};
use crate::generator::request::Job;
use crate::generator::rule::ruled;
use crate::generator::vocabulary::Meaning;

/// What a task's error says whose submission was not wanted.
const SUBMIT_REFUSED: &str = "SUBMIT_REFUSED";

impl Generator {
    #[must_use]
    pub fn read_submission(&self, heard: &Heard) -> SubmitReply {
        let Some(submit) = &self.outgoing.submit else { return SubmitReply::Unknown(told(heard)) };
        let (status, body) = match heard {
            Heard::Answer { status, body, .. } => (*status, body),
            Heard::Output { code: Some(0), stdout, .. } => (200, stdout),
            Heard::Output { code: Some(code), .. } => return refused(heard, &json!({"exit_code": code})),
            // killed in the middle of something
            Heard::Output { code: None, .. } => return SubmitReply::Unknown(told(heard)),
            Heard::Silence(Silence::NotSent(detail)) => {
                return SubmitReply::NotTaken { retry_after: None, detail: detail.clone() };
            }
            Heard::Silence(Silence::Unwritable(_)) => return refused(heard, &json!({})),
            Heard::Silence(Silence::Lost(_) | Silence::TooLarge) => return SubmitReply::Unknown(told(heard)),
        };
        if submit.ok.holds(status, body) {
            return SubmitReply::Accepted { external_id: submit.external_id(body) };
        }
        match (status, heard) {
            (429 | 503, Heard::Answer { retry_after, .. }) => {
                SubmitReply::NotTaken { retry_after: *retry_after, detail: told(heard) }
            }
            (200..=499, _) => refused(heard, &json!({"status": status})),
            _ => SubmitReply::Unknown(told(heard)),
        }
    }

    /// Only an answer that can be read tells that there is no such job: a submission may hang on it.
    #[must_use]
    pub fn read_lookup(&self, heard: &Heard) -> LookupReply {
        let Some(submit) = &self.outgoing.submit else { return LookupReply::Trouble(unreadable("There is no lookup")) };
        match body(heard) {
            Ok(body) if Document::parse::<&str>(body, &[]).is_err() => LookupReply::Trouble(unreadable(told(heard))),
            Ok(body) => match submit.external_id(body) {
                Some(id) => LookupReply::Found(id),
                // there is a job, and its name is of no use
                None if submit.names_a_job(body) => LookupReply::Trouble(unreadable(told(heard))),
                None => LookupReply::Absent,
            },
            Err(Fault::Gone) => LookupReply::Absent,
            Err(Fault::Trouble(trouble)) => LookupReply::Trouble(trouble),
        }
    }

    #[must_use]
    pub fn read_status(&self, heard: &Heard, job: &Job<'_>) -> StatusReply {
        let Some(polling) = &self.outgoing.poll else {
            return StatusReply::Trouble(unreadable("There is no status request"));
        };
        match body(heard) {
            Ok(body) => self.state(polling, body, job).unwrap_or_else(StatusReply::Trouble),
            Err(Fault::Gone) => StatusReply::NotFound,
            Err(Fault::Trouble(trouble)) => StatusReply::Trouble(trouble),
        }
    }

    #[must_use]
    pub fn read_result(&self, heard: &Heard) -> ResultReply {
        let results = self.outgoing.poll.as_ref().and_then(|poll| poll.results.as_ref());
        let Some(results) = results else { return ResultReply::Trouble(unreadable("There is no request for results")) };
        match body(heard) {
            Ok(body) => match Document::parse(body, &results.reading.wanted) {
                Ok(document) => {
                    let whole = results.or_whole && !document.has_any();
                    let found =
                        if whole { Some(whole_body(document.text())) } else { result(&mut reader(document), &results.reading) };
                    let event = Event::Completed(found);
                    ResultReply::Event(Box::new(Polled { event, generator_time: None, body: body.clone(), unknown_word: None }))
                }
                Err(malformed) => ResultReply::Trouble(unreadable(malformed.to_string())),
            },
            Err(Fault::Gone) => ResultReply::Gone,
            Err(Fault::Trouble(trouble)) if trouble.kind == TroubleKind::Refused => {
                ResultReply::Trouble(Trouble { kind: TroubleKind::NotReady, ..trouble })
            }
            Err(Fault::Trouble(trouble)) => ResultReply::Trouble(trouble),
        }
    }

    /// Whether there is nothing left to cancel.
    #[must_use]
    pub fn read_cancellation(&self, heard: &Heard) -> bool {
        let Some(cancel) = &self.outgoing.cancel else { return false };
        match heard {
            Heard::Answer { status, body, .. } => cancel.ok.holds(*status, body),
            Heard::Output { code: Some(0), stdout, .. } => cancel.ok.holds(200, stdout),
            Heard::Output { .. } | Heard::Silence(_) => false,
        }
    }

    fn state(&self, polling: &Polling, body: &Bytes, job: &Job<'_>) -> Result<StatusReply, Trouble> {
        let reading = polling.reading(job.external_id.map(ExternalId::as_str));
        let document = Document::parse(body, &reading.wanted).map_err(|malformed| unreadable(malformed.to_string()))?;
        let mut reader = reader(document);
        let word = reader.text(&reading.state, Takes::Scalars);
        let ruled = ruled(&reading.rules, &reader.document, None);
        if word.is_none() && ruled.is_none() && !polling.may_be_silent {
            return Err(unreadable("The answer has no word for the job's state"));
        }
        let known = word.as_deref().map(|word| reading.vocabulary.known_meaning(word));
        let meaning = match ruled.or(known.flatten()) {
            // for callbacks that nobody wants to hear, or that are about something else: the job still runs
            None | Some(Meaning::NotOfInterest | Meaning::Custom) => Meaning::Progress,
            Some(meaning) => meaning,
        };
        let generator_time = reader.moment(&reading.at, reading.at_unit);
        if meaning == Meaning::Completed
            && let Some(request) = second_request(&self.outgoing, polling, job, &reader.document)?
        {
            return Ok(StatusReply::HasResult { request, finished_at: generator_time });
        }
        let event = match meaning {
            // the place of the result is not in this answer, and neither is the URL that should lead there
            Meaning::Completed if polling.results.is_some() => Event::Completed(None),
            _ => event(&mut reader, &reading, &self.final_errors, meaning),
        };
        let unknown_word = word.filter(|_| ruled.is_none() && known == Some(None)).map(brief);
        Ok(StatusReply::Event(Box::new(Polled { event, generator_time, body: body.clone(), unknown_word })))
    }
}

/// The request for the result, where the answer about the state does not hold it.
fn second_request(
    outgoing: &Outgoing,
    polling: &Polling,
    job: &Job<'_>,
    document: &Document<'_>,
) -> Result<Option<crate::generator::request::Request>, Trouble> {
    let Some(results) = &polling.results else { return Ok(None) };
    let values = Values::new(outgoing, job);
    let request = results.route.request(outgoing, &values, super::route::Load::default(), Some(document));
    request.map_err(|unsendable| unreadable(unsendable.to_string()))
}

fn reader(document: Document<'_>) -> Reader<'_> {
    Reader { document, envelope: None, strict: false, errors: Vec::new() }
}

fn refused(heard: &Heard, details: &serde_json::Value) -> SubmitReply {
    let error = TaskError::new(SUBMIT_REFUSED, TaskError::KIND, &quoted(heard));
    SubmitReply::Refused(TaskError { details: Some(details.to_string()), ..error })
}

impl Submission {
    /// Whether anything stands where the id should be.
    fn names_a_job(&self, body: &[u8]) -> bool {
        let heads: Vec<&str> = self.remote_id.iter().map(|pointer| pointer.head()).collect();
        let document = Document::parse(body, &heads);
        document.is_ok_and(|document| self.remote_id.iter().any(|pointer| document.find(pointer).value().is_some()))
    }

    /// The generator's own id, if the answer tells it.
    fn external_id(&self, body: &[u8]) -> Option<ExternalId> {
        let heads: Vec<&str> = self.remote_id.iter().map(|pointer| pointer.head()).collect();
        let document = Document::parse(body, &heads).ok()?;
        let texts = self.remote_id.iter().filter_map(|pointer| Takes::Ids.read(document.find(pointer).value()?));
        texts.into_iter().find_map(|text| ExternalId::parse(&text).ok())
    }
}
