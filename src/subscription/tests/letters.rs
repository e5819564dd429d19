//! What a letter says.

use super::*;
use crate::domain::review::{Content, Entry, Review, Stage};

fn parsed(letter: &str) -> Value {
    serde_json::from_str(letter).unwrap_or_else(|error| panic!("{error}: {letter}"))
}

#[test]
fn a_completed_task_is_told_as_the_api_shows_it() {
    let news = news(Topic::Completed, Some(completed()));
    let texts =
        Texts { result: Some(r#"{"url": "https://e.x/1", "n": 1.10}"#), metadata: Some(r#"{"k":1e400}"#), ..Texts::default() };
    let letter = letter(&news, texts);
    assert_eq!(
        letter,
        concat!(
            r#"{"event":"task.completed","data":{"task_id":"video-42","id":"video-42","generator":"default","status":"completed","#,
            r#""attempt":1,"max_retries":3,"progress":{"percent":62.5,"stage":"encode","message":null,"updated_at":"2026-02-08T12:00:30Z"},"#,
            r#""result":{"url": "https://e.x/1", "n": 1.10},"error":null,"external_id":"job-7","metadata":{"k":1e400},"priority":5,"#,
            r#""created_at":"2026-02-08T12:00:00Z","submitted_at":"2026-02-08T12:00:01Z","started_at":"2026-02-08T12:00:02Z","#,
            r#""settled_at":"2026-02-08T12:01:00Z","deadline_at":"2026-02-08T12:30:01Z","settled_by":"callback","late":false,"#,
            r#""submit_unknown":false},"timestamp":"2026-02-08T12:01:01Z","metadata":{"sequence":3}}"#,
        )
    );
}

#[test]
fn a_failure_is_told_with_its_error() {
    let details = Some(r#"{"at":[1]}"#.to_owned());
    let error = TaskError { details, ..TaskError::new("NSFW", "ContentError", "not shown") };
    let news = news(Topic::Failed, Some(task(State::Failed { settled: settled(), error })));
    let data = parsed(&letter(&news, Texts::default()))["data"].take();
    assert_eq!(data["error"], json!({"code": "NSFW", "type": "ContentError", "message": "not shown", "details": {"at": [1]}}));
    assert_eq!((&data["result"], &data["status"]), (&Value::Null, &json!("failed")));
}

#[test]
fn news_of_a_content_holds_its_document() {
    let entry =
        Entry { priority: 5, stage: Stage::Pending, tries: 0, publish_after: at(0), approved_at: at(0), error: None, done: None };
    let content = Content {
        id: Uuid::from_u128(7),
        task: TaskId::parse("video-42").expect("an id"),
        generator: GeneratorName::parse("default").expect("a name"),
        document: Uuid::nil(),
        review: Review::Approved(entry),
        note: Some("fine".to_owned()),
        created_at: at(60),
    };
    let mut news = news(Topic::Approved, Some(completed()));
    news.about.as_mut().expect("a task").content = Some(Box::new(content));
    let texts = Texts { document: Some(r#"{"title":"T","task_id":"other","fields":{"n":1e400}}"#), ..Texts::default() };
    let letter = letter(&news, texts);
    assert!(letter.contains(r#""title":"T","fields":{"n":1e400},"review_status":"approved","review_note":"fine""#), "{letter}");
    assert!(letter.contains(r#""data":{"task_id":"video-42","content_id":"00000000-0000-0000-0000-000000000007""#), "{letter}");
    assert!(letter.contains(r#""publish_status":"pooled""#) && letter.ends_with(r#""metadata":{"sequence":3}}"#), "{letter}");
}

#[test]
fn custom_events_are_handed_on_as_they_are() {
    let topic = || Topic::Custom("customer.created".to_owned());
    let texts =
        Texts { data: Some("[1.10, 9007199254740993]"), remarks: Some(r#"{"by":"shop","sequence":0}"#), ..Texts::default() };
    let alone = letter(&news(topic(), None), texts);
    let expected = r#"{"event":"customer.created","data":[1.10, 9007199254740993],"timestamp":"2026-02-08T12:01:01Z","metadata":{"by":"shop","sequence":0}}"#;
    assert_eq!(alone, expected);
    let told = parsed(&letter(&news(topic(), Some(completed())), texts));
    assert_eq!(told["metadata"], json!({"by": "shop", "sequence": 3}));
    assert_eq!(parsed(&letter(&news(topic(), None), Texts::default()))["data"], Value::Null);
}

proptest! {
    /// Texts that are no JSON are left out; those that are stand in it byte for byte.
    #[test]
    fn a_letter_is_always_json(name in ".{0,20}", text in ".{0,40}", number in "-?[1-9][0-9]{0,30}(\\.[0-9]{1,9})?(e[0-9]{1,3})?") {
        let json = format!("[{number}, {}]", serde_json::to_string(&text).expect("a text"));
        for given in [&text, &json] {
            let texts = Texts { data: Some(given), remarks: Some(given), result: Some(given), metadata: Some(given), document: Some(given) };
            for news in [news(Topic::Custom(name.clone()), None), news(Topic::Completed, Some(completed()))] {
                let letter = letter(&news, texts);
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&letter).is_ok(), "{}", letter);
                prop_assert_eq!(letter.contains(&json), *given == json);
            }
        }
    }
}
