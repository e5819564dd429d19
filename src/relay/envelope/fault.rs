//! What credentials cannot be sent as they are: told when they are registered, not when they are needed.

use std::collections::BTreeMap;

use reqwest::header::{HeaderName, HeaderValue};

use crate::domain::webhook::{Auth, Credentials};

use super::refuse_secret;

/// A field, as `headers.x-team`, and what is wrong with it.
pub type Fault = (String, String);

const MOST_HEADERS: usize = 32;
const LONGEST_NAME: usize = 256;
const LONGEST_VALUE: usize = 8192;
/// Of a user's name or password: both become one value.
const LONGEST_WORD: usize = 2048;

/// What the connection is made of, and what makes the body what it is.
const CONNECTION: [&str; 13] = [
    "host",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "te",
    "trailer",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "upgrade",
    "expect",
    "http2-settings",
];

/// By these a subscriber knows the hub, whatever the webhook's own signature is.
const PROOF: [&str; 3] = ["webhook-", "x-webhook-signature", "x-idp-"];

/// Everything that is wrong with a webhook's credentials.
#[must_use]
pub fn faults(credentials: &Credentials) -> Vec<Fault> {
    let secret = credentials.secret.as_deref().and_then(|secret| refuse_secret(secret).err());
    let mut faults: Vec<Fault> = secret.iter().map(|fault| ("secret".to_owned(), fault.to_string())).collect();
    faults.extend(refuse_headers(&credentials.headers));
    let Some(auth) = &credentials.auth else { return faults };
    faults.extend(refuse_auth(auth));
    let name = match auth {
        Auth::ApiKey { key_name, .. } => key_name,
        Auth::Basic { .. } | Auth::Bearer { .. } => "authorization",
    };
    let twice = credentials.headers.keys().filter(|header| header.eq_ignore_ascii_case(name));
    faults.extend(twice.map(|header| (format!("headers.{header}"), "is what `auth` sends already".to_owned())));
    faults
}

/// Headers that cannot be sent, or that only the hub sends.
#[must_use]
pub fn refuse_headers(headers: &BTreeMap<String, String>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if headers.len() > MOST_HEADERS {
        faults.push(("headers".to_owned(), format!("must be at most {MOST_HEADERS}")));
    }
    for (name, value) in headers {
        let same = headers.keys().filter(|other| other.eq_ignore_ascii_case(name)).count();
        let twice = (same > 1).then(|| "is there twice: case makes no difference".to_owned());
        let fault = name_fault(name).or(twice).or_else(|| value_fault(value));
        faults.extend(fault.map(|fact| (format!("headers.{name}"), fact)));
    }
    faults
}

/// Credentials of a subscriber's own that cannot be sent.
#[must_use]
pub fn refuse_auth(auth: &Auth) -> Vec<Fault> {
    let empty = |text: &str| text.is_empty().then(|| "must not be empty".to_owned());
    let control = |text: &str| text.contains(char::is_control).then(|| "must have no control characters".to_owned());
    let long = |text: &str| (text.len() > LONGEST_WORD).then(|| format!("must be at most {LONGEST_WORD} bytes"));
    let found = match auth {
        Auth::Basic { username, password } => {
            let colon = username.contains(':').then(|| "must have no colon: the password begins after it".to_owned());
            let username = colon.or_else(|| control(username)).or_else(|| long(username));
            vec![("auth.username", username), ("auth.password", control(password).or_else(|| long(password)))]
        }
        Auth::Bearer { token } => {
            let blank = token.contains(char::is_whitespace).then(|| "must have no blanks".to_owned());
            vec![("auth.token", empty(token).or(blank).or_else(|| value_fault(token)))]
        }
        Auth::ApiKey { key_name, key_value } => {
            let value = empty(key_value).or_else(|| value_fault(key_value));
            vec![("auth.key_name", name_fault(key_name)), ("auth.key_value", value)]
        }
    };
    found.into_iter().filter_map(|(field, fact)| Some((field.to_owned(), fact?))).collect()
}

fn name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must not be empty".to_owned());
    }
    if name.len() > LONGEST_NAME {
        return Some(format!("must be at most {LONGEST_NAME} characters"));
    }
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Some("must be the name of a header: letters, digits and hyphens".to_owned());
    }
    let name = name.to_ascii_lowercase();
    let is_own = CONNECTION.contains(&name.as_str()) || PROOF.iter().any(|own| name.starts_with(own));
    is_own.then(|| "is a header that only the hub itself sets".to_owned())
}

fn value_fault(value: &str) -> Option<String> {
    if value.len() > LONGEST_VALUE {
        return Some(format!("must be at most {LONGEST_VALUE} characters"));
    }
    let is_sent = value.is_ascii() && HeaderValue::from_str(value).is_ok();
    (!is_sent).then(|| "must be ASCII without line breaks and other control characters".to_owned())
}
