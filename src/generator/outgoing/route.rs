//! The way to one of a generator's answers: a URL or a command line.

use std::time::Duration;

use reqwest::Url;

use super::Outgoing;
use super::credentials::Credentials;
use super::filling::{Filling, Slot};
use super::values::Values;
use super::words::Verb;
use crate::generator::json::Document;
use crate::generator::reader::Takes;
use crate::generator::request::{CommandLine, HttpRequest, Request, Unsendable};
use crate::generator::source::Pointer;

#[derive(Debug)]
pub(super) struct Route {
    pub kind: Kind,
    /// The setting without which it cannot be used.
    pub missing: Option<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Http(Http),
    Command(Program),
}

#[derive(Debug)]
pub(super) struct Http {
    pub verb: Verb,
    pub address: Address,
    pub credentials: Option<Credentials>,
    pub headers: Vec<(String, Filling)>,
}

#[derive(Debug)]
pub(super) enum Address {
    Filled(Filling),
    /// In the submission's answer.
    Submission(Pointer),
    /// In the answer to the question after the job's state.
    Status(Pointer),
    /// The generator's own id for the job is a URL.
    RemoteId,
}

#[derive(Debug)]
pub(super) struct Program {
    pub name: String,
    pub arguments: Vec<Filling>,
    pub timeout: Duration,
    pub output_limit: usize,
}

/// What is added to the URL and sent with it.
#[derive(Default)]
pub(super) struct Load {
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
}

pub(super) struct Body {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Route {
    /// Whether the same request again leaves the same behind.
    pub(super) fn is_put_by_task(&self) -> bool {
        let Kind::Http(Http { verb: Verb::Put, address: Address::Filled(filling), .. }) = &self.kind else { return false };
        filling.has(&Slot::TaskId)
    }

    /// Whether only the submission's answer says where to ask.
    pub(super) const fn needs_answer(&self) -> bool {
        matches!(&self.kind, Kind::Http(Http { address: Address::Submission(_), .. }))
    }

    /// Whether it leads by the generator's own id, or by a URL that only its answer to a submission tells.
    pub(super) fn needs_submission(&self) -> bool {
        match &self.kind {
            Kind::Http(Http { address: Address::Filled(filling), headers, .. }) => {
                filling.has(&Slot::RemoteId) || headers.iter().any(|(_, header)| header.has(&Slot::RemoteId))
            }
            Kind::Http(Http { address: Address::Submission(_) | Address::RemoteId, .. }) => true,
            Kind::Http(Http { address: Address::Status(_), .. }) => false,
            Kind::Command(program) => program.arguments.iter().any(|argument| argument.has(&Slot::RemoteId)),
        }
    }

    /// `answer` is the one to the question after the state, where that has been asked. None: the URL that it should
    /// tell is not in it.
    pub(super) fn request(
        &self,
        outgoing: &Outgoing,
        values: &Values<'_>,
        load: Load,
        answer: Option<&Document<'_>>,
    ) -> Result<Option<Request>, Unsendable> {
        if let Some(setting) = &self.missing {
            return Err(Unsendable::generator(format!("{setting} is not set")));
        }
        match &self.kind {
            Kind::Http(http) => Ok(http.request(outgoing, values, load, answer)?.map(Request::Http)),
            Kind::Command(program) => program.line(values).map(|line| Some(Request::Command(line))),
        }
    }
}

impl Kind {
    pub(super) const fn address(&self) -> Option<&Address> {
        if let Self::Http(http) = self { Some(&http.address) } else { None }
    }
}

impl Address {
    pub(super) const fn filling(&self) -> Option<&Filling> {
        if let Self::Filled(filling) = self { Some(filling) } else { None }
    }
}

impl Http {
    fn request(
        &self,
        outgoing: &Outgoing,
        values: &Values<'_>,
        load: Load,
        answer: Option<&Document<'_>>,
    ) -> Result<Option<HttpRequest>, Unsendable> {
        let told = match &self.address {
            Address::Filled(filling) => Some(filling.url(values)?),
            Address::Submission(pointer) => Some(submission_url(pointer, outgoing, values)?),
            Address::Status(pointer) => match answer.and_then(|document| url_at(document, pointer)) {
                Some(text) => Some(outgoing.hosts.own_url(&text)?),
                None => None,
            },
            Address::RemoteId => Some(outgoing.hosts.own_url(&remote_id(values)?)?),
        };
        let Some(mut url) = told else { return Ok(None) };
        for (name, value) in &load.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let headers = self.headers(values, &load)?;
        let body = load.body.map(|body| body.bytes).filter(|_| self.verb != Verb::Get);
        Ok(Some(HttpRequest { method: self.verb.as_str().to_owned(), url: url.into(), headers, body }))
    }

