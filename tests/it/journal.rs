//! The journal alone: who gets which answer, what shares a commit, and what a bad entry can do to the others.

mod connections;
mod desk;
mod outlay;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use callback_hub::domain::event::{Event, Failure, Found, Outcome, Reason, Report};
use callback_hub::domain::plan::{Answer, Command, Item, NewTask, Patch, Refusal};
use callback_hub::domain::task::{Documents, Status, Submitter, TaskError};
use callback_hub::journal::{Limits, RecordError};
use callback_hub::store::{Entry, Papers};
use desk::{Desk, NOW, callback, callback_as, create, create_as, outcomes, progress, recorded};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::database::Kind;
use crate::samples::{external, new_task, policy, task_id};

#[rstest]
#[tokio::test]
async fn each_entry_of_a_mixed_batch_gets_its_own_answer(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits::default()).await;
    let patch = Patch { external_id: Some(external("ext-1")), metadata: None, priority: Some(1), policy: Arc::new(policy()) };
    let pending = desk.enqueue(vec![
        create("a"),
        create("b"),
        callback("a", progress(50.0, "half"), "one"),
        callback("a", progress(40.0, "less"), "two"),
        callback("a", progress(50.0, "half"), "one"),
        callback("missing", progress(1.0, "?"), "three"),
        create("a"),
        callback("b", Event::Completed(Some(Found::InBody(0..4))), "true"),
        callback("b", Event::Failed(Failure { error: TaskError::default(), retryable: false }), "late"),
        Entry { item: Item { task: Some(task_id("a")), at: NOW, command: Command::Patch(patch) }, papers: Papers::None },
        Entry { item: Item { task: Some(task_id("b")), at: NOW, command: Command::Erase }, papers: Papers::None },
    ]);
    let answers = desk.settle(pending).await;
    assert_eq!(desk.commits(), 1, "one batch, one commit");
    let (created, [one, two, again, missing, repeated, done, late, patched, erased]) = (&answers[..2], &answers[2..]) else {
        panic!("an answer each")
    };
    assert_eq!(created, [Ok(Answer::Created), Ok(Answer::Created)]);
    assert_eq!((recorded(one).outcome, recorded(one).sequence), (Outcome::Applied, 1));
    assert_eq!((recorded(two).outcome, recorded(two).sequence), (Outcome::Ignored(Reason::StaleProgress), 2));
    assert_eq!((recorded(again).outcome, recorded(again).previous), (Outcome::Duplicate, Some(recorded(two).receipt)));
    assert_eq!(*missing, Ok(Answer::Refused(Refusal::UnknownTask)));
    assert_eq!(*repeated, Ok(Answer::Repeated(task_id("a"))));
    assert_eq!((recorded(done).outcome, recorded(done).status), (Outcome::Applied, Status::Completed));
    assert_eq!(recorded(late).outcome, Outcome::Ignored(Reason::AlreadySettled));
    assert_eq!([patched, erased], [&Ok(Answer::Patched), &Ok(Answer::Erased)]);
    assert_eq!((desk.status("a").await, desk.status("b").await), (Some(Status::Processing), Some(Status::Completed)));
}

#[rstest]
#[tokio::test]
async fn a_full_queue_says_so(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits { queue: 2, ..Limits::default() }).await;
    let pending = desk.enqueue(vec![create("a"), create("b")]);
    assert_eq!(desk.journal.depth(), 2);
    assert_eq!(desk.journal.record(create("c")).await, Err(RecordError::Full));
    assert_eq!(desk.settle(pending).await, [Ok(Answer::Created), Ok(Answer::Created)]);
    assert_eq!((desk.status("b").await, desk.status("c").await), (Some(Status::Submitted), None));
}

