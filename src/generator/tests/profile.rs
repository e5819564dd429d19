//! What a file says beside how callbacks are taken: facts for people, hosts, methods, contents, the sender's habits.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::generator::content::Place;
use crate::generator::request::{HttpRequest, Job, Request};

const TEXT: &str = r#"
about = "Draws pictures"
sources = ["https://vendor.example/docs", "a support ticket"]
experimental = true
hosts = ["status.example", "queue.example:8443", "http://127.0.0.1:9000"]
trust = "token"

[event]

[reply]
methods = ["POST"]

[submit]
url = "https://api.example/jobs"
remote_id = "json:id"

[poll]
url = "submit:status_url"
state = "json:status"
[poll.map]
completed = "done"

[content]
title = ["result:title", "input:topic"]
images = "result:images[0].url"
cover = ["result[0].url", "result"]
fields = { words = "result:stats.words", owner = "metadata:owner" }

[sender]
timeout = "10s"
retries = 3
window = "2m"
stops_on = ["4xx", "503"]
"#;

#[test]
fn facts_for_people_are_kept() {
    let plain = built_in("default", &Overrides::default());
    assert!(!plain.experimental() && plain.places().next().is_none() && plain.sender().stops_on().next().is_none());
    let drawing = written(TEXT);
    assert_eq!((drawing.about(), drawing.experimental()), (Some("Draws pictures"), true));
    assert_eq!(drawing.sources(), ["https://vendor.example/docs", "a support ticket"]);
    let shown = |places: &[Place]| places.iter().map(ToString::to_string).collect::<Vec<_>>();
    let places: Value =
        drawing.places().map(|(key, places)| (key, shown(places).into())).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(
        places,
        json!({
            "title": ["result:title", "input:topic"],
            "images": ["result:images[0].url"],
            "cover": ["result[0].url", "result"],
            "fields.words": ["result:stats.words"],
            "fields.owner": ["metadata:owner"],
        })
    );
    let sender = drawing.sender();
    assert_eq!(
        (sender.timeout(), sender.retries, sender.window()),
        (Some(Duration::from_secs(10)), Some(3), Some(Duration::from_secs(120)))
    );
    assert_eq!(sender.stops_on().collect::<Vec<_>>(), ["4xx", "503"]);
    assert_eq!([200, 404, 500, 503].map(|status| sender.stops_at(status)), [false, true, false, true]);
}

#[test]
fn a_file_may_insist_on_a_method() {
    let (either, only_post) = (built_in("default", &Overrides::default()), written(TEXT));
    let takes = |generator: &Generator| generator.methods().collect::<Vec<_>>();
    assert_eq!((takes(&either), takes(&only_post)), (vec!["POST", "PUT"], vec!["POST"]));
}

/// Where the question after a job leads whose submission was answered with this URL.
fn asked_at(generator: &Generator, url: &str) -> Result<String, String> {
    let answer = json!({"id": "j", "status_url": url}).to_string();
    let case = requests::case();
    match generator.status_request(&Job { submit_answer: Some(answer.as_bytes()), ..case.job() }) {
        Ok(Request::Http(HttpRequest { url, .. })) => Ok(url),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn answers_may_lead_to_the_hosts_that_the_file_admits_and_nowhere_else() {
    let drawing = written(TEXT);
    for good in ["https://api.example/s/1", "https://status.example/1", "https://queue.example:8443/s", "http://127.0.0.1:9000/"]
    {
        assert_eq!(asked_at(&drawing, good).as_deref(), Ok(good));
    }
    for bad in [
        "http://status.example/1",
        "https://status.example:444/1",
        "https://deep.status.example/1",
        "https://queue.example:9443/s",
        "http://queue.example:8443/s",
        "http://127.0.0.1:9001/",
        "https://user@status.example/1",
        "file:///etc/passwd",
    ] {
        assert!(asked_at(&drawing, bad).is_err_and(|why| why.contains("leads to another host")), "{bad}");
    }
}

#[test]
fn a_file_may_bring_a_task_to_copy() {
    let named = "trust = \"token\"\n[event]\n[submit]\nurl = \"https://a.example/{model}/{input.topic}\"\nparams = [\"model\", \"kind=x\"]\n";
    let task = json!({"generator": "x", "params": {"model": "model", "kind": "x"}, "input": {"topic": "a lighthouse at dusk"}});
    assert_eq!(written(named).example(), task);
    let own = format!("{named}[submit.example]\ninput = {{ topic = \"t\", n = 1 }}\n");
    let task = json!({"generator": "x", "params": {"model": "model", "kind": "x"}, "input": {"topic": "t", "n": 1}});
    assert_eq!(written(&own).example(), task);
    let mistaken = catalog::mistake(&format!("{named}[submit.example]\ninputs = {{}}\n"));
    assert!(mistaken.contains("did you mean `input`?"), "{mistaken}");
}

#[test]
fn the_task_to_copy_of_each_preset_can_be_submitted() {
    let names: Vec<GeneratorName> =
        Catalog::load(&[], &Overrides::default()).unwrap().iter().map(|it| it.name().clone()).collect();
    let own = |_| GeneratorOverrides {
        base_url: Some("https://here.example".to_owned()),
        api_key: Some("access:secret".to_owned()),
        ..GeneratorOverrides::default()
    };
    let generators = names.iter().map(|name| (name.clone(), own(()))).collect();
    let catalog = Catalog::load(&[], &Overrides { generators, ..Overrides::default() }).unwrap();
    let mut submitted = 0;
    for generator in catalog.iter().filter(|generator| generator.can_submit().is_ok()) {
        let (task, case) = (generator.example(), requests::case());
        let (input, params) = (task["input"].to_string(), task["params"].to_string());
        let job = Job { input: Some(&input), params: Some(&params).filter(|it| *it != "null").map(String::as_str), ..case.job() };
        let request = generator.submit_request(&job);
        assert!(request.is_ok(), "{}: {request:?}", generator.name());
        submitted += 1;
    }
    assert!(submitted > 25, "{submitted}");
}
