//! Bodies as Python would write them. That Python agrees on ten thousand more is shown in `tests/it/canonical.rs`.

use rstest::rstest;

use super::*;
use crate::generator::canonical::{Form, rewritten, stringified};

fn form(text: &str) -> Form {
    text.parse().unwrap()
}

fn written(body: &str, wanted: &str) -> Option<String> {
    rewritten(body.as_bytes(), form(wanted)).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[rstest]
#[case("8.0", "8.0")]
#[case("1e5", "100000.0")]
#[case("1E+5", "100000.0")]
#[case("1e15", "1000000000000000.0")]
#[case("1e16", "1e+16")]
#[case("123456789012345678.0", "1.2345678901234568e+17")]
#[case("0.0001", "0.0001")]
#[case("0.00001", "1e-05")]
#[case("0.000012300", "1.23e-05")]
#[case("-0.0", "-0.0")]
#[case("-0", "0")]
#[case("-0e0", "-0.0")]
#[case("0.1", "0.1")]
#[case("12.50", "12.5")]
#[case("5e-324", "5e-324")]
#[case("1e-400", "0.0")]
#[case("1.7976931348623157e308", "1.7976931348623157e+308")]
#[case("1e400", "Infinity")]
#[case("-1e400", "-Infinity")]
#[case("123456789012345678901234567890", "123456789012345678901234567890")]
// as near to .2 as to .3
#[case("631234907066452.25", "631234907066452.2")]
#[case("5.6843418860808015e-14", "5.684341886080802e-14")]
#[case("9007199254740993.0", "9007199254740992.0")]
#[case("true", "true")]
#[case(r#""\/\b\f\n\r\t\"\\\u0001\u001f""#, r#""/\b\f\n\r\t\"\\\u0001\u001f""#)]
fn numbers_and_strings_are_printed_as_python_does(#[case] value: &str, #[case] expected: &str) {
    for wanted in ["kept,compact,ascii", "sorted,spaced,utf8"] {
        assert_eq!(written(&format!(" {value}\n"), wanted).as_deref(), Some(expected), "{wanted}");
    }
}

#[rstest]
#[case("é😀\u{7f}", Some(r"\u00e9\ud83d\ude00\u007f"), Some("é😀\u{7f}"))]
#[case(r"\u00E9\uD83D\uDE00\u007F", Some(r"\u00e9\ud83d\ude00\u007f"), Some("é😀\u{7f}"))]
#[case(r"\ud83d\ud83d\ude00\ude00", Some(r"\ud83d\ud83d\ude00\ude00"), None)]
#[case(r"\uD800x", Some(r"\ud800x"), None)]
#[case(r"\ud7ff\ue000", Some(r"\ud7ff\ue000"), Some("\u{d7ff}\u{e000}"))]
#[case(r"\ud800\n", Some(r"\ud800\n"), None)]
fn characters_beyond_ascii_are_escaped_or_not(#[case] text: &str, #[case] ascii: Option<&str>, #[case] utf8: Option<&str>) {
    let quoted = |text: &str| format!("\"{text}\"");
    assert_eq!(written(&quoted(text), "kept,compact,ascii"), ascii.map(quoted));
    assert_eq!(written(&quoted(text), "kept,compact,utf8"), utf8.map(quoted));
}

#[rstest]
#[case(r#"{ "b" : [ ] , "a" : { } }"#, r#"{"b": [], "a": {}}"#, r#"{"a":{},"b":[]}"#)]
#[case(
    r#"[{"b":1,"a":[2,{"d":3,"c":4}]},5]"#,
    r#"[{"b": 1, "a": [2, {"d": 3, "c": 4}]}, 5]"#,
    r#"[{"a":[2,{"c":4,"d":3}],"b":1},5]"#
)]
#[case(r#"{"a":1,"b":2,"a":3}"#, r#"{"a": 3, "b": 2}"#, r#"{"a":3,"b":2}"#)]
#[case(
    r#"{"b":{"y":1,"x":{"q":1,"p":2}},"c":0,"b":{"n":1,"m":2,"n":{"l":1,"k":2}}}"#,
    r#"{"b": {"n": {"l": 1, "k": 2}, "m": 2}, "c": 0}"#,
    r#"{"b":{"m":2,"n":{"k":2,"l":1}},"c":0}"#
)]
#[case(r#"{"a":1,"\u0061":2}"#, r#"{"a": 2}"#, r#"{"a":2}"#)]
// by code point: neither by UTF-16 unit nor by escape
#[case(
    r#"{"\ud83d\ude00":1,"\ufb33":2,"\udc00":3,"~":4,"\n":5,"":6}"#,
    r#"{"\ud83d\ude00": 1, "\ufb33": 2, "\udc00": 3, "~": 4, "\n": 5, "": 6}"#,
    r#"{"":6,"\n":5,"~":4,"\udc00":3,"\ufb33":2,"\ud83d\ude00":1}"#
)]
fn members_are_kept_or_sorted_and_the_last_of_equals_counts(#[case] body: &str, #[case] kept: &str, #[case] sorted: &str) {
    assert_eq!(written(body, "kept,spaced,ascii").as_deref(), Some(kept));
    assert_eq!(written(body, "sorted,compact,ascii").as_deref(), Some(sorted));
}