#[rstest]
#[tokio::test]
async fn what_was_queued_before_the_stop_is_written(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits { items: 4, ..Limits::default() }).await;
    let tasks: Vec<String> = (0..10).map(|number| format!("task-{number}")).collect();
    let pending = desk.enqueue(tasks.iter().map(|task| create(task)).collect());
    assert!(desk.settle(pending).await.iter().all(|answer| *answer == Ok(Answer::Created)));
    assert_eq!(desk.commits(), 3, "no more than four in one transaction");
    for task in &tasks {
        assert_eq!(desk.status(task).await, Some(Status::Submitted), "{task}");
    }
    assert_eq!(desk.journal.record(create("too-late")).await, Err(RecordError::Closed));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn callers_at_once_share_commits(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const CALLERS: u64 = 64;
    let mut desk = Desk::open(kind, Limits::default()).await;
    let stop = CancellationToken::new();
    let mut parts = JoinSet::new();
    parts.spawn(desk.worker.take().expect("a worker").run(stop.clone()));
    assert_eq!(desk.journal.record(create("t")).await, Ok(Answer::Created));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let journal = desk.journal.clone();
        callers.spawn(async move { journal.record(callback("t", Event::NotOfInterest, &number.to_string())).await });
    }
    let answers = callers.join_all().await;
    stop.cancel();
    parts.join_all().await;
    let mut sequences: Vec<u64> = answers.iter().map(|answer| recorded(answer).sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=CALLERS).collect::<Vec<_>>(), "each has a place of its own");
    let commits = desk.commits() - 1;
    println!("{kind:?}: {CALLERS} callers at once took {commits} commits");
    assert!(commits < CALLERS / 5, "{CALLERS} callers took {commits} commits");
}

#[rstest]
#[tokio::test]
async fn what_a_batch_asks_for_is_found_however_long_the_names(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const MANY: usize = 250;
    let mut desk = Desk::open(kind, Limits::default()).await;
    let id = |of: &str, number: usize| format!("{of}{number:0>127}");
    let with_external_id = |of: &str, number| {
        let external_id = Some(external(&"e".repeat(200).replacen("eee", &format!("{number:03}"), 1)));
        create_as(&id(of, number), NewTask { external_id, ..new_task(Submitter::OwnCode) }, Papers::None)
    };
    let first = desk.record((0..MANY).map(|number| with_external_id("t", number)).collect()).await;
    assert!(first.iter().all(|answer| matches!(answer, Ok(Answer::Created))), "{first:?}");
    let same = desk.record((0..MANY).map(|number| with_external_id("u", number)).collect()).await;
    assert!(same.iter().all(|answer| matches!(answer, Ok(Answer::Refused(Refusal::ExternalIdTaken)))), "{same:?}");

    let done = |number| callback(&id("t", number), Event::Completed(Some(Found::InBody(0..4))), "true");
    for expected in [Outcome::Applied, Outcome::Duplicate] {
        let answers = desk.record((0..MANY).rev().map(done).collect()).await;
        assert_eq!(outcomes(&answers), vec![expected; MANY]);
        assert_eq!(desk.commits(), 1, "one batch");
    }
}

#[rstest]
#[tokio::test]
async fn an_entry_above_the_byte_limit_goes_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits { bytes: 8_192, ..Limits::default() }).await;
    let large = "x".repeat(50_000);
    let event = || Event::NotOfInterest;
    let pending = desk.enqueue(vec![
        create("t"),
        callback("t", event(), "before"),
        callback("t", event(), &large),
        callback("t", event(), "after"),
        callback("t", event(), "and after"),
    ]);
    let answers = desk.settle(pending).await;
    assert_eq!(desk.commits(), 3, "what came before, the large one, what came after");
    let sequences: Vec<u64> = answers[1..].iter().map(|answer| recorded(answer).sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4], "in the order in which they were queued");
    let stored = desk.store.payload(recorded(&answers[2]).receipt).await.expect("the database answers");
    assert_eq!(stored.map(|body| body.len()), Some(large.len()));
}

#[rstest]
#[tokio::test]
async fn a_corrupt_row_only_fails_its_own_entries(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits::default()).await;
    let created = desk.record(["a", "bad", "c"].map(create).to_vec()).await;
    assert_eq!(created, [Ok(Answer::Created), Ok(Answer::Created), Ok(Answer::Created)]);
    let vandal = desk.database.connect().await;
    vandal.execute_unprepared("UPDATE hub_tasks SET status = 'nonsense' WHERE id = 'bad'").await.expect("harm");
    vandal.close().await.expect("a connection closes");
    let mark = |task| callback(task, progress(10.0, "on"), task);
    let answers = desk.record(vec![mark("a"), mark("bad"), mark("c"), create("d")]).await;
    assert_eq!(outcomes(&[answers[0].clone(), answers[2].clone()]), [Outcome::Applied; 2]);
    assert_eq!((&answers[1], &answers[3]), (&Err(RecordError::Failed), &Ok(Answer::Created)));
    for (task, status) in [("a", Status::Processing), ("c", Status::Processing), ("d", Status::Submitted)] {
        assert_eq!(desk.status(task).await, Some(status), "{task}");
    }
}

