//! Whatever strangers send: no panic, no acceptance.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::event::{Claim, Event, Found};
use crate::generator::canonical::{Form, rewritten};
use crate::generator::payload::decode_stored;
use crate::generator::template::Template;

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
    let files = [("x.toml".to_owned(), format!("{}[event]\n", signs("ed25519", "{ts}.{body}")))];
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let asymmetric = Arc::clone(Catalog::load(&files, &with_secrets("x", &[public])).unwrap().find("x").unwrap());
    [written(&rewriting), written(&plain), asymmetric]
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
        static GENERATORS: LazyLock<[Arc<Generator>; 3]> = LazyLock::new(generators);
        for generator in &*GENERATORS {
            let mut raw = raw("");
            raw.body = body.clone().into();
            raw.headers = values.clone();
            prop_assert!(verdict(raw, generator).is_err());
        }
    }

    #[test]
    fn made_up_templates_are_read_or_refused(content in "([{}a-z_:,.|\\[\\]0-9]|\\{body\\}|\\{json:|sorted,|\\{header:){0,12}", body in jsonish()) {
        let files = [("x.toml".to_owned(), format!("[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\ncontent = '{content}'\n[event]\n"))];
        if let Ok(catalog) = Catalog::load(&files, &with_secrets("x", &[SECRET])) {
            let raw = raw(&body).with_header("x-signature", &"00".repeat(32));
            prop_assert!(verdict(raw, catalog.find("x").unwrap()).is_err());
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

/// Of all that a body may be asked for.
const CURIOUS: &str = r#"
trust = "token"
[event]
task = "json:a"
id = "json:b"
state = ["json:a", "json:b.a"]
progress = "json:b"
stage = "json:a"
result = ["json:a.b", "json:b", "json:a"]
data = "json:a"
default = "event"
[[event.rule]]
if = "json:a[*].b exists"
then = "completed"
[[event.rule]]
if = "json:b absent"
then = "progress"
[[event.rule]]
if = "json:a~*1*"
then = "failed"
"#;

proptest! {
    /// What is found in a body lies in it, is JSON, and is what a database takes.
    #[test]
    fn what_is_found_in_a_body_lies_in_it(body in prop_oneof![jsonish(), document(), document().prop_map(|a| format!("{{\"a\":{a},\"b\":{{\"a\":1}}}}"))]) {
        static GENERATOR: LazyLock<Arc<Generator>> = LazyLock::new(|| written(CURIOUS));
        let raw = raw(&body);
        let Ok(decoded) = decode_stored(&GENERATOR, &raw, Claim::default(), false) else { return Ok(()) };
        let found = match decoded {
            Decoded::Custom(event) => {
                prop_assert!(event.name.len() <= 256 && !event.name.chars().any(char::is_control));
                Some(event.data)
            }
            Decoded::Task(event) => match event.event {
                Event::Completed(found) => found,
                Event::Progress(report) => {
                    prop_assert!(report.percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
                    None
                }
                _ => None,
            },
        };
        let text = match &found {
            Some(Found::InBody(span)) => &body[span.clone()],
            Some(Found::Rewritten(text)) => text,
            None => return Ok(()),
        };
        prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok(), "{text}");
        prop_assert!(crate::generator::json::storable(text).is_none(), "{text}");
    }

    /// Whoever has the key is believed, and every bit of what was signed counts.
    #[test]
    fn the_key_opens_and_nothing_else_does(body in vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), bit in 0..8_u8, key in "[a-z]{1,40}") {
        static GENERATOR: LazyLock<Arc<Generator>> = LazyLock::new(|| {
            written("[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\ncontent = \"{ts}.{body}\"\nts = \"header:x-time\"\n[event]\n")
        });
        let mut signed = raw("");
        signed.body = body.clone().into();
        let signed = signed.signed(&GENERATOR, SECRET);
        prop_assert_eq!(verdict(signed.clone(), &GENERATOR), Ok(None));
        let mut changed = body.clone();
        changed[at.index(body.len())] ^= 1 << bit;
        let changed = RawCallback { body: changed.into(), ..signed };
        prop_assert!(verdict(changed, &GENERATOR).is_err());
        let mut foreign = raw("");
        foreign.body = body.into();
        prop_assert!(verdict(foreign.signed(&GENERATOR, &key), &GENERATOR).is_err());
    }

    /// What is hashed is made of what came, part by part.
    #[test]
    fn what_is_signed_is_not_much_longer_than_what_came(content in "(\\{body\\}|\\{body_sha256\\}|\\{body_without_line_breaks\\}|\\{ts\\}|\\{url\\}|\\{header:x-id\\}|\\{json:a\\}|\\{json:sorted,spaced,ascii\\}|[.a]){0,8}", body in document(), id in "[ -~]{0,40}") {
        let Ok(template) = content.parse::<Template>() else { return Ok(()) };
        let raw = raw(&format!("{{\"a\":{body}}}")).with_header("x-id", &id);
        let Some(filled) = template.fill(&raw, Some("1770552000")) else { return Ok(()) };
        let came = raw.body.len() + raw.url.len() + id.len() + 64;
        prop_assert!(filled.parts().iter().map(|part| part.len()).sum::<usize>() <= 12 * came * template.parts().len());
    }
}
