//! Some subscribers answer with what they were sent: credentials must not come back that way.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::webhook::{Auth, Credentials};

const VEIL: &str = "***";
/// What is shorter is found in any text, and proves nothing.
const SHORTEST: usize = 4;

/// A text without any of these credentials.
pub(in crate::relay) fn veiled(text: &str, credentials: &Credentials) -> String {
    let secrets = secrets(credentials);
    secrets.iter().filter(|secret| secret.len() >= SHORTEST).fold(text.to_owned(), |text, secret| text.replace(secret, VEIL))
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
}
