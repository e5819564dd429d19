//! Presets against the interfaces that they are written for: stand-ins that answer as the vendors' documentation says, and
//! refuse what the vendors would refuse. Callbacks get lost here; what they look like when they arrive, `tests/presets` shows.

mod assemblyai;
mod cog;
mod comfyui;
mod fal;
mod midjourney;
mod openai;
mod replicate;
mod runpod;
mod stand_in;
mod vendor;

use rstest::rstest;
use serde_json::{Value, json};

use self::stand_in::StandIn;
use self::vendor::{Fate, Vendor};
use crate::harness::{App, Kind};
use crate::pursuit::{MINUTE, SECOND, shown};

/// Whose interface is stood in for.
#[derive(Clone, Copy, Debug)]
enum Whose {
    Replicate,
    Fal,
    Runpod,
    Openai,
    Comfyui,
    Assemblyai,
    Midjourney,
}

impl Whose {
    fn vendor(self) -> Box<dyn Vendor> {
        match self {
            Self::Replicate => Box::new(replicate::Replicate),
            Self::Fal => Box::new(fal::Fal),
            Self::Runpod => Box::new(runpod::Runpod),
            Self::Openai => Box::new(openai::Openai),
            Self::Comfyui => Box::new(comfyui::Comfyui),
            Self::Assemblyai => Box::new(assemblyai::Assemblyai),
            Self::Midjourney => Box::new(midjourney::Midjourney),
        }
    }

    /// Its stand-in, and an app that has submitted the task `t` to it.
    async fn submitted(self, kind: Kind) -> (StandIn, App, Value) {
        let stand_in = StandIn::start(self.vendor()).await;
        let app = stand_in.app(kind, &[]).await;
        let task = app.created(&stand_in.task()).await;
        app.work_off().await;
        assert_eq!(shown(&app, &["status", "external_id"]).await, [json!("submitted"), json!(stand_in.job().id)]);
        (stand_in, app, task)
    }
}

/// Time goes by until the task is over.
async fn settle(app: &App) {
    for _ in 0..10 {
        app.later(2 * MINUTE).await;
        if !matches!(app.status("t").await.as_str(), "submitted" | "processing") {
            return;
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_lost_callback_is_made_up_for_by_asking(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Whose::Replicate, Whose::Fal, Whose::Runpod, Whose::Openai, Whose::Comfyui, Whose::Assemblyai, Whose::Midjourney)]
    whose: Whose,
) {
    let (stand_in, app, task) = whose.submitted(kind).await;
    if stand_in.vendor.calls_back() {
        assert_eq!(json!(stand_in.job().callback), task["callback_url"], "where it would call");
    }
    stand_in.set(Fate::Working);
    app.later(61 * SECOND).await;
    assert_eq!(app.status("t").await, "processing");
    stand_in.set(Fate::Done);
    settle(&app).await;
    let expected = [json!("completed"), json!("poll"), stand_in.vendor.result(&stand_in.job().id)];
    assert_eq!(shown(&app, &["status", "settled_by", "result"]).await, expected);
    assert_eq!(stand_in.submissions(), 1);
    let stats = app.get("/api/stats").await.good(200);
    assert_eq!(stats["unknown_words"], json!({}), "{stats}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_job_that_failed_says_why_when_it_is_asked_for(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Whose::Replicate, Whose::Fal, Whose::Runpod, Whose::Openai, Whose::Comfyui, Whose::Assemblyai, Whose::Midjourney)]
    whose: Whose,
) {
    let (stand_in, app, _) = whose.submitted(kind).await;
    stand_in.set(Fate::Broken);
    settle(&app).await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!("failed"), json!("poll")]);
    assert_eq!(app.task("t").await["error"]["message"], stand_in.vendor.complaint());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_it_does_not_take_is_not_tried_again(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Whose::Replicate, Whose::Fal, Whose::Runpod, Whose::Openai, Whose::Comfyui, Whose::Assemblyai, Whose::Midjourney)]
    whose: Whose,
) {
    let stand_in = StandIn::start(whose.vendor()).await;
    let unwanted = stand_in.vendor.unwanted();
    let app = stand_in.app(kind, &unwanted.settings).await;
    let mut task = stand_in.task();
    if let Some(input) = unwanted.input {
        task["input"] = input;
    }
    app.created(&task).await;
    app.work_off().await;
    app.later(10 * MINUTE).await;
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("SUBMIT_REFUSED")), "{task}");
    let message = task["error"]["message"].as_str().expect("a message");
    assert!(message.contains(unwanted.words), "{message}");
    assert_eq!(stand_in.submissions(), 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_cancelled_task_is_stopped_where_it_runs(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Whose::Replicate, Whose::Fal, Whose::Runpod, Whose::Openai, Whose::Comfyui)] whose: Whose,
) {
    let (stand_in, app, _) = whose.submitted(kind).await;
    app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    app.work_off().await;
    assert_eq!((stand_in.job().fate, app.status("t").await.as_str()), (Fate::Stopped, "cancelled"));
    app.stop().await;
}

/// A file that names one kind of object may be used for another by a word in the task.
#[rstest]
#[tokio::test]
async fn an_openai_batch_of_ones_own_is_asked_for_as_a_batch(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let stand_in = StandIn::start(Box::new(openai::Openai)).await;
    let app = stand_in.app(kind, &[]).await;
    stand_in.add("batch_abc", &json!({"input_file_id": "file-abc"}));
    let own = json!({
        "id": "t", "generator": "openai", "submit": false, "external_id": "batch_abc", "params": {"endpoint": "batches"},
    });
    app.created(&own).await;
    stand_in.set(Fate::Working);
    app.later(61 * SECOND).await;
    assert_eq!(app.status("t").await, "processing");
    stand_in.set(Fate::Done);
    settle(&app).await;
    assert_eq!(shown(&app, &["status", "result"]).await, [json!("completed"), json!("file-cvaTdG")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn each_of_the_catalog_has_fixtures(#[values(Kind::Sqlite)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/presets");
    let listed = app.items("/api/generators").await;
    let presets: Vec<&str> = listed.iter().filter(|it| it["built_in"] == true).filter_map(|it| it["name"].as_str()).collect();
    assert!(presets.len() >= 44, "{presets:?}");
    let without: Vec<&str> = presets.into_iter().filter(|name| !folder.join(format!("{name}.toml")).is_file()).collect();
    assert!(without.is_empty(), "no fixtures in tests/presets: {without:?}");
    app.stop().await;
}
