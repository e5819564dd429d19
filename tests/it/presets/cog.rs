//! replicate/cog, docs/http.md and coglet's routes.rs: predictions under ids of the client's own, one at a time. A prediction
//! is known while it runs and while its last callback is being tried.

use rstest::rstest;
use serde_json::{Value, json};

use super::settle;
use super::stand_in::{StandIn, nothing};
use super::vendor::{Answer, Asked, Fate, Job, Jobs, Unwanted, Vendor};
use crate::harness::Kind;
use crate::pursuit::{MINUTE, shown};

pub(super) struct Cog;

impl Vendor for Cog {
    fn generator(&self) -> &'static str {
        "cog"
    }

    fn key(&self) -> Option<&'static str> {
        None
    }

    fn order(&self) -> Value {
        json!({"input": {"input": {"prompt": "an onion with sunglasses"}}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        match asked.line() {
            ("PUT", path) if path.len() == 2 && path[0] == "predictions" => create(path[1], asked, jobs),
            ("POST", path) if path.len() == 3 && path[2] == "cancel" => match jobs.find(path[1]) {
                Some(job) => {
                    job.fate = Fate::Stopped;
                    (200, json!({}))
                }
                None => (404, json!({})),
            },
            _ => nothing(),
        }
    }

    fn result(&self, _: &str) -> Value {
        json!("data:image/png;base64,aGk=")
    }

    fn complaint(&self) -> &'static str {
        "CUDA out of memory"
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::default()
    }
}

fn create(id: &str, asked: &Asked, jobs: &mut Jobs) -> Answer {
    if asked.body.get("id").is_some_and(|own| own != id) {
        let fault =
            json!({"loc": ["body", "id"], "msg": "prediction ID must match the ID supplied in the URL", "type": "value_error"});
        return (422, json!({"detail": [fault]}));
    }
    if let Some(job) = jobs.find(id) {
        return (202, prediction(job));
    }
    if jobs.0.iter().any(|job| matches!(job.fate, Fate::Queued | Fate::Working)) {
        return (409, json!({"error": "At capacity - all prediction slots busy", "status": "failed"}));
    }
    assert_eq!(asked.header("prefer"), "respond-async", "else the request takes as long as the prediction");
    jobs.add(id, &asked.body, &asked.body["webhook"]);
    (202, json!({"id": id, "status": "starting"}))
}

fn prediction(job: &Job) -> Value {
    let id = &job.id;
    match job.fate {
        Fate::Queued => json!({"id": id, "status": "starting"}),
        Fate::Working => json!({"id": id, "status": "processing", "input": job.request["input"]}),
        Fate::Done => json!({"id": id, "status": "succeeded", "input": job.request["input"], "output": Cog.result(id)}),
        Fate::Broken => json!({"id": id, "status": "failed", "input": job.request["input"], "error": Cog.complaint()}),
        Fate::Stopped => json!({"id": id, "status": "canceled", "input": job.request["input"]}),
    }
}

#[rstest]
#[case::done(Fate::Done, "completed")]
#[case::broken(Fate::Broken, "failed")]
#[tokio::test]
async fn a_prediction_whose_callback_is_lost_is_asked_for_by_submitting_it_again(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] fate: Fate,
    #[case] status: &str,
) {
    let stand_in = StandIn::start(Box::new(Cog)).await;
    let app = stand_in.app(kind, &[]).await;
    let task = app.created(&stand_in.task()).await;
    app.work_off().await;
    assert_eq!(shown(&app, &["status", "external_id"]).await, [json!("submitted"), json!("t-1")]);
    let first = stand_in.job();
    assert_eq!(json!(first.callback), task["callback_url"]);
    assert_eq!(first.request["webhook_events_filter"], json!(["start", "completed"]));
    stand_in.set(Fate::Working);
    app.later(2 * MINUTE).await;
    assert_eq!(app.status("t").await, "processing");
    assert_eq!(stand_in.job().id, first.id, "the same again starts nothing");
    stand_in.set(fate);
    settle(&app).await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!(status), json!("poll")]);
    let task = app.task("t").await;
    if fate == Fate::Done {
        assert_eq!(task["result"], stand_in.vendor.result("t-1"));
    } else {
        assert_eq!(task["error"]["message"], stand_in.vendor.complaint());
    }
    assert_eq!((stand_in.job().id, task["attempt"].clone()), (first.id, json!(1)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_prediction_that_is_forgotten_is_made_again_under_the_same_id(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let stand_in = StandIn::start(Box::new(Cog)).await;
    let app = stand_in.app(kind, &[]).await;
    app.created(&stand_in.task()).await;
    app.work_off().await;
    stand_in.forget();
    app.later(2 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("processing"), json!(1)]);
    let second = stand_in.job();
    assert_eq!((second.id.as_str(), second.fate), ("t-1", Fate::Queued));
    let completed = json!({"id": "t-1", "status": "succeeded", "output": ["a", "b"], "logs": ""}).to_string();
    let url = second.callback.expect("where it would call");
    assert_eq!(app.callback_to(&url, completed).unsigned().taken().await, (200, "applied".to_owned()));
    assert_eq!(
        shown(&app, &["status", "settled_by", "result"]).await,
        [json!("completed"), json!("callback"), json!(["a", "b"])]
    );
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_prediction_that_nobody_waits_for_is_stopped(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let stand_in = StandIn::start(Box::new(Cog)).await;
    let app = stand_in.app(kind, &[]).await;
    app.created(&stand_in.task()).await;
    app.work_off().await;
    app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    app.work_off().await;
    assert_eq!((stand_in.job().fate, app.status("t").await.as_str()), (Fate::Stopped, "cancelled"));
    app.stop().await;
}
