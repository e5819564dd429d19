//! The API document: it is what it was when somebody last looked at it, and it says what a stranger needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use callback_hub::domain::task::Status;

/// The contract's table of errors, in the order of the checks.
const ERRORS: [(&str, &str); 17] = [
    ("403", "callbacks_disabled"),
    ("403", "address_not_allowed"),
    ("429", "rate_limited"),
    ("413", "body_too_large"),
    ("408", "request_timeout"),
    ("404", "unknown_generator"),
    ("401", "signature_missing"),
    ("401", "timestamp_out_of_tolerance"),
    ("401", "signature_invalid"),
    ("400", "malformed_body"),
    ("400", "missing_event"),
    ("400", "unknown_event"),
    ("400", "invalid_event"),
    ("404", "unknown_task"),
    ("400", "task_mismatch"),
    ("503", "unavailable"),
    ("500", "internal"),
];
/// In a batch these are answers to single items.
const OF_ITEMS: [&str; 5] = ["missing_event", "unknown_event", "invalid_event", "unknown_task", "task_mismatch"];

fn document() -> Value {
    serde_json::to_value(callback_hub::http::document()).expect("the document is JSON")
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().expect("a path").iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    each.collect()
}

fn is_callback(operation: &Value) -> bool {
    operation["tags"][0] == "callbacks"
}

#[test]
fn is_the_one_that_was_kept() {
    let kept: Value = serde_json::from_str(&read("tests/openapi.json")).expect("tests/openapi.json is JSON");
    let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    assert!(
        kept == document(),
        "the API document has changed. If that was meant: cargo run -- openapi > tests/openapi.json\n{}",
        first_difference(&pretty(&kept), &pretty(&document()))
    );
}

fn first_difference(kept: &str, now: &str) -> String {
    let pairs = kept.lines().zip(now.lines()).enumerate();
    let different = pairs.into_iter().find(|(_, (kept, now))| kept != now);
    different.map_or_else(
        || "one is longer than the other".to_owned(),
        |(number, (kept, now))| format!("first in line {}:\n- {kept}\n+ {now}", number + 1),
    )
}

#[test]
fn operation_ids_are_unique_and_fit_for_generated_clients() {
    let document = document();
    let operations = operations(&document);
    let ids: BTreeSet<&str> = operations.iter().filter_map(|(_, operation)| operation["operationId"].as_str()).collect();
    assert_eq!(ids.len(), operations.len());
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')), "{ids:?}");
}

#[test]
fn every_operation_says_what_it_does_and_how_it_fails() {
    let document = document();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
        assert!(operation["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no description");
        let responses = operation["responses"].as_object().expect("responses");
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap_or_default().is_empty(), "{name} does not describe its {status}");
        }
        // health asks for nothing that a client could do wrong
        if name.contains("/health/") {
            continue;
        }
        let problems = responses.iter().filter(|(status, response)| {
            status.starts_with('4') && response["content"]["application/problem+json"]["schema"]["$ref"].is_string()
        });
        assert_ne!(problems.count(), 0, "{name} documents no problem of the client");
        assert!(
            // metrics are open on loopback
            name.contains("/metrics") || operation["security"].as_array().is_some_and(|schemes| schemes.len() == 2),
            "{name} says no way to prove oneself"
        );
    }
}

#[test]
fn callbacks_document_the_signature_and_every_error() {
    let document = document();
    let callbacks: Vec<_> = operations(&document).into_iter().filter(|(_, operation)| is_callback(operation)).collect();
    let names: Vec<&str> = callbacks.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "post /api/v1/content/callback/{task_id}",
        "post /callback",
        "post /callback/{task_id}",
        "post /hooks/{generator}",
        "put /callback/{task_id}",
    ];
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    for (name, operation) in callbacks {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let signature = parameters.iter().find(|parameter| parameter["name"] == "X-Webhook-Signature");
        assert!(
            signature.is_some_and(|signature| signature["in"] == "header"),
            "{name} does not document the signature's header"
        );
        for (status, code) in ERRORS {
            if name == "post /callback" && OF_ITEMS.contains(&code) {
                continue;
            }
            // no path names a task that the body could contradict
            if name == "post /hooks/{generator}" && code == "task_mismatch" {
                continue;
            }
            let example = &operation["responses"][status]["content"]["application/problem+json"]["examples"][code]["value"];
            assert_eq!(example["code"], code, "{name} has no example of {status} {code}");
            assert_eq!(example["status"].to_string(), status);
        }
    }
}

#[test]
fn a_single_callback_has_an_example_of_each_event() {
    let document = document();
    let examples = &document["paths"]["/callback/{task_id}"]["post"]["requestBody"]["content"]["application/json"]["examples"];
    for event in ["completed", "failed", "progress", "cancelled"] {
        assert_eq!(examples[event]["value"]["event"], event);
    }
}

#[test]
fn the_states_are_those_of_the_domain() {
    let document = document();
    let words: Vec<Value> = Status::ALL.into_iter().map(|status| status.as_str().into()).collect();
    assert_eq!(document["components"]["schemas"]["Status"]["enum"], Value::Array(words.clone()));
    let parameters = document["paths"]["/api/tasks"]["get"]["parameters"].as_array().expect("parameters");
    let filter = parameters.iter().find(|parameter| parameter["name"] == "status").expect("a filter by status");
    let pattern = filter["schema"]["pattern"].as_str().unwrap_or_default();
    let alternatives = words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|");
    assert_eq!(pattern, format!("^({alternatives})(,({alternatives}))*$"));
}

#[test]
fn the_readme_lists_the_same_errors() {
    let readme = read("README.md");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| ")).collect();
    for (status, code) in ERRORS {
        let start = format!("| {status} | `{code}` |");
        assert!(rows.iter().any(|row| row.starts_with(&start)), "README.md has no row {start}");
    }
}
