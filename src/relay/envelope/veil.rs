//! Some subscribers answer with what they were sent: credentials must not come back that way.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::webhook::{Auth, Credentials};

const VEIL: &str = "***";
/// What is shorter is found in any text, and proves nothing.
const SHORTEST: usize = 4;
/// Of a header's value: the shorter ones of those that are no credentials occur by chance.
const SHORTEST_VALUE: usize = 8;

/// A text without any of these credentials.
pub(in crate::relay) fn veiled(text: &str, credentials: &Credentials) -> String {
    without(text, secrets(credentials).iter().map(String::as_str).filter(|secret| secret.len() >= SHORTEST))
}

/// A text without the values of these headers, or their last words.
pub(in crate::relay) fn masked(text: &str, headers: &[(String, String)]) -> String {
    let words = headers.iter().flat_map(|(_, value)| [value.as_str(), value.rsplit(' ').next().unwrap_or_default()]);
    without(text, words.filter(|word| word.len() >= SHORTEST_VALUE))
}

/// As they are, as JSON or a URL would write them, and as far as they go where the text was cut.
fn without<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let forms: BTreeSet<String> = secrets.flat_map(forms).collect();
    // the longest first: a short one may be a part of it
    let mut forms: Vec<String> = forms.into_iter().collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let text = forms.iter().fold(text.to_owned(), |text, form| text.replace(form, VEIL));
    let begun = forms.iter().filter_map(|form| begun(&text, form)).max().unwrap_or(0);
    if begun == 0 { text } else { format!("{}{VEIL}", &text[..text.len() - begun]) }
}

fn forms(secret: &str) -> [String; 4] {
    let json = serde_json::Value::from(secret).to_string();
    let url: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), json[1..json.len() - 1].to_owned(), url.replace('+', "%20"), url]
}

/// How much of a secret stands at the end of a text.
fn begun(text: &str, secret: &str) -> Option<usize> {
    let lengths = secret.char_indices().map(|(length, _)| length).filter(|length| *length >= SHORTEST);
    lengths.filter(|length| text.ends_with(&secret[..*length])).max()
}

fn secrets(credentials: &Credentials) -> Vec<String> {
    let Credentials { secret, previous, older, headers, auth } = credentials;
    let before = previous.iter().chain(older).map(|previous| &previous.secret);
    let mut secrets: Vec<String> = secret.iter().chain(before).cloned().collect();
    secrets.extend(headers.values().cloned());
    match auth {
        Some(Auth::Basic { username, password }) => {
            secrets.extend([STANDARD.encode(format!("{username}:{password}")), password.clone()]);
        }
        Some(Auth::Bearer { token: secret } | Auth::ApiKey { key_value: secret, .. }) => secrets.push(secret.clone()),
        None => {}
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_of_credentials_shows_none_of_them() {
        let credentials = Credentials {
            secret: Some("whsec_AAAA".to_owned()),
            headers: [("x-team".to_owned(), "canary".to_owned()), ("x-n".to_owned(), "1".to_owned())].into(),
            auth: Some(Auth::Basic { username: "hub".to_owned(), password: "hush".to_owned() }),
            ..Credentials::default()
        };
        let echo = r#"{"x-team":"canary","x-n":"1","authorization":"Basic aHViOmh1c2g=","args":"hush whsec_AAAA"}"#;
        let told = r#"{"x-team":"***","x-n":"1","authorization":"Basic ***","args":"*** ***"}"#;
        assert_eq!(veiled(echo, &credentials), told);
    }

    #[test]
    fn however_it_is_written_and_wherever_it_is_cut() {
        let token = "canary\"with/and+plus=01";
        let credentials = Credentials { auth: Some(Auth::Bearer { token: token.to_owned() }), ..Credentials::default() };
        let json = serde_json::json!({ "token": token }).to_string();
        assert_eq!(veiled(&json, &credentials), r#"{"token":"***"}"#);
        assert_eq!(veiled("?token=canary%22with%2Fand%2Bplus%3D01&a", &credentials), "?token=***&a");
        for cut in SHORTEST..token.len() {
            assert_eq!(veiled(&format!("xxx {}", &token[..cut]), &credentials), "xxx ***", "{cut}");
        }
        assert_eq!(masked("xxx Bearer abcdef", &[("authorization".into(), "Bearer abcdefghi".into())]), "xxx ***");
    }
}
