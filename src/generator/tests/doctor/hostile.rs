//! Whatever strangers send, the doctor neither panics nor takes long, and calls nothing certain that is made up.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::generator::tests::effort::computed;

/// Each with its catalog, which is not read anew for each callback.
static SAMPLES: LazyLock<Vec<(Sample, Catalog)>> = LazyLock::new(|| {
    let of = |file: &str| {
        let secret = if file == ED25519 { PUBLIC } else { OWN };
        let sample = Sample::new(file, "").secret(secret).beside(PLAIN, OTHERS);
        let catalog = sample.catalog();
        (sample, catalog)
    };
    [PLAIN, IN_BASE64, STAMPED, BARE, ED25519].map(of).into()
});

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
        for (sample, catalog) in SAMPLES.iter() {
            let raw = RawCallback { headers: headers.clone(), query: query.clone(), body: body.clone().into(), ..sample.raw.clone() };
            let sample = Sample { raw, file: String::new(), secret: String::new(), other: None };
            let finding = sample.examined_among(catalog, |patient, refusal| diagnose(patient, &refusal.expect("it is refused")));
            let finding = finding.expect("a finding");
            prop_assert!(!finding.is_certain || finding.check == Check::Timestamp, "{finding:?}");
            prop_assert!(!finding.detail.chars().any(char::is_control), "{finding:?}");
        }
    }
}

fn examined(body: &str) -> impl Fn() -> Finding {
    let sample = Sample::new(STAMPED, body).header("x-id", "m").header("x-timestamp", "1770552000");
    let sample = sample.header("x-signature", &"0".repeat(64));
    let catalog = sample.catalog();
    move || {
        let finding = sample.examined_among(&catalog, |patient, refusal| diagnose(patient, &refusal.expect("it is refused")));
        finding.expect("a finding")
    }
}

/// What the test's own thread computes.
fn effort(body: &str) -> Duration {
    let examined = examined(body);
    let once = || {
        let before = computed();
        assert!(!examined().is_certain);
        computed() - before
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn a_body_eight_times_as_long_takes_about_eight_times_as_long() {
    for piece in ["{\"b\":1,\"a\":[0.5]},", "%41+&=", "\r\n \n", "\\ud83d"] {
        let body = |bytes: usize| format!("[{}0]", piece.repeat(bytes / piece.len()));
        let is_near_linear = || effort(&body(240 << 10)) < 28 * effort(&body(30 << 10)) + Duration::from_millis(20);
        // a busy machine gets several chances
        assert!((0..8).any(|_| is_near_linear()), "{piece}");
    }
}

#[test]
fn beyond_its_bound_a_body_is_not_written_anew_and_the_finding_says_so() {
    let body = |bytes: usize| format!("[{}0]", "{\"b\":1,\"a\":[0.5]},".repeat(bytes / 18));
    let told = |body: &str| examined(body)().detail.contains("more than 256 KiB");
    assert!(!told(&body(255 << 10)) && told(&body(257 << 10)));
    // which is what takes long: sixteen times as many bytes take no longer
    let (within, beyond) = (effort(&body(255 << 10)), effort(&body(4080 << 10)));
    assert!(beyond < 2 * within + Duration::from_millis(50), "{within:?}, {beyond:?}");
    let enormous = effort(&"x".repeat(64 << 20));
    assert!(enormous < Duration::from_secs(10), "{enormous:?}");
}
