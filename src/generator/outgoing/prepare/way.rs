//! The way to an answer, from what its section says: a URL or a command line, and which setting it lacks.

use std::time::Duration;

use reqwest::Url;
use toml::Spanned;

use super::{Draft, Prepared, Section};
use crate::generator::file::Means;
use crate::generator::mistake::CatalogError;
use crate::generator::outgoing::credentials::Credentials;
use crate::generator::outgoing::filling::{Filling, Known, Slot};
use crate::generator::outgoing::route::{Address, Http, Kind, Program, Route};
use crate::generator::outgoing::words::{Auth, is_header_name};

const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
const OUTPUT_LIMIT: usize = 1 << 20;

impl Draft<'_> {
    pub(super) fn route(&self, section: Section<'_>, mut means: Means) -> Prepared<Route> {
        let url = means.url.take().filter(|url| !url.get_ref().is_empty());
        let command = means.command.take().filter(|command| !command.get_ref().is_empty());
        let headers = std::mem::take(&mut means.headers).into_iter().collect();
        match (url, command) {
            (Some(url), None) => {
                let auth = means.auth.filter(|auth| *auth != Auth::Inherited).unwrap_or_else(|| section.auth.clone());
                let verb = means.method.unwrap_or(section.verb);
                self.http(&Section { auth: &auth, verb, ..section }, "url", &url, headers)
            }
            (None, Some(command)) => self.program(&section, "command", &command, &means),
            (Some(_), Some(command)) => {
                let key = format!("{}.command", section.name);
                Err(self.page.mistake(&command.span(), &key, "and `url` exclude each other"))
            }
            (None, None) => Err(self.page.mistake(section.span, section.name, "needs `url` or `command`")),
        }
    }

    pub(super) fn program(
        &self,
        section: &Section<'_>,
        key: &str,
        command: &Spanned<Vec<Spanned<String>>>,
        means: &Means,
    ) -> Prepared<Route> {
        let key = format!("{}.{key}", section.name);
        let known = Known { params: section.params, url: false };
        let parse = |text: &Spanned<String>| {
            Filling::parse(text.get_ref(), known).map_err(|fact| self.page.mistake(&text.span(), &key, fact))
        };
        let mut arguments = command.get_ref().iter();
        let name = arguments.next().filter(|name| !name.get_ref().is_empty() && !name.get_ref().contains('{'));
        let Some(name) = name.map(|name| name.get_ref().clone()) else {
            return Err(self.page.mistake(
                &command.span(),
                &key,
                "begins with the name of a program, and nothing is filled in there",
            ));
        };
        let arguments = arguments.map(parse).collect::<Prepared<Vec<_>>>()?;
        let missing = arguments.iter().find_map(|argument| self.missing(argument));
        let timeout = means.command_timeout.map_or(COMMAND_TIMEOUT, |period| period.0);
        let output_limit = means.output_limit.map_or(OUTPUT_LIMIT, |size| size.0);
        Ok(Route { kind: Kind::Command(Program { name, arguments, timeout, output_limit }), missing })
    }

    pub(super) fn http(
        &self,
        section: &Section<'_>,
        key: &str,
        url: &Spanned<String>,
        headers: Vec<(String, Spanned<String>)>,
    ) -> Prepared<Route> {
        let auth = section.auth;
        let key = format!("{}.{key}", section.name);
        let address = self.address(section, &key, url)?;
        let credentials = self.own.api_key.as_deref().map(|api_key| Credentials::prepare(auth, api_key)).transpose();
        let credentials = credentials.map_err(|fact| self.in_settings("api_key", fact))?.flatten();
        let mut fillings = Vec::new();
        for (name, value) in headers {
            let place = format!("{}.headers", section.name);
            if !is_header_name(&name) || value.get_ref().chars().any(char::is_control) {
                return Err(self.page.mistake(&value.span(), &place, format!("`{name}` is no header, or its value none")));
            }
            let known = Known { params: section.params, url: false };
            let filling =
                Filling::parse(value.get_ref(), known).map_err(|fact| self.page.mistake(&value.span(), &place, fact))?;
            fillings.push((name.to_ascii_lowercase(), filling));
        }
        let needs_key = !matches!(auth, Auth::None | Auth::Inherited) && self.own.api_key.is_none();
        let texts = fillings.iter().map(|(_, filling)| filling).chain(address.filling());
        let missing = needs_key.then(|| self.setting("API_KEY")).or_else(|| texts.into_iter().find_map(|it| self.missing(it)));
        let http = Http { verb: section.verb, address, credentials, headers: fillings };
        Ok(Route { kind: Kind::Http(http), missing })
    }

    fn address(&self, section: &Section<'_>, key: &str, url: &Spanned<String>) -> Prepared<Address> {
        let mistake = |fact: String| self.page.mistake(&url.span(), key, fact);
        let text = url.get_ref().as_str();
        match text.split_once(':') {
            Some(("submit", path)) if section.name != "submit" => return path.parse().map(Address::Submission).map_err(mistake),
            Some(("json", path)) if key == "poll.result_url" => return path.parse().map(Address::Status).map_err(mistake),
            _ if text == "{remote_id}" && section.name != "submit" => return Ok(Address::RemoteId),
            _ => {}
        }
        let text = self.own.base_url.as_deref().map_or_else(|| text.to_owned(), |base| redirected(text, base));
        let filling = Filling::parse(&text, Known { params: section.params, url: false }).map_err(mistake)?;
        let sample = filling.sample();
        match Url::parse(&sample) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Address::Filled(filling)),
            _ => Err(mistake("must be a URL that begins with http://, https:// or {base_url}".to_owned())),
        }
    }

    /// The setting that a text needs and that is not there.
    fn missing(&self, filling: &Filling) -> Option<String> {
        let needed =
            [(Slot::BaseUrl, self.own.base_url.is_none(), "BASE_URL"), (Slot::ApiKey, self.own.api_key.is_none(), "API_KEY")];
        needed.into_iter().find(|(slot, lacks, _)| *lacks && filling.has(slot)).map(|(_, _, key)| self.setting(key))
    }

    fn in_settings(&self, setting: &'static str, fact: &str) -> CatalogError {
        CatalogError::InSettings { generator: self.name.to_string(), setting, fact: fact.to_owned() }
    }

    fn setting(&self, key: &str) -> String {
        format!("GENERATOR_{}_{key}", self.name.as_str().to_ascii_uppercase().replace('-', "_"))
    }

    /// The beginning of the URL, where it is known before any job is.
    pub(super) fn home(&self, route: &Route) -> Option<Url> {
        let filling = route.kind.address()?.filling()?;
        let text = filling.beginning(self.own.base_url.as_deref())?;
        Url::parse(&text).ok()
    }
}

/// With everything before the path replaced by the base URL.
fn redirected(url: &str, base: &str) -> String {
    let Some((_, rest)) = url.split_once("://") else { return url.to_owned() };
    let path = rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]);
    format!("{}{path}", base.trim_end_matches('/'))
}