/// The decoder lets no such text through; PostgreSQL refuses it if it should come another way.
#[tokio::test]
async fn a_statement_that_the_database_refuses_only_fails_its_own_entry() {
    let mut desk = Desk::open(Kind::Postgres, Limits::default()).await;
    let pending = desk.enqueue(vec![
        create("t"),
        callback("t", progress(1.0, "fine"), "one"),
        callback("t", progress(2.0, "fine too"), "two"),
        callback("t", progress(3.0, "a NUL: \0"), "three"),
    ]);
    let answers = desk.settle(pending).await;
    assert_eq!(answers[0], Ok(Answer::Created));
    assert_eq!((recorded(&answers[1]).sequence, recorded(&answers[2]).sequence), (1, 2));
    assert_eq!(answers[3], Err(RecordError::Failed));
    let task = desk.store.task_state(&task_id("t")).await.expect("the database answers").expect("is there");
    assert_eq!((task.receipts, task.progress.percent), (2, Some(2.0)), "the refused one leaves nothing");
    assert_eq!(desk.journal.figures().failures.load(Ordering::Relaxed), 1);
}

#[rstest]
#[tokio::test]
async fn the_first_of_forty_events_is_still_known(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits::default()).await;
    let event = |number: usize| callback("t", Event::NotOfInterest, &format!("event {number}"));
    assert_eq!(desk.record(vec![create("t")]).await, [Ok(Answer::Created)]);
    for batch in [0..13, 13..26, 26..40] {
        let fresh = desk.record(batch.map(event).collect()).await;
        assert!(fresh.iter().all(|answer| recorded(answer).outcome == Outcome::Ignored(Reason::NotOfInterest)));
    }
    let again = desk.record((0..40).map(event).collect()).await;
    assert_eq!(outcomes(&again), [Outcome::Duplicate; 40]);
    assert_eq!(recorded(&again[39]).sequence, 80, "duplicates have receipts too");
}

#[rstest]
#[tokio::test]
async fn a_batch_may_be_null_wherever_it_can_be(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits::default()).await;
    let nothing = || callback_as("a", Event::Progress(Report::default()), None, None);
    let answers = desk.record(vec![create("a"), create("b"), nothing(), nothing()]).await;
    assert_eq!(outcomes(&answers[2..]), [Outcome::Applied; 2]);
    let task = desk.store.task(&task_id("a")).await.expect("the database answers").expect("is there");
    assert_eq!((task.input, task.params, task.metadata, task.result), (None, None, None, None));
    assert_eq!((task.task.progress.percent, task.task.status()), (None, Status::Processing));
    let receipt = desk.store.receipt(recorded(&answers[3]).receipt).await.expect("the database answers").expect("is there");
    assert_eq!((receipt.payload, receipt.reason), (None, None));
}

/// Nothing of the one shows in the other: each row of a batch has its own NULLs.
#[rstest]
#[tokio::test]
async fn nulls_and_values_stand_side_by_side(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut desk = Desk::open(kind, Limits::default()).await;
    let text = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    let ids = [1, 2, 3].map(|_| Some(Uuid::now_v7()));
    let documents = Documents { input: ids[0], params: ids[1], metadata: ids[2] };
    let full = NewTask { documents, external_id: Some(external("ext")), ..new_task(Submitter::OwnCode) };
    let papers = Papers::Documents { input: text("{}"), params: text("[]"), metadata: text("7"), webhook: None };
    let answers = desk.record(vec![create("bare"), create_as("full", full, papers)]).await;
    assert_eq!(answers, [Ok(Answer::Created), Ok(Answer::Created)]);
    let full = desk.store.task(&task_id("full")).await.expect("the database answers").expect("is there");
    assert_eq!([full.input, full.params, full.metadata].map(Option::unwrap_or_default), ["{}", "[]", "7"]);
    let bare = desk.store.task(&task_id("bare")).await.expect("the database answers").expect("is there");
    assert_eq!([bare.input, bare.params, bare.metadata], [None, None, None]);
    assert_eq!(bare.task.attempts[0].external_id, None);
}