    /// The file's own come last and replace what is usual; of those that need something absent nothing is sent.
    fn headers(&self, values: &Values<'_>, load: &Load) -> Result<Vec<(String, String)>, Unsendable> {
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        if let Some(body) = load.body.as_ref().filter(|_| self.verb != Verb::Get) {
            headers.push(("content-type".to_owned(), body.content_type.clone()));
        }
        headers.extend(self.credentials.iter().map(|credentials| credentials.header(values.job.now)));
        headers.extend(load.headers.iter().cloned());
        for (name, filling) in &self.headers {
            let Some(value) = filling.text(values) else { continue };
            if value.chars().any(char::is_control) {
                return Err(Unsendable::input(format!("The value of header `{name}` has control characters")));
            }
            headers.retain(|(known, _)| known != name);
            headers.push((name.clone(), value));
        }
        Ok(headers)
    }
}

fn remote_id(values: &Values<'_>) -> Result<String, Unsendable> {
    let absent = || Unsendable::generator("The URL is the generator's own id, and the task has none");
    values.text(&Slot::RemoteId).ok_or_else(absent)
}

fn submission_url(pointer: &Pointer, outgoing: &Outgoing, values: &Values<'_>) -> Result<Url, Unsendable> {
    let absent = || Unsendable::generator(format!("The submission's answer has no `{pointer}`, which would be the URL"));
    let answer = values.job.submit_answer.ok_or_else(absent)?;
    let document = Document::parse(answer, &[pointer.head()]).map_err(|_| absent())?;
    outgoing.hosts.own_url(&url_at(&document, pointer).ok_or_else(absent)?)
}

fn url_at(document: &Document<'_>, pointer: &Pointer) -> Option<String> {
    document.find(pointer).value().and_then(|value| Takes::Strings.read(value))
}

impl Program {
    /// Bytes of one argument, and of all: what Linux lets through, and less than half of what it does.
    const LONGEST: usize = (128 << 10) - 1;
    const MOST: usize = 1 << 20;

    /// An argument whose value is absent is left away, and with it the `--flag` before it.
    fn line(&self, values: &Values<'_>) -> Result<CommandLine, Unsendable> {
        let mut arguments: Vec<String> = Vec::with_capacity(self.arguments.len());
        let mut flag = false;
        for argument in &self.arguments {
            match argument.text(values) {
                Some(text) => {
                    // a bare `--` guards everything behind it
                    flag = text.starts_with("--") && text != "--" && argument.slots().next().is_none();
                    arguments.push(text);
                }
                None if std::mem::take(&mut flag) => drop(arguments.pop()),
                None => {}
            }
        }
        if arguments.iter().any(|argument| argument.contains('\0')) {
            return Err(Unsendable::input("A value holds NUL, which no command line can carry"));
        }
        let too_long = arguments.iter().any(|argument| argument.len() > Self::LONGEST);
        if too_long || arguments.iter().map(String::len).sum::<usize>() > Self::MOST {
            return Err(Unsendable::input("A value is too long for a command line"));
        }
        let Self { name, timeout, output_limit, .. } = self;
        Ok(CommandLine { program: name.clone(), arguments, timeout: *timeout, output_limit: *output_limit })
    }
}
