//! What templates make of letters.

use super::*;

fn completed_with(result: &str) -> String {
    let texts = Texts { result: Some(result), metadata: Some(r#"{"customer":"acme","n":1.10}"#), ..Texts::default() };
    letter(&news(Topic::Completed, Some(completed())), texts)
}

fn made(template: &str, result: &str) -> String {
    let compiled = Template::compile(template).unwrap_or_else(|says| panic!("{template} {says}"));
    compiled.render(&completed_with(result)).unwrap_or_else(|says| panic!("{template}: {says}"))
}

#[test]
fn a_platforms_template_is_filled_in() {
    let template = r#"{ "task_id": "{{task_id}}", "result": "{{ result_json }}", "file": "{{file_url}}", "meta": "{{meta_info}}",
        "text": "Task {{task_id}} {{ data.status|upper }}: {{result_json}}", "{{task_id}}": "{{}" }"#;
    let template = template.replace(r#""{{}""#, "true");
    assert_eq!(
        made(&template, r#"{"url": "https://e.x/1.mp4", "id": 9007199254740993, "x": 1.10}"#),
        concat!(
            r#"{"task_id":"video-42","result":{"url": "https://e.x/1.mp4", "id": 9007199254740993, "x": 1.10},"#,
            r#""file":"https://e.x/1.mp4","meta":{"customer":"acme","n":1.10},"text":"Task video-42 COMPLETED: "#,
            r#"{\"url\": \"https://e.x/1.mp4\", \"id\": 9007199254740993, \"x\": 1.10}","{{task_id}}":true}"#,
        )
    );
}

#[rstest]
#[case("{{ data.result }}", "1e400", "1e400")]
#[case("{{ data.result[1] }}", "[1, 2.50]", "2.50")]
#[case("{{ data['result'].a }}", r#"{"a":null}"#, "null")]
#[case("{{ data.nothing.here }}", "1", "null")]
#[case("{{ data.result.a|default('none') }}", "{}", r#""none""#)]
#[case("{{ data.result if data.late else data.metadata }}", "1", r#"{"customer":"acme","n":1.10}"#)]
#[case("{{ data.attempt + 1 }}", "1", "2")]
#[case("{{ data.progress.percent|times(2) }}", "1", "125.0")]
#[case("{{ ['a', {'b': 1}] }}", "1", r#"["a",{"b":1}]"#)]
#[case("{{ result_json|map(attribute='u')|list }}", r#"[{"u":"<a>"},{"u":2}]"#, r#"["<a>",2]"#)]
#[case(" {{ task_id }}", "1", r#"" video-42""#)]
#[case("{{ result_json }}", "\"t\\n\"", "\"t\\n\"")]
#[case("r: {{ result_json }}", "\"t\"", r#""r: \"t\"""#)]
#[case("r: {{ result_json }}", "null", r#""r: null""#)]
#[case("d: {{ data.result }}{{ data.error }}", "\"<t>\"", r#""d: <t>""#)]
#[case("{{ '}}' }}{{ '{{' }}", "1", r#""}}{{""#)]
#[case("{{ {'a': {'b': 2}}['a'] }}", "1", r#"{"b":2}"#)]
fn a_leaf_becomes(#[case] leaf: &str, #[case] result: &str, #[case] value: &str) {
    assert_eq!(made(&json!(leaf).to_string(), result), value, "{leaf}");
}

#[rstest]
#[case("\"https://e.x/a.png\"", Some("https://e.x/a.png"))]
#[case("\"no url\"", None)]
#[case(r#"["https://e.x/a.png"]"#, Some("https://e.x/a.png"))]
#[case(r#"{"output":["https://e.x/a.png"]}"#, Some("https://e.x/a.png"))]
#[case(r#"{"images":[{"url":"https://e.x/a.png"}]}"#, Some("https://e.x/a.png"))]
#[case(r#"{"video":{"url":"https://e.x/a.mp4"}, "url": "s3 key"}"#, Some("https://e.x/a.mp4"))]
#[case(r#"{"thumbnail":"https://e.x/a.png"}"#, None)]
#[case("null", None)]
fn the_first_url_of_a_result_is_its_file(#[case] result: &str, #[case] url: Option<&str>) {
    assert_eq!(made(r#""{{file_url}}""#, result), json!(url).to_string());
}

#[rstest]
#[case("{", "is no JSON document")]
#[case(r#"{"a": "{{ nothing }}"}"#, "no variable")]
#[case(r#"{"a": "{{ data.x"}"#, "`{{` without its `}}`")]
#[case(r#"{"a": "{{ }}"}"#, "is empty")]
#[case(r#"{"a": "{% for x in data %}"}"#, "statement")]
#[case(r#"{"a": "{{ data * 9 }}"}"#, "repeats")]
#[case(r#"{"a": "{{ range(9) }}"}"#, "no variable")]
fn faults_are_named_with_their_place(#[case] template: &str, #[case] part: &str) {
    let says = Template::compile(template).expect_err(template);
    assert!(says.contains(part) && (says.contains("line 1, column 7)") || says.contains("line 1 column")), "{template} {says}");
}

#[test]
fn a_large_result_passes_through_and_a_larger_body_is_not_made() {
    let result = serde_json::to_string(&"x\"".repeat(2_500_000)).expect("a text");
    assert_eq!(made(r#"{"r":"{{result_json}}"}"#, &result), format!(r#"{{"r":{result}}}"#));
    assert!(made(r#"{"r":"as text: {{data.result}}"}"#, &result).len() > result.len());
    let many = json!(vec!["{{ data }}"; 3]).to_string();
    assert!(
        Template::compile(&many)
            .expect("a template")
            .render(&completed_with(&result))
            .expect_err("too large")
            .contains("larger than")
    );
    assert!(Template::compile(&json!(vec!["{{ data }}"; 101]).to_string()).is_err(), "too many placeholders");
    assert!(Template::compile(&json!("x".repeat(70_000)).to_string()).is_err(), "too long a text");
}

#[test]
fn a_preview_shows_a_completed_task() {
    let preview =
        Template::compile(r#"{"t":"{{task_id}}","f":"{{file_url}}","s":"{{metadata.sequence}}"}"#).and_then(|t| t.preview());
    assert_eq!(preview.as_deref(), Ok(r#"{"t":"video-42","f":"https://files.example/video-42.mp4","s":3}"#));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-z{}% \"\\\\äé]{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["{{ data }}", "x {{ data.result }} y", "{{ data.result|tojson }}", "{{ event ~ data }}"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z{}\"]{0,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_made_is_json(document in documents(), result in "[a-z\"\\\\{}ä\n]{0,20}") {
        if let Ok(template) = Template::compile(&serde_json::to_string_pretty(&document).expect("JSON")) {
            let body = template.render(&completed_with(&json!(result).to_string()));
            prop_assert!(body.as_deref().is_ok_and(|body| serde_json::from_str::<Value>(body).is_ok()), "{:?}", body);
        }
    }

    #[test]
    fn a_document_without_placeholders_is_sent_as_it_is(document in documents().prop_filter("plain", |d| !d.to_string().contains('{') || !d.to_string().contains("{{"))) {
        if let Ok(template) = Template::compile(&serde_json::to_string_pretty(&document).expect("JSON")) {
            prop_assert_eq!(template.render(&completed_with("1")).expect("a body"), document.to_string());
        }
    }
}
