//! What is allowed in a file, and told all the same.

use super::*;

const FETCHED: &str = r#"
[[sign]]
scheme = "hmac"
header = "x-signature"
[event]
task = "json:id"
state = "json:state"
[event.map]
completed = "done"
[poll]
url = "https://a.example/jobs/{remote_id}"
result_url = "https://a.example/jobs/{remote_id}/result"
"#;

/// Whether the warning is there that a callback's body counts for the result.
fn warns(text: &str) -> bool {
    written(text).warnings().iter().any(|warning| warning.contains("its whole body for the result"))
}

#[test]
fn a_result_that_is_fetched_and_a_body_that_would_be_taken_for_it_are_told() {
    assert!(warns(FETCHED));
    assert!(warns(&FETCHED.replace("task =", "result = \"\"\ntask =")), "nothing is said by an empty text");
    assert!(!warns(&FETCHED.replace("task =", "result = \"json:output\"\ntask =")));
    assert!(!warns(&FETCHED.replace("task =", "confirm = \"terminal\"\ntask =")));
    assert!(!warns(&FETCHED.replace("result_url = \"https://a.example/jobs/{remote_id}/result\"", "")));
    // who never calls is asked
    assert!(!warns(&FETCHED.replace("[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"", "trust = \"token\"")));
}
