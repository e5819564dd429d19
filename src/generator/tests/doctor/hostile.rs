//! Whatever strangers send, the doctor neither panics nor takes long, and calls nothing certain that is made up.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let names = ["x-signature", "X-Signature", "x-hub-signature", "x-timestamp", "x-id", "authorization"].map(ToOwned::to_owned);
    let value = prop_oneof![
        vec(any::<u8>(), 0..40),
        "(t=[0-9-]{0,20}|v1=|sha256=|[0-9a-f]{64}|[0-9A-Za-z+/_-]{43}=?|[\"' ,;:]|[0-9a-f]{40}){0,5}"
            .prop_map(String::into_bytes),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
    ];
    vec((prop::sample::select(names.to_vec()), value), 0..6)
}

proptest! {
    #[test]
    fn made_up_callbacks_are_never_explained(
        headers in headers(),
        query in vec((prop::sample::select(vec!["token".to_owned(), "attempt".to_owned()]), "[0-9A-Za-z_-]{0,50}"), 0..3),
        body in prop_oneof!["[{}\\[\\],:\"a0-9.e \n\r%=&é]{0,60}".prop_map(String::into_bytes), vec(any::<u8>(), 0..60)],
    ) {
        for file in [PLAIN, IN_BASE64, STAMPED, BARE, ED25519] {
            let secret = if file == ED25519 { PUBLIC } else { OWN };
            let mut sample = Sample::new(file, "").secret(secret).beside(PLAIN, OTHERS);
            sample.raw = RawCallback { headers: headers.clone(), query: query.clone(), body: body.clone().into(), ..sample.raw };
            let finding = sample.examined(|patient, refusal| diagnose(patient, &refusal.expect("it is refused")));
            let finding = finding.expect("a finding");
            prop_assert!(!finding.is_certain || finding.check == Check::Timestamp, "{finding:?}");
            prop_assert!(!finding.detail.chars().any(char::is_control), "{finding:?}");
        }
    }
}

#[test]
fn a_body_eight_times_as_long_takes_about_eight_times_as_long() {
    let quickest = |body: &str| {
        let sample = Sample::new(STAMPED, body).header("x-id", "m").header("x-timestamp", "1770552000");
        let sample = sample.header("x-signature", &"0".repeat(64));
        let once = || {
            let start = Instant::now();
            assert!(!sample.finding().is_certain);
            start.elapsed()
        };
        (0..3).map(|_| once()).min().unwrap()
    };
    for piece in ["{\"b\":1,\"a\":[0.5]},", "%41+&=", "\r\n \n", "\\ud83d"] {
        let body = |times: usize| format!("[{}0]", piece.repeat(times));
        let (one, eight) = (quickest(&body(3_000)), quickest(&body(24_000)));
        assert!(eight < 28 * one + Duration::from_millis(20), "{piece}: {one:?}, then {eight:?}");
    }
    // and beyond the bound it takes no longer
    let long = quickest(&"x".repeat(64 << 20));
    assert!(long < Duration::from_secs(20), "{long:?}");
}
