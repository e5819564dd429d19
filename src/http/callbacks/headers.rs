//! Headers as they are kept: secrets masked, signatures not, since a signature without its secret proves nothing to others.

use serde_json::{Map, Value};

const MASK: &str = "***";
/// Parts of names that only secrets have.
const SECRET: [&str; 7] = ["authorization", "cookie", "token", "secret", "api-key", "apikey", "password"];
/// Of all values together, in bytes.
const MOST: usize = 16 << 10;

/// A JSON object of names to values; several values of one name are joined as HTTP does it. `secret` names more headers
/// whose values are not kept, in lower case.
#[must_use]
pub(super) fn kept<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>, secret: &[&str]) -> String {
    let mut object = Map::new();
    let mut left = MOST;
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let is_secret = SECRET.iter().any(|part| name.contains(part)) || secret.contains(&name.as_str());
        let value = if is_secret { MASK.into() } else { String::from_utf8_lossy(value) };
        let value: String = without_query(&value).chars().filter(|c| *c != '\0').collect();
        if value.len() > left {
            break;
        }
        left -= value.len();
        match object.get_mut(&name) {
            Some(Value::String(known)) => {
                known.push_str(", ");
                known.push_str(&value);
            }
            _ => {
                object.insert(name, Value::String(value));
            }
        }
    }
    Value::Object(object).to_string()
}

/// Proxies copy URLs into headers, and with them the capability token.
fn without_query(value: &str) -> &str {
    value.split_once('?').filter(|(_, query)| query.contains("token=")).map_or(value, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_secrets_and_keeps_signatures() {
        let headers = [
            ("X-Webhook-Signature", "sha256=ab"),
            ("Authorization", "Bearer s"),
            ("X-Webhook-Secret", "s"),
            ("X-Proof", "s"),
            ("A", "1"),
            ("a", "2"),
        ];
        let kept = kept(headers.iter().map(|(name, value)| (*name, value.as_bytes())), &["x-proof"]);
        let expected =
            r#"{"a":"1, 2","authorization":"***","x-proof":"***","x-webhook-secret":"***","x-webhook-signature":"sha256=ab"}"#;
        assert_eq!(kept, expected);
    }
}
