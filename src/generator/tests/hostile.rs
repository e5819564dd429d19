//! Whatever strangers send: no panic, no acceptance, no time that grows faster than the body.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::generator::canonical::{Form, rewritten};

const FORMS: [&str; 4] = ["kept,compact,ascii", "kept,spaced,utf8", "sorted,compact,ascii", "sorted,spaced,utf8"];

fn form(text: &str) -> Form {
    text.parse().unwrap()
}

fn generators() -> [Arc<Generator>; 3] {
    let signs = |scheme: &str, content: &str| {
        format!(
            "[[sign]]\nscheme = \"{scheme}\"\nheader = [\"x-signature\", \"x-other\"]\nitem_sep = \",\"\nfield_sep = \"=\"\nfield = \"v1\"\n\
             content = \"{content}\"\nts = \"sig:t\"\n"
        )
    };
    let rewriting = format!(
        "{}{}[event]\n",
        signs("hmac", "{ts}.{json:sorted,compact,ascii}"),
        signs("hmac", "{ts}.{json:kept,spaced,utf8}")
    );
    let plain = format!("{}[event]\n", signs("hmac", "{ts}{header:x-id}{url}{json:a.b[0]}{body}"));
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let asymmetric = format!("{}[event]\n", signs("ed25519", "{ts}.{body}"));
    [written(&rewriting), written(&plain), single(&asymmetric, &with_secrets("x", &[public])).unwrap()]
}

/// Texts that are JSON more often than not.
fn jsonish() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"a\":",
        "{\"b\":1,\"a\":",
        "\\",
        "\\u",
        "\\ud83d",
        "\\ude00",
        "1",
        "-",
        ".",
        "e9",
        "1e400",
        "0.1",
        "null",
        "true",
        " ",
        "\n",
        "é",
        "😀",
        "\u{7f}",
        "\u{0}",
    ]);
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()).prop_map(|n| format!("{n:?}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let member = ("[a-c\u{e9}\u{1f600}]{0,2}", inner.clone()).prop_map(|(key, value)| format!("\"{key}\": {value}"));
        prop_oneof![
            vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(" , "))),
            vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_made_up_is_accepted(
        values in vec((prop::sample::select(vec!["x-signature".to_owned(), "X-Other".to_owned(), "x-id".to_owned()]), prop_oneof![
            vec(any::<u8>(), 0..40),
            "(t=[0-9-]{0,12}|t=1770552000|v1=[0-9a-f]{0,8}|v1=[0-9a-f]{64}|v1=[0-9A-Za-z+/_-]{0,90}={0,2}|v0=aa|[,= ]){1,6}".prop_map(String::into_bytes),
        ]), 0..4),
        body in prop_oneof![jsonish().prop_map(String::into_bytes), vec(any::<u8>(), 0..60)],
    ) {
        for generator in generators() {
            let mut raw = raw("");
            raw.body = body.clone().into();
            raw.headers = values.clone();
            prop_assert!(verdict(raw, &generator).is_err());
        }
    }

    #[test]
    fn made_up_templates_are_read_or_refused(content in "([{}a-z_:,.|\\[\\]0-9]|\\{body\\}|\\{json:|sorted,|\\{header:){0,12}", body in jsonish()) {
        let file = format!("[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\ncontent = '{content}'\n[event]\n");
        if let Ok(generator) = single(&file, &with_secrets("x", &[SECRET])) {
            let raw = raw(&body).with_header("x-signature", &"00".repeat(32));
            prop_assert!(verdict(raw, &generator).is_err());
        }
    }

    #[test]
    fn what_is_written_is_what_serde_reads_and_is_written_the_same_again(body in document()) {
        let read = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        for wanted in FORMS {
            let once = rewritten(body.as_bytes(), form(wanted)).unwrap();
            prop_assert_eq!(read(&once), read(body.as_bytes()));
            prop_assert_eq!(rewritten(&once, form(wanted)).unwrap(), once);
        }
    }

    #[test]
    fn what_serde_refuses_is_not_written(body in jsonish()) {
        for wanted in FORMS {
            if let Some(out) = rewritten(body.as_bytes(), form(wanted)) {
                prop_assert!(out.len() <= 20 * body.len());
                // serde knows neither lone surrogates nor numbers beyond its own
                let strict = body.contains("\\u") || body.contains("e9") || body.contains("e400");
                prop_assert!(strict || serde_json::from_str::<&serde_json::value::RawValue>(&body).is_ok(), "{body}");
            }
        }
    }
}

/// A body of a kind, of any length.
type Body = fn(usize) -> String;

/// The time that this thread has computed: what others do on a busy machine is not counted.
fn computed() -> Duration {
    // the scheduler only notes it when it has a reason to
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|nanos| nanos.parse().ok()).map_or_else(wall_clock, Duration::from_nanos)
}

fn wall_clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// Whether eight times the length takes about eight times as long; there are several chances.
fn grows_with_its_length(name: &str, body: impl Fn(usize) -> String, short: usize) {
    let (one, eight) = (body(short), body(8 * short));
    let times = (0..5).map(|_| (quickest(&one), quickest(&eight)));
    let times = times.inspect(|(_, eight)| assert!(!eight.is_zero(), "{name} is measured"));
    let slow: Vec<_> = times.take_while(|(one, eight)| *eight >= 28 * *one + Duration::from_millis(5)).collect();
    assert!(slow.len() < 5, "{name}: {slow:?}");
}

/// The quickest of some tries.
fn quickest(body: &str) -> Duration {
    let once = |wanted: &str| {
        let start = computed();
        std::hint::black_box(rewritten(body.as_bytes(), form(wanted)));
        computed().saturating_sub(start)
    };
    (0..3).map(|_| FORMS.into_iter().map(once).sum()).min().unwrap()
}

#[test]
fn a_body_eight_times_as_long_takes_about_eight_times_as_long() {
    let nested = |inside: String| {
        // every level changes places around the whole of what it holds
        let (open, close) = ("{\"b\":".repeat(120), ",\"a\":0}".repeat(120));
        format!("{open}{inside}{close}")
    };
    let bodies: [(&str, Body); 7] = [
        ("empty arrays", |n| format!("[{}[]]", "[],".repeat(n))),
        ("one key", |n| format!("{{{}\"k\":0}}", "\"k\":0,".repeat(n))),
        ("falling keys", |n| format!("{{{}\"\":0}}", (0..n).rev().map(|key| format!("\"{key:07}\":0,")).collect::<String>())),
        ("long keys", |n| format!("{{\"{0}b\":0,\"{0}a\":0,\"{0}a\":1}}", "k".repeat(n))),
        ("one number", |n| format!("[{0}, 0.{0}, 1e{0}]", "7".repeat(n))),
        ("escapes", |n| format!("\"{}\"", "\\ud83d\\n\u{7f}".repeat(n))),
        ("never closed", |n| "{\"a\":[".repeat(n)),
    ];
    for (name, body) in bodies {
        grows_with_its_length(name, body, 3_000);
    }
    grows_with_its_length("nested", |n| nested(format!("\"{}\"", "x".repeat(n))), 50_000);
}
