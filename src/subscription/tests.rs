//! The room from outside: who hears, and what they are told.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::domain::fingerprint::Recent;
use crate::domain::news::{About, News, Texts};
use crate::domain::task::{
    Attempt, Documents, ExternalId, GeneratorName, Progress, ResultAt, Settlement, Source, State, Submitter, Task, TaskError,
    TaskId,
};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Origin, Signature};

mod cost;
mod filters;
mod letters;
mod templates;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_770_552_000 + seconds)
}

fn task(state: State) -> Task {
    let attempt = Attempt {
        external_id: ExternalId::parse("job-7").ok(),
        submitted_at: Some(at(1)),
        deadline_at: Some(at(1801)),
        ..Attempt::new(1)
    };
    Task {
        told: false,
        id: TaskId::parse("video-42").expect("an id"),
        generator: GeneratorName::parse("default").expect("a name"),
        state,
        attempts: vec![attempt],
        submitter: Submitter::Hub,
        max_retries: 3,
        timeout: Duration::from_secs(1800),
        priority: 5,
        request_digest: [0; 32],
        documents: Documents::default(),
        progress: Progress { percent: Some(62.5), stage: Some("encode".to_owned()), message: None, updated_at: Some(at(30)) },
        generator_time: None,
        created_at: at(0),
        started_at: Some(at(2)),
        next_poll_at: None,
        hinted: false,
        polled_at: None,
        polls: 0,
        lease: None,
        empty_answers: 0,
        late_hints: 0,
        submit_unknown: false,
        receipts: 0,
        last_receipt: None,
        recent: Recent::default(),
        auto_approve: true,
        webhook: None,
        news: 3,
        progress_told: false,
        erased_at: None,
    }
}

fn settled() -> Settlement {
    Settlement { at: at(60), by: Source::Callback, finished_at: None }
}

fn completed() -> Task {
    task(State::Completed { settled: settled(), result: ResultAt { payload: Uuid::nil(), span: 0..2 }, late: false })
}

fn news(topic: Topic, task: Option<Task>) -> News {
    let about = task.map(|task| About { task: Box::new(task), sequence: 3, content: None });
    News { topic, at: at(61), papers: None, about }
}

fn letter(news: &News, texts: Texts<'_>) -> String {
    letter::write(&Occasion { news, texts })
}

