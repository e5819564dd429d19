//! The built-in file of generator `simulator` says of these endpoints what is true.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callback_hub::domain::event::Event;
use callback_hub::domain::task::{ExternalId, GeneratorName, TaskId};
use callback_hub::domain::time::Timestamp;
use callback_hub::generator::catalog::{Catalog, GeneratorOverrides, Overrides};
use callback_hub::generator::entry::Generator;
use callback_hub::generator::reply::{Heard, ResultReply, StatusReply, SubmitReply};
use callback_hub::generator::request::{Job, Request};
use callback_hub::simulator::{Faults, Odds, Temper};

use super::stage::{CALM, HONEST, NO_FAULTS, Stage};

/// The built-in generator, at the stage's address.
fn generator(stage: &Stage) -> Arc<Generator> {
    let name = GeneratorName::parse("simulator").expect("a name");
    let own = GeneratorOverrides { base_url: Some(stage.url.clone()), ..GeneratorOverrides::default() };
    let overrides = Overrides { generators: BTreeMap::from([(name, own)]), ..Overrides::default() };
    Catalog::load(&[], &overrides).expect("the built-in generators").find("simulator").expect("it is built in").clone()
}

fn job<'a>(task: &'a TaskId, external_id: Option<&'a ExternalId>, stage: &'a Stage) -> Job<'a> {
    Job {
        task,
        attempt: 1,
        external_id,
        input: Some(r#"{"prompt": "a lighthouse"}"#),
        params: None,
        priority: 5,
        callback_url: Some(&stage.callback_url),
        token: None,
        submit_answer: None,
        now: Timestamp::EPOCH,
    }
}

async fn heard(stage: &Stage, request: Request) -> Heard {
    let Request::Http(request) = request else { panic!("it has endpoints") };
    let method = request.method.parse().expect("a method");
    let mut built = stage.client.request(method, &request.url).body(request.body.unwrap_or_default());
    for (name, value) in request.headers {
        built = built.header(name, value);
    }
    let answer = built.send().await.expect("an answer");
    let status = answer.status().as_u16();
    Heard::Answer { status, retry_after: None, body: answer.bytes().await.expect("a body") }
}

async fn submitted(stage: &Stage, generator: &Generator, task: &TaskId) -> ExternalId {
    let request = generator.submit_request(&job(task, None, stage)).expect("a request");
    match generator.read_submission(&heard(stage, request).await) {
        SubmitReply::Accepted { external_id: Some(id) } => id,
        other => panic!("{other:?}"),
    }
}

async fn status(stage: &Stage, generator: &Generator, task: &TaskId, id: &ExternalId) -> StatusReply {
    let job = job(task, Some(id), stage);
    let request = generator.status_request(&job).expect("a request");
    generator.read_status(&heard(stage, request).await, &job)
}

fn task() -> TaskId {
    TaskId::parse("demo-01").expect("an id")
}

#[tokio::test]
async fn a_job_is_submitted_once_however_often_and_followed_to_its_result() {
    let stage = Stage::set(Temper { pace: Duration::from_secs(1), ..CALM }).await;
    let (generator, task) = (generator(&stage), task());
    assert!(generator.can_submit().is_ok() && generator.is_repeatable() && generator.can_cancel());
    let id = submitted(&stage, &generator, &task).await;
    assert_eq!(submitted(&stage, &generator, &task).await, id);
    assert_eq!(stage.ledger().await.totals.jobs, 1);

    let (mut percents, begun) = (Vec::new(), stage.clock.now());
    let request = loop {
        match status(&stage, &generator, &task, &id).await {
            StatusReply::Event(polled) => {
                let Event::Progress(progress) = &polled.event else { panic!("{polled:?}") };
                assert_eq!(polled.unknown_word, None);
                percents.extend(progress.percent);
            }
            StatusReply::HasResult { request, finished_at } => {
                assert_eq!(finished_at, Some(stage.clock.now()));
                break request;
            }
            other => panic!("{other:?}"),
        }
        stage.clock.advance(Duration::from_secs(1));
        assert!(stage.clock.now().since(begun) < Duration::from_secs(100), "it ends");
    };
    assert!(percents.len() > 3 && percents.is_sorted(), "{percents:?}");
    match generator.read_result(&heard(&stage, request).await) {
        ResultReply::Event(polled) => {
            assert!(matches!(polled.event, Event::Completed(Some(_))), "{polled:?}");
            assert!(polled.body.windows(5).any(|part| part == b".png\""), "{polled:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn failures_expired_results_and_unknown_jobs_are_told_apart() {
    let failing = Stage::set(Temper { odds: Odds { failures: 1.0, ..HONEST }, ..CALM }).await;
    let (at, task) = (generator(&failing), task());
    let id = submitted(&failing, &at, &task).await;
    match status(&failing, &at, &task, &id).await {
        StatusReply::Event(polled) => {
            let Event::Failed(failure) = &polled.event else { panic!("{polled:?}") };
            assert_eq!(failure.error.code, "OUT_OF_MEMORY");
        }
        other => panic!("{other:?}"),
    }
    let nobody = ExternalId::parse("job-77").expect("an id");
    assert_eq!(status(&failing, &at, &task, &nobody).await, StatusReply::NotFound);

    let forgetful = Stage::set(Temper { faults: Faults { result_ttl: Some(Duration::ZERO), ..NO_FAULTS }, ..CALM }).await;
    let at = generator(&forgetful);
    let id = submitted(&forgetful, &at, &task).await;
    let StatusReply::HasResult { request, .. } = status(&forgetful, &at, &task, &id).await else { panic!("it is completed") };
    assert_eq!(at.read_result(&heard(&forgetful, request).await), ResultReply::Gone);
}

#[tokio::test]
async fn a_job_is_cancelled_and_one_that_has_ended_is_none_to_cancel() {
    let stage = Stage::set(Temper { pace: Duration::from_secs(1), ..CALM }).await;
    let (generator, task) = (generator(&stage), task());
    let id = submitted(&stage, &generator, &task).await;
    let cancel = || generator.cancel_request(&job(&task, Some(&id), &stage)).expect("a section").expect("a request");
    assert!(generator.read_cancellation(&heard(&stage, cancel()).await));
    match status(&stage, &generator, &task, &id).await {
        StatusReply::Event(polled) => assert!(matches!(polled.event, Event::Cancelled), "{polled:?}"),
        other => panic!("{other:?}"),
    }
    assert!(generator.read_cancellation(&heard(&stage, cancel()).await));
}