#[test]
fn a_surrogate_in_a_value_that_is_dropped_does_no_harm() {
    assert_eq!(written(r#"{"a":"\ud800","a":"é"}"#, "kept,compact,utf8").as_deref(), Some("{\"a\":\"é\"}"));
    assert_eq!(written(r#"{"a":"é","a":"\ud800"}"#, "kept,compact,utf8"), None);
}

#[rstest]
#[case("")]
#[case(" ")]
#[case("{")]
#[case("[1,]")]
#[case("[,1]")]
#[case("{,}")]
#[case(r#"{"a":1,}"#)]
#[case(r#"{"a"}"#)]
#[case(r#"{"a":}"#)]
#[case(r#"{a:1}"#)]
#[case("[1}")]
#[case("[1 2]")]
#[case("1 2")]
#[case("01")]
#[case("1.")]
#[case(".5")]
#[case("+1")]
#[case("1e")]
#[case("-")]
#[case("tru")]
#[case("nulll")]
#[case("\"")]
#[case("\"\\")]
#[case("\"\\x\"")]
#[case("\"\\u12\"")]
#[case("\"\\u+123\"")]
#[case("\"a\nb\"")]
#[case("\u{feff}{}")]
fn what_is_no_json_is_not_written(#[case] body: &str) {
    for wanted in ["kept,compact,ascii", "sorted,spaced,utf8"] {
        assert_eq!(written(body, wanted), None);
    }
}

#[test]
fn bodies_are_text_of_bounded_depth() {
    assert_eq!(rewritten(b"\"\xff\"", form("kept,compact,utf8")), None);
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let nested = |times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
        let deepest = 128 / close.len();
        assert_eq!(written(&nested(deepest), "kept,compact,ascii"), Some(nested(deepest)));
        assert_eq!(written(&nested(deepest + 1), "kept,compact,ascii"), None);
    }
    assert_eq!(written(&format!("{}{}", "[".repeat(129), "]".repeat(129)), "kept,compact,ascii"), None);
}

#[test]
fn a_body_that_cannot_be_written_is_not_what_was_signed() {
    let file = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\ncontent = \"{json:kept,spaced,utf8}\"\n[event]\nstate = \"json:s\"\ndefault = \"progress\"\n";
    let generator = super::written(file);
    let signed = raw("{\"s\":\"é\"}").signed(&generator, SECRET);
    assert_eq!(verdict(signed.clone(), &generator), Ok(None));
    let escaped = RawCallback { body: r#"{"s" :"\u00e9"}"#.into(), ..signed.clone() };
    assert_eq!(decode(&proven(escaped, &generator)).unwrap().body, "{\"s\": \"é\"}");
    for body in ["", "{\"s\":", "{\"s\":\"\\ud800\"}", "é"] {
        let raw = RawCallback { body: body.as_bytes().to_vec().into(), ..signed.clone() };
        assert_eq!(verdict(raw, &generator), Err(Code::SignatureInvalid), "{body}");
    }
    // signed, but nothing that the decoder takes
    let endless = raw("{\"s\":\"a\",\"n\":1e400}").signed(&generator, SECRET);
    assert_eq!(decode(&proven(endless, &generator)).unwrap_err().code, Code::MalformedBody);
}

/// Each as Node prints it.
#[rstest]
#[case("8.0", "8")]
#[case("-0.0", "0")]
#[case("-0", "0")]
#[case("1e2", "100")]
#[case("0.1", "0.1")]
#[case("-1.50", "-1.5")]
#[case("1e-6", "0.000001")]
#[case("1e-7", "1e-7")]
#[case("1.5e-10", "1.5e-10")]
#[case("123456789012345678901", "123456789012345680000")]
#[case("1e20", "100000000000000000000")]
#[case("1e21", "1e+21")]
#[case("1.25e+30", "1.25e+30")]
#[case("5e-324", "5e-324")]
#[case("9007199254740993", "9007199254740992")]
#[case("1e400", "null")]
#[case(r#"{"b" : [ true,null ], "a": "\u00fc\/\u007f\u2028"}"#, "{\"b\":[true,null],\"a\":\"ü/\u{7f}\u{2028}\"}")]
#[case(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#)]
fn javascript_prints_in_its_own_way(#[case] body: &str, #[case] expected: &str) {
    assert_eq!(stringified(body.as_bytes()).map(|text| String::from_utf8(text).unwrap()).as_deref(), Some(expected));
}

#[test]
fn javascript_knows_no_numbers_that_are_none() {
    for body in ["NaN", "Infinity", "[-Infinity]", "{", "\"\\ud800\""] {
        assert_eq!(stringified(body.as_bytes()), None, "{body}");
    }
}
