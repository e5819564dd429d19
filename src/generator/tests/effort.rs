//! What strangers make the hub compute grows with what they send, and not faster.
//!
//! Measured is what the test's own thread computes, which no other process adds to; and where that still comes out too
//! high, it is measured again: what grows with the square does so every time.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use rstest::rstest;

use super::*;
use crate::domain::event::Claim;
use crate::generator::canonical::{Form, rewritten};
use crate::generator::payload::decode_stored;

const SHORT: usize = 3_000;
const LONGER: u32 = 8;
/// Some caches are too small for the long ones.
const AT_MOST: u32 = 28;
const ROUNDS: usize = 5;

/// Something to be computed, from something of any length.
type Work<'a> = &'a dyn Fn(&str);
type Text = fn(usize) -> String;

pub(super) fn computed() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has it");
    Duration::from(time)
}

/// The least of some tries.
fn effort(work: Work<'_>, text: &str) -> Duration {
    let once = || {
        let before = computed();
        work(text);
        computed() - before
    };
    (0..3).map(|_| once()).min().unwrap()
}

fn assert_proportional(name: &str, work: Work<'_>, [short, long]: [String; 2]) {
    let measured = (0..ROUNDS).map(|_| (effort(work, &short), effort(work, &long)));
    let fits = |(one, eight): &(Duration, Duration)| *eight < AT_MOST * *one + Duration::from_millis(3);
    let mut seen = Vec::new();
    let found = measured.inspect(|pair| seen.push(*pair)).any(|pair| fits(&pair));
    assert!(found, "{name}: {LONGER} times as long takes so much longer: {seen:?}");
}

fn sizes(text: Text) -> [String; 2] {
    [text(SHORT), text(LONGER as usize * SHORT)]
}

#[test]
fn what_grows_with_the_square_is_found_out() {
    let squared = |text: &str| {
        let pairs = text.bytes().flat_map(|one| text.bytes().map(move |other| one ^ other));
        std::hint::black_box(pairs.fold(0_u64, |sum, byte| sum + u64::from(byte)));
    };
    let found = std::panic::catch_unwind(|| assert_proportional("squared", &squared, sizes(|n| "xy".repeat(n / 6))));
    assert!(found.is_err());
}

const BODIES: [(&str, Text); 10] = [
    ("empty arrays", |n| format!("[{}[]]", "[],".repeat(n))),
    ("one key", |n| format!("{{{}\"k\":0}}", "\"k\":0,".repeat(n))),
    ("falling keys", |n| format!("{{{}\"\":0}}", (0..n).rev().map(|key| format!("\"{key:07}\":0,")).collect::<String>())),
    ("long keys", |n| format!("{{\"{0}b\":0,\"{0}a\":0,\"{0}a\":1}}", "k".repeat(n))),
    ("one number", |n| format!("[{0}, 0.{0}, 1e{0}]", "7".repeat(n))),
    ("escapes", |n| format!("\"{}\"", "\\ud83d\\n\u{7f}".repeat(n))),
    ("never closed", |n| "{\"a\":[".repeat(n)),
    // every level changes places around the whole of what it holds
    ("nested", |n| format!("{}\"{}\"{}", "{\"b\":".repeat(120), "x".repeat(16 * n), ",\"a\":0}".repeat(120))),
    ("nested lists", |n| format!("{{\"l\":{}{}1{}}}", "[".repeat(100), "1,".repeat(8 * n), "]".repeat(100))),
    ("no JSON", |n| "{\"a\" ".repeat(n)),
];

#[test]
fn writing_a_body_anew_takes_time_by_its_length() {
    for (name, body) in BODIES {
        let work = |body: &str| {
            for form in ["kept,compact,ascii", "kept,spaced,utf8", "sorted,compact,ascii", "sorted,spaced,utf8"] {
                std::hint::black_box(rewritten(body.as_bytes(), form.parse::<Form>().unwrap()));
            }
        };
        assert_proportional(name, &work, sizes(body));
    }
}