fn webhook(number: u128, events: &[&str]) -> Webhook {
    Webhook {
        id: Uuid::from_u128(number),
        name: format!("webhook {number}"),
        url: "https://subscriber.example/hook".to_owned(),
        events: events.iter().map(ToString::to_string).collect(),
        filter: None,
        template: None,
        signature: Signature::Standard,
        retry_delays: None,
        timeout: None,
        customer_id: None,
        status: Status::Active,
        reason: None,
        task: None,
        origin: Origin::Api,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn own(events: &[&str]) -> OwnWebhook {
    let events = events.iter().map(ToString::to_string).collect();
    OwnWebhook { id: Uuid::from_u128(99), lane: "tasks at own.example".to_owned(), events, is_disabled: false }
}

/// The numbers of those who hear of a completed task with this result.
fn hearers(webhooks: Vec<Webhook>, result: &str, own: Option<&OwnWebhook>) -> Vec<(u128, Option<String>)> {
    let news = news(Topic::Completed, Some(completed()));
    let texts = Texts { result: Some(result), ..Texts::default() };
    let mail = Subscriptions::new(7, webhooks).address(Occasion { news: &news, texts }, own).mail;
    let addressees = mail.map(|mail| mail.addressees).unwrap_or_default();
    addressees.into_iter().map(|to| (to.webhook.as_u128(), to.note)).collect()
}

#[test]
fn webhooks_hear_what_their_globs_name() {
    let webhooks = vec![
        webhook(1, &["*"]),
        webhook(2, &["task.failed", "task.comp*"]),
        webhook(3, &["content.*"]),
        webhook(4, &["*.completed"]),
    ];
    assert_eq!(hearers(webhooks, "{}", None), [(1, None), (2, None), (4, None)]);
}

#[test]
fn nobody_is_told_what_nobody_wants_to_know() {
    let nobody = Subscriptions::new(7, [webhook(1, &["task.failed"])]);
    assert!(nobody.may_want(&Topic::Failed, None) && !nobody.may_want(&Topic::Completed, None));
    assert!(nobody.may_want(&Topic::Completed, Some(&own(&["task.c*"]))));
    assert!(!nobody.may_want(&Topic::Completed, Some(&own(&["task.d*"]))));
    assert_eq!((nobody.version(), nobody.is_empty()), (7, false));
    assert!(hearers(vec![webhook(1, &["task.failed"])], "{}", Some(&own(&["task.failed"]))).is_empty());
    assert!(Subscriptions::new(0, []).is_empty());
}

#[test]
fn a_tasks_own_webhook_hears_beside_the_registered_ones() {
    let webhooks = || vec![webhook(1, &["*"])];
    assert_eq!(hearers(webhooks(), "{}", Some(&own(&["task.*"]))), [(1, None), (99, None)]);
    assert_eq!(hearers(vec![], "{}", Some(&own(&["task.*"]))), [(99, None)]);
    let of_a_task = Webhook { task: TaskId::parse("video-42").ok(), ..webhook(2, &["*"]) };
    assert!(hearers(vec![of_a_task], "{}", None).is_empty(), "it is told of by whoever addresses");
}

#[test]
fn deleted_ones_hear_nothing_and_disabled_ones_are_marked() {
    let with = |number, status| Webhook { status, ..webhook(number, &["*"]) };
    let webhooks = [with(1, Status::Deleted), with(2, Status::Disabled), with(3, Status::Paused)];
    let news = news(Topic::Completed, Some(completed()));
    let mail = Subscriptions::new(7, webhooks).address(Occasion { news: &news, texts: Texts::default() }, None);
    let mail = mail.mail.expect("mail");
    let marks: Vec<_> = mail.addressees.iter().map(|to| (to.webhook.as_u128(), to.is_disabled)).collect();
    assert_eq!(marks, [(2, true), (3, false)]);
    assert_eq!(mail.letter, letter(&news, Texts::default()));
}

#[test]
fn filters_choose_and_one_that_fails_loses_nothing() {
    let with = |number, filter: &str| Webhook { filter: Some(filter.to_owned()), ..webhook(number, &["*"]) };
    let webhooks = vec![
        with(1, "data.result.score > 5"),
        with(2, "data.result.score > 50"),
        with(3, "data.result.score + 'x'"),
        with(4, "no expression at all"),
    ];
    let heard = hearers(webhooks, r#"{"score":7}"#, None);
    assert_eq!(heard.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(heard[0].1, None);
    assert!(heard[1].1.as_ref().is_some_and(|note| note.starts_with("the filter could not be evaluated: ")), "{heard:?}");
    assert!(heard[2].1.as_ref().is_some_and(|note| note.starts_with("the filter does not work: ")), "{heard:?}");
}

#[rstest]
#[case("*", "task.completed", true)]
#[case("task.*", "task.completed", true)]
#[case("task.*", "task", false)]
#[case("*.failed", "a.b.failed", true)]
#[case("*.failed", "task.failed.late", false)]
#[case("customer.created", "customer.created", true)]
#[case("customer.created", "customer.created2", false)]
#[case("a*a", "a", false)]
#[case("a*a", "aa", true)]
#[case("a*b*c", "a-c-b-c", true)]
#[case("Task.*", "task.completed", false)]
#[case("order/* paid", "order/7 paid", true)]
fn stars_stand_for_any_run(#[case] glob: &str, #[case] name: &str, #[case] matches: bool) {
    assert_eq!(Glob::parse(glob).expect("a glob").matches(name), matches, "{glob} on {name}");
}

#[test]
fn bad_globs_are_named() {
    for (glob, says) in [("", "empty"), ("a\nb", "control"), (" task.*", "space"), (&*"x".repeat(257), "longer")] {
        assert!(Glob::parse(glob).expect_err(glob).contains(says), "{glob}");
    }
}

/// What a glob means, straight from its definition.
fn means(glob: &[char], name: &[char]) -> bool {
    match glob.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|skipped| means(rest, &name[skipped..])),
        Some((first, rest)) => name.first() == Some(first) && means(rest, &name[1..]),
    }
}

proptest! {
    #[test]
    fn globs_mean_what_they_say(glob in "[ab.*]{1,8}", name in "[ab.]{0,10}") {
        let (pattern, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
        prop_assert_eq!(Glob::parse(&glob).expect("a glob").matches(&name), means(&pattern, &text));
    }

    #[test]
    fn whatever_is_saved_is_checked_without_a_panic(glob in ".{0,40}", filter in ".{0,60}", template in ".{0,60}") {
        drop(check(&[glob], Some(&filter), Some(&template)));
        drop(check(&[], None, Some(&json!({"a": template}).to_string())));
    }
}

#[test]
fn faults_are_named_by_their_fields() {
    let events = ["task.*".to_owned(), "\t".to_owned()];
    let faults = check(&events, Some("data.x ="), Some(r#"{"a":"{{ nothing }}"}"#));
    assert_eq!(faults.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["events[1]", "filter", "template"]);
    assert_eq!(check(&[], None, None)[0].0, "events");
    assert!(check(&["*".to_owned()], Some("true"), Some("{}")).is_empty());
}
