//! What the fuzz targets try, with what this suite makes up: without a nightly toolchain, and without waiting for hours.

use proptest::collection::vec;
use proptest::prelude::*;

#[path = "../fuzz/tries.rs"]
mod tries;

/// Texts that are more often JSON, or a word of a file, than not.
fn almost() -> impl Strategy<Value = String> {
    const PIECES: &str = "{ } [ ] , : \" \"a\" \"a\":{\"b\":[1]} \"data\":{\"id\":7} \"type\":\"done\" \\u \\ud83d\\ude00 1 -0 1e400 0.1 null true é 😀 \
         json: header: query: sig: a.b[0].c [*] {body} {ts} {json:a} {json:sorted,compact,ascii} {url} = != ~ in exists * 2xx";
    let pieces: Vec<&str> = PIECES.split(' ').collect();
    vec(prop::sample::select(pieces), 0..12).prop_map(|pieces| pieces.concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => almost().prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..60)]
}

fn claims() -> impl Strategy<Value = Vec<u8>> {
    let claim = "(t=|t=1770552000,|v1=|v1,|v1a,|sha256=|Bearer |1770552000|[0-9a-f]{64}|[A-Za-z0-9+/]{43}=| |,){0,5}";
    prop_oneof![3 => claim.prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..40)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_made_up_is_believed(headers in vec((any::<u8>(), claims()), 0..6), body in bytes()) {
        tries::verify(&headers, &body);
    }

    #[test]
    fn any_body_is_an_event_or_refused(body in bytes()) {
        tries::decode(&body);
    }

    #[test]
    fn what_is_written_anew_stays_so(body in bytes()) {
        tries::canonical(&body);
    }

    #[test]
    fn any_word_of_a_file_is_read_or_refused(text in prop_oneof![4 => almost(), 1 => any::<String>()], body in bytes()) {
        tries::words(&text, &body);
    }

    #[test]
    fn any_file_is_read_or_refused_by_name(text in prop_oneof![almost(), any::<String>()]) {
        tries::catalog(&text);
    }
}