/// Everything that can be asked of a body at once, under the keys that the bodies have.
const CURIOUS: &str = r#"
trust = "token"
[event]
default = "completed"
task = ["json:id", "json:l[5].id"]
id = ["json:event_id", "json:k"]
at = ["json:at"]
state = ["json:b.b.b.state", "json:l[2]"]
progress_of = ["json:l[1]", "json:k"]
stage = "json:a.b.c"
message = "json:l[7]"
result = ["json:b.b.b.b.b.b.b.b.b.b.b.b", "json:l"]
error = "json:error"
data = "json:l"
[[event.rule]]
if = ["json:l[*][*][*][*].x=1"]
then = "failed"
[[event.rule]]
if = ["json:l[*]~*a*b*c*d", "json:k in [1, 2, 3]", "json:b.b.b[*]!=1"]
then = "cancelled"
"#;

const OBJECTS: [(&str, Text); 8] = [
    ("a long list", |n| format!("{{\"l\":[{}1]}}", "\"abcabc\",".repeat(n))),
    ("lists in a list", |n| format!("{{\"l\":[{}[]]}}", "[[[[{\"x\":2}]]]],".repeat(n))),
    ("one text", |n| format!("{{\"l\":[\"{}\"]}}", "abc".repeat(8 * n))),
    ("one key again and again", |n| format!("{{{}\"l\":0}}", "\"l\":[1],".repeat(n))),
    ("keys that are escaped", |n| format!("{{{}\"k\":0}}", "\"\\u006b\":0,".repeat(n))),
    ("many keys", |n| format!("{{{}\"k\":0}}", (0..n).map(|key| format!("\"k{key}\":0,")).collect::<String>())),
    ("nested", |n| format!("{}\"{}\"{}", "{\"b\":".repeat(100), "\\u0000".repeat(4 * n), "}".repeat(100))),
    ("a broken end", |n| format!("{{\"l\":[{}", "{\"a\":1},".repeat(n))),
];

#[test]
fn reading_a_body_takes_time_by_its_length() {
    let generator = written(CURIOUS);
    let work = |body: &str| drop(std::hint::black_box(decode_stored(&generator, &raw(body), Claim::default(), false)));
    for (name, body) in OBJECTS.into_iter().chain(BODIES) {
        assert_proportional(name, &work, sizes(body));
    }
}

#[rstest]
#[case::items("v1=00,", "")]
#[case::empty_items(",", "")]
#[case::separators("=", "t=1770552000,v1=")]
#[case::claims("v1=", "t=1770552000,")]
#[case::digits("0", "t=1770552000,v1=")]
#[case::times("t=1,", "")]
#[case::time("1", "t=")]
fn reading_a_signature_takes_time_by_its_length(#[case] piece: &'static str, #[case] first: &'static str) {
    let generator = written(
        "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\nitem_sep = \",\"\nfield_sep = \"=\"\nfield = \"v1\"\n\
         content = \"{ts}.{header:x-signature}.{json:a.b}.{body}\"\nts = \"sig:t\"\n\
         [[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\nitem_sep = \" \"\n[event]\n",
    );
    let work = |header: &str| {
        let raw = raw("{\"a\":{\"b\":1}}").with_header("x-signature", header);
        assert!(std::hint::black_box(verdict(raw, &generator)).is_err());
    };
    let header = |n: usize| format!("{first}{}", piece.repeat(n));
    assert_proportional(piece, &work, [header(SHORT), header(LONGER as usize * SHORT)]);
    // as many headers, each of them short
    let many = |lines: &str| {
        let names = lines.split(' ').map(|value| ("x-signature".to_owned(), value.as_bytes().to_vec()));
        let raw = RawCallback { headers: names.collect(), ..raw("{}") };
        assert!(std::hint::black_box(verdict(raw, &generator)).is_err());
    };
    assert_proportional("many headers", &many, sizes(|n| "v1=00 ".repeat(n)));
}
