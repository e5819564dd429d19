//! `POST /api/tasks`

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

fn conflict(field: &str) -> ((u16, String), Vec<String>) {
    ((409, "conflict".to_owned()), vec![field.to_owned()])
}

#[rstest]
#[tokio::test]
async fn a_task_has_defaults(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for body in ["", "{}"] {
        let request = app.client.post(format!("{}/api/tasks", app.base)).body(body);
        let task = app.send(request).await.good(201);
        let id = task["id"].as_str().expect("an id");
        let mut shown = task.clone();
        let members = shown.as_object_mut().expect("an object");
        let url = members.remove("callback_url").expect("a callback URL");
        assert!(
            url.as_str().is_some_and(|url| url.contains(&format!("/callback/{id}?generator=default&attempt=1&token="))),
            "{url}"
        );
        members.remove("id");
        let expected = json!({
            "generator": "default", "status": "submitted", "attempt": 1, "max_retries": 3,
            "progress": {"percent": null, "stage": null, "message": null, "updated_at": null},
            "result": null, "result_expires_at": null, "error": null, "external_id": null,
            "input": null, "params": null, "metadata": null, "priority": 5,
            "created_at": "2027-01-15T08:00:00Z", "submitted_at": "2027-01-15T08:00:00Z", "deadline_at": "2027-01-15T08:30:00Z",
            "started_at": null, "settled_at": null, "next_poll_at": null, "settled_by": null, "late": false,
            "submit_unknown": false, "overdue": false, "waiting_for_slot": false, "auto_approve": true, "webhook_id": null,
            "erased_at": null,
        });
        assert_eq!(shown, expected);
        assert_eq!(app.task(id).await, task);
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn every_field_is_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let new = json!({
        "id": "A.b_c:d-1", "generator": "quiet", "input": {"prompt": "ein Bild", "n": [1, 2.5, null]}, "params": {"model": "m", "n": 4},
        "metadata": {"order": 7}, "priority": 1, "timeout_seconds": 60, "max_retries": 0, "external_id": "ext 1/ä", "submit": false,
    });
    let task = app.created(&new).await;
    for member in ["id", "generator", "input", "params", "metadata", "priority", "max_retries", "external_id"] {
        assert_eq!(task[member], new[member], "{member}");
    }
    assert_eq!(task["deadline_at"], "2027-01-15T08:01:00Z");
    assert_eq!(app.task("A.b_c:d-1").await, task);
    let scalar = app.created(&json!({"id": "s", "input": "a text", "metadata": 5})).await;
    assert_eq!((&scalar["input"], &scalar["metadata"]), (&json!("a text"), &json!(5)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn settings_go_before_the_file_and_the_request_before_all(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let of_all = [("TASK_TIMEOUT", "10m"), ("TASK_MAX_RETRIES", "7")];
    let of_one = [("GENERATOR_QUIET_TIMEOUT", "20m"), ("GENERATOR_QUIET_MAX_RETRIES", "3")];
    let app = App::start(kind, &[of_all, of_one].concat()).await;
    let task = app.created(&json!({"id": "t"})).await;
    assert_eq!((&task["max_retries"], &task["deadline_at"]), (&json!(7), &json!("2027-01-15T08:10:00Z")));
    let task = app.created(&json!({"id": "q", "generator": "quiet"})).await;
    assert_eq!((&task["max_retries"], &task["deadline_at"]), (&json!(3), &json!("2027-01-15T08:20:00Z")));
    let task = app.created(&json!({"id": "u", "max_retries": 1, "timeout_seconds": 1})).await;
    assert_eq!((&task["max_retries"], &task["deadline_at"]), (&json!(1), &json!("2027-01-15T08:00:01Z")));
    app.stop().await;
    let app = App::start(kind, &[]).await;
    assert_eq!(
        app.created(&json!({"generator": "quiet"})).await["max_retries"],
        0,
        "others do not retry unless their file says so"
    );
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_same_id_with_an_equal_body_is_the_first_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let raw = async |body: &str| app.send(app.client.post(format!("{}/api/tasks", app.base)).body(body.to_owned())).await;
    let first = raw(r#"{"id":"t","input":{"a":1,"b":[true,1.5]},"priority":3}"#).await.good(201);
    app.callback("t", &json!({"event": "progress"})).taken().await;
    for equal in [
        r#"{"priority":3,"input":{"b":[true,1.5],"a":1},"id":"t"}"#,
        " {\"id\" : \"\\u0074\",\n\"input\":{\"a\":1.0,\"b\":[true,15e-1]},\"priority\":3} ",
    ] {
        let again = raw(equal).await.good(200);
        assert_eq!((&again["status"], &again["callback_url"]), (&json!("processing"), &first["callback_url"]), "{equal}");
    }
    for different in [
        r#"{"id":"t"}"#,
        r#"{"id":"t","input":{"a":2,"b":[true,1.5]},"priority":3}"#,
        r#"{"id":"t","input":{"a":1,"b":[1.5,true]},"priority":3}"#,
        r#"{"id":"t","input":{"a":1,"b":[true,1.5]},"priority":3,"max_retries":0}"#,
    ] {
        let answer = raw(different).await;
        assert_eq!((answer.problem(), answer.fields()), conflict("id"), "{different}");
    }
    assert_eq!(app.items("/api/tasks").await.len(), 1);
    app.stop().await;
}

#[rstest]
#[case("18446744073709551614", "18446744073709551615")]
#[case("9007199254740992", "9007199254740993")]
#[case("0.1", "0.2")]
#[case("1", "true")]
#[case("1", "\"1\"")]
#[tokio::test]
async fn different_values_are_different(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] first: &str,
    #[case] second: &str,
) {
    let app = App::start(kind, &[]).await;
    let with = async |input: &str| {
        let body = format!(r#"{{"id":"t","input":{input}}}"#);
        app.send(app.client.post(format!("{}/api/tasks", app.base)).body(body)).await
    };
    assert_eq!(with(first).await.status, 201);
    assert_eq!(with(first).await.status, 200);
    assert_eq!(with(second).await.problem(), conflict("id").0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_idempotency_key_counts_per_api_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("API_KEYS", "the-first-key-of-two,the-second-key-of-two")]).await;
    let create = async |key: &str, idempotency: &str, body: Value| {
        let request = app.client.post(format!("{}/api/tasks", app.base)).bearer_auth(key);
        app.send(request.header("idempotency-key", idempotency).body(body.to_string())).await
    };
    let [one, two] = ["the-first-key-of-two", "the-second-key-of-two"];
    let first = create(one, "k1", json!({"input": 1})).await.good(201);
    assert_eq!(create(one, "k1", json!({"input": 1})).await.good(200)["id"], first["id"]);
    let different = create(one, "k1", json!({"input": 2})).await;
    assert_eq!((different.problem(), different.fields()), conflict("Idempotency-Key"));
    assert_ne!(create(two, "k1", json!({"input": 1})).await.good(201)["id"], first["id"]);
    assert_ne!(create(one, "k2", json!({"input": 1})).await.good(201)["id"], first["id"]);
    for bad in ["", "a\tb", &"k".repeat(256)] {
        let answer = create(one, bad, json!({})).await;
        assert_eq!((answer.problem().0, answer.fields()), (422, vec!["Idempotency-Key".to_owned()]));
    }
    let database = app.stop().await;
    let app = App::on(&database, &[("API_KEYS", "the-first-key-of-two,the-second-key-of-two")]).await;
    let request = app.client.post(format!("{}/api/tasks", app.base)).bearer_auth(one).header("idempotency-key", "k1");
    assert_eq!(app.send(request.body("{\"input\":1}")).await.good(200)["id"], first["id"], "it outlives a restart");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_key_that_was_answered_is_a_key_that_is_used(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let create = async |key: &str, body: Value| {
        let request = app.client.post(format!("{}/api/tasks", app.base)).header("idempotency-key", key);
        app.send(request.body(body.to_string())).await
    };
    app.created(&json!({"id": "t"})).await;
    assert_eq!(create("k", json!({"id": "t"})).await.status, 200);
    assert_eq!(create("k", json!({"id": "u"})).await.problem(), conflict("").0);
    assert_eq!(create("k", json!({"id": "t"})).await.status, 200);
    app.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_creations_at_once_one_creates(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let new = json!({"id": "t", "input": {}});
    let answers = join_all((0..20).map(|_| app.create(&new))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 19);
    assert_eq!(app.database.count("hub_payloads").await, 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn every_field_at_fault_is_named(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let everything = json!({
        "id": "not an id", "generator": "nobody", "params": [], "priority": 11, "timeout_seconds": 0, "max_retries": 101,
        "external_id": "", "submit": true, "callback_url": "https://me.example", "webhook": 5,
        "auto_approve": "yes", "priorty": 1, "colour": "red",
    });
    let answer = app.create(&everything).await;
    assert_eq!(answer.problem(), (422, "invalid_request".to_owned()));
    let (mut named, mut given) =
        (answer.fields(), everything.as_object().expect("an object").keys().cloned().collect::<Vec<_>>());
    // whether it can submit is for a generator to say, and there is none
    given.retain(|field| field != "submit");
    named.sort();
    given.sort();
    assert_eq!(named, given);
    assert!(answer.about("callback_url").contains("did you mean webhook.url?"));
    assert!(answer.about("priorty").contains("did you mean priority?"));
    assert!(!answer.about("colour").contains("did you mean"));
    assert!(answer.about("generator").contains("default"), "the known ones are named");
    for (field, value) in [
        ("priority", json!(0)),
        ("priority", json!("high")),
        ("priority", json!(1.5)),
        ("timeout_seconds", json!(-1)),
        ("timeout_seconds", json!(2_592_001)),
        ("max_retries", json!(-1)),
        ("max_retries", json!(4_294_967_296_u64)),
        ("id", json!(5)),
        ("id", json!("")),
        ("id", json!("x".repeat(129))),
        ("external_id", json!("x".repeat(257))),
        ("external_id", json!("tab\t")),
        ("params", json!({"a": {}})),
        ("submit", json!("yes")),
        ("generator", json!(5)),
    ] {
        let answer = app.create(&json!({field: value})).await;
        assert_eq!((answer.problem().0, answer.fields()), (422, vec![field.to_owned()]), "{field} {value}");
    }
    assert_eq!(app.items("/api/tasks").await.len(), 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn bodies_that_are_none_are_refused(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_MAX_BODY", "1KiB")]).await;
    let raw = async |body: Vec<u8>| app.send(app.client.post(format!("{}/api/tasks", app.base)).body(body)).await.problem();
    for body in [&b"["[..], b"[]", b"null", b"\"x\"", b"1", b"{\"id\":\"\xff\"}", b"{\"input\":}", b"{}{}"] {
        assert_eq!(raw(body.to_vec()).await, (400, "malformed_body".to_owned()), "{body:?}");
    }
    let nested = format!(r#"{{"input":{}{}}}"#, "[".repeat(400), "]".repeat(400));
    assert_eq!(raw(nested.into_bytes()).await, (400, "malformed_body".to_owned()));
    for odd in [r#"{"input":1e400}"#, r#"{"input":"\ud800"}"#, r#"{"metadata":{"\udfff":1}}"#] {
        let answer = app.send(app.client.post(format!("{}/api/tasks", app.base)).body(odd)).await;
        assert!([201, 400].contains(&answer.status), "{odd}: {}", answer.text);
    }
    assert_eq!(raw(vec![b' '; 1_025]).await, (413, "body_too_large".to_owned()));
    app.stop().await;
}
