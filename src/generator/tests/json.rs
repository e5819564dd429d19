//! Hostile JSON.

use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::generator::json::{Document, MAX_DEPTH, Malformed, Reached, storable, string};

fn text_at(body: &str, path: &str) -> Option<String> {
    let pointer: crate::generator::source::Pointer = path.parse().unwrap();
    let document = Document::parse(body.as_bytes(), &[pointer.head()]).unwrap();
    string(document.find(&pointer).value()?)
}

#[test]
fn only_objects_of_bounded_depth_are_read() {
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let parse = |body: &[u8]| Document::parse(body, &["a"]).err();
    assert_eq!(parse(nested(MAX_DEPTH).as_bytes()), None);
    assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Some(Malformed::TooDeep));
    let brackets_in_text = format!(r#"{{"a":"\"{}\\"}}"#, "[".repeat(500));
    assert_eq!(parse(brackets_in_text.as_bytes()), None);
    assert_eq!(parse("[".repeat(100_000).as_bytes()), Some(Malformed::TooDeep));
    assert_eq!(parse(b"{\"a\":\"\xff\"}"), Some(Malformed::NotUtf8));
    for other in ["", " ", "[]", "null", "\"x\"", "1"] {
        assert_eq!(parse(other.as_bytes()), Some(Malformed::NotAnObject), "{other}");
    }
    for broken in [
        "{",
        "{}x",
        "{} {}",
        r#"{"a":}"#,
        r#"{"a":01}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":1,}"#,
        "{'a':1}",
        "{\"a\":\"\n\"}",
        r#"{"a":NaN}"#,
    ] {
        assert!(matches!(parse(broken.as_bytes()), Some(Malformed::NotJson(_))), "{broken}");
    }
}

#[test]
fn the_last_of_equal_keys_counts_however_they_are_spelt() {
    assert_eq!(text_at(r#"{"a":"1","a":"2"}"#, "a").as_deref(), Some("2"));
    assert_eq!(text_at(r#"{"a":"1","\u0061":"2"}"#, "a").as_deref(), Some("2"));
    assert_eq!(text_at(r#"{"o":{"a":"1","a":"2"},"o":{"a":"3","a":"4"}}"#, "o.a").as_deref(), Some("4"));
    assert_eq!(text_at(r#"{"\ud800":1,"a":"1"}"#, "a").as_deref(), Some("1"));
}

#[test]
fn pointers_go_down_through_objects_and_arrays() {
    let body = r#"{"a":{"b":[[{"c":"x"}],null]},"n":null,"s":"t"}"#;
    assert_eq!(text_at(body, "a.b[0][0].c").as_deref(), Some("x"));
    for absent in ["a.b[1]", "a.b[2]", "a.x", "n", "n.x", "zz"] {
        assert_eq!(text_at(body, absent), None, "{absent}");
    }
    let document = Document::parse(body.as_bytes(), &["a", "s"]).unwrap();
    for (blocked, steps) in [("s.t", 1), ("a.b.c", 2), ("a[0]", 1)] {
        let reached = document.find(&blocked.parse().unwrap());
        assert!(matches!(reached, Reached::Blocked(at) if at == steps), "{blocked}: {reached:?}");
    }
}

#[test]
fn a_value_knows_where_it_lies() {
    let body = "{ \"a\" :  [1, 2 ] }";
    let document = Document::parse(body.as_bytes(), &["a"]).unwrap();
    let value = document.find(&"a".parse().unwrap()).value().unwrap();
    assert_eq!(&body[document.span(value)], "[1, 2 ]");
}

#[test]
fn what_no_text_column_holds_is_replaced() {
    let leaf = |literal: &str| string(&RawValue::from_string(literal.to_owned()).unwrap()).unwrap();
    assert_eq!(leaf(r#""a\u0000b""#), "a\u{fffd}b");
    assert_eq!(leaf(r#""\ud83d\ude00""#), "😀");
    assert_eq!(leaf(r#""\ud83d""#), "\u{fffd}");
    assert_eq!(leaf(r#""\ude00x""#), "\u{fffd}x");
    assert_eq!(leaf(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
    assert_eq!(leaf(r#""\ud83d\n\"\\\/\b\f\r\t""#), "\u{fffd}\n\"\\/\u{8}\u{c}\r\t");

    assert_eq!(storable(r#"{"a\u0000":"\u0000\u0000"}"#).as_deref(), Some(r#"{"a\ufffd":"\ufffd\ufffd"}"#));
    assert_eq!(storable(r#""\\u0000""#), None);
    assert_eq!(storable(r#""\\\u0000""#).as_deref(), Some(r#""\\\ufffd""#));
    assert_eq!(storable(r#"{"a":"\"\n"}"#), None);
}

proptest! {
    #[test]
    fn well_formed_text_survives(text in any::<String>()) {
        let literal = serde_json::to_string(&text).unwrap();
        let value = RawValue::from_string(literal).unwrap();
        prop_assert_eq!(string(&value).unwrap(), text.replace('\0', "\u{fffd}"));
    }

    #[test]
    fn a_mended_text_is_json_and_says_the_same(inside in r#"([\\u0d8a"n]|\\u0000|\\\\){0,12}"#) {
        let body = format!(r#"{{"a":"{inside}"}}"#);
        if let Ok(document) = Document::parse(body.as_bytes(), &["a"]) {
            let value = document.find(&"a".parse().unwrap()).value().unwrap();
            let mended = storable(value.get()).unwrap_or_else(|| value.get().to_owned());
            let mended = RawValue::from_string(mended).unwrap();
            prop_assert_eq!(string(&mended), string(value));
            prop_assert_eq!(storable(mended.get()), None);
        }
    }

    #[test]
    fn strange_bodies_are_answered(body in r#"\{[\[\]{}":,\\u0d8a1 nul]{0,40}\}"#) {
        let judged = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
        prop_assert_eq!(Document::parse(body.as_bytes(), &["a"]).is_ok(), judged);
    }
}
