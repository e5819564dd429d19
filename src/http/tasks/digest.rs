//! What a creation is known by: equal as JSON values, equal as digests.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::generator::json::{self, Kind, Malformed};
use crate::generator::mac::sha256;
use crate::http::problem::{Code, Problem};

/// # Errors
/// `malformed_body`
pub(in crate::http) fn digest(body: &[u8]) -> Result<[u8; 32], Problem> {
    let text = if body.is_empty() { b"{}" } else { body };
    if json::is_too_deep(text) {
        return Err(Problem::new(Code::MalformedBody, Malformed::TooDeep.to_string()));
    }
    let value: &RawValue = serde_json::from_slice(text)
        .map_err(|error| Problem::new(Code::MalformedBody, format!("The body is not a JSON object: {error}")))?;
    let mut canonical = String::with_capacity(text.len());
    write(value, &mut canonical);
    Ok(sha256([canonical.as_bytes()]))
}

/// Members are sorted, the last of equal names counts, and numbers have one spelling. As deep as bodies may be, no deeper.
fn write(value: &RawValue, out: &mut String) {
    match json::kind(value) {
        Kind::Object => match serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get()) {
            Ok(members) => {
                out.push('{');
                for (name, value) in members {
                    write_text(&name, out);
                    out.push(':');
                    write(value, out);
                    out.push(',');
                }
                out.push('}');
            }
            // names that are no text: as they are written
            Err(_) => out.push_str(value.get()),
        },
        Kind::Array => {
            out.push('[');
            for element in json::elements(value, usize::MAX).unwrap_or_default() {
                write(element, out);
                out.push(',');
            }
            out.push(']');
        }
        Kind::String => match json::string(value) {
            Some(text) => write_text(&text, out),
            None => out.push_str(value.get()),
        },
        Kind::Number => out.push_str(&number(value.get())),
        Kind::Null | Kind::Bool => out.push_str(value.get()),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// Whole numbers by their digits, however many; `1.0` and `1e0` are 1.
fn number(text: &str) -> String {
    if text == "-0" {
        return "0".to_owned();
    }
    if text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let float: f64 = text.parse().unwrap_or(f64::NAN);
    whole(float).map_or_else(|| if float.is_finite() { format!("{float:e}") } else { text.to_owned() }, |whole| whole.to_string())
}

fn whole(float: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within i64")]
    (float.fract() == 0.0 && (-BEYOND..BEYOND).contains(&float)).then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        digest(one.as_bytes()).expect("JSON") == digest(other.as_bytes()).expect("JSON")
    }

    #[test]
    fn equal_values_have_equal_digests_and_no_others() {
        for (one, other) in [
            (r#"{"a":1,"b":[2,null]}"#, r#" {"b" : [2.0, null], "a": 1e0} "#),
            (r#"{"a":"\u0041"}"#, r#"{"a":"A"}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":-0}"#, r#"{"a":0}"#),
            (r#"{"a":0.5}"#, r#"{"a":5e-1}"#),
            ("", "{}"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            (r#"{"a":12345678901234567890123}"#, r#"{"a":12345678901234567890124}"#),
            (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#),
            (r#"{"a":"1"}"#, r#"{"a":1}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":null}"#, r#"{}"#),
            (r#"{"a":["b,",1]}"#, r#"{"a":["b",1]}"#),
            (r#"{"a":1e400}"#, r#"{"a":1e401}"#),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
