//! Python's own `json.dumps` and the hub's re-serialisation agree, document by document.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use callback_hub::generator::canonical::{Form, rewritten};

/// Another one finds others; this one stays, so that a failure is the same everywhere.
const SEED: &str = "20260208";
const DOCUMENTS: usize = 10_000;

#[derive(serde::Deserialize)]
struct Sample {
    /// In hex, as the forms are.
    body: String,
    /// What Python makes of it; none where it cannot.
    forms: BTreeMap<String, Option<String>>,
}

#[test]
fn ten_thousand_documents_are_written_as_python_writes_them() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/canonical/documents.py");
    let made = Command::new("python3").arg(script).args([SEED, &DOCUMENTS.to_string()]).output().expect("python3 is needed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lines = String::from_utf8(made.stdout).expect("ASCII");
    let samples: Vec<Sample> = lines.lines().map(|line| serde_json::from_str(line).expect("a sample")).collect();
    assert_eq!(samples.len(), DOCUMENTS);

    let (mut refused, mut doubled) = (0, 0);
    for sample in &samples {
        let body = hex::decode(&sample.body).expect("hex");
        assert_eq!(sample.forms.len(), 8);
        for (name, expected) in &sample.forms {
            let form: Form = name.parse().expect("a form");
            let expected = expected.as_ref().map(|text| shown(&hex::decode(text).expect("hex")));
            let found = rewritten(&body, form).map(|bytes| shown(&bytes));
            assert_eq!(found, expected, "{name} of {}", shown(&body));
            refused += usize::from(found.is_none());
        }
        doubled += usize::from(has_a_double_key(&body, &sample.forms));
    }
    println!("{refused} of {} were refused by both, {doubled} bodies had a key twice", 8 * DOCUMENTS);
    assert!(refused > 1_000 && refused < 40_000 && doubled > 1_000, "the documents have lost what makes them hard");
}

/// Whether fewer keys were written than stand in the body.
fn has_a_double_key(body: &[u8], forms: &BTreeMap<String, Option<String>>) -> bool {
    let colons = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b':').count();
    let written = forms["kept,compact,ascii"].as_ref().and_then(|text| hex::decode(text).ok());
    written.is_some_and(|written| colons(&written) < colons(body))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
