//! "Completed" without a result: a reason to ask, until there is nobody to ask or asking has not helped.

use std::time::Duration;

use callback_hub::domain::event::{Event, Occurrence, Policy};
use callback_hub::domain::task::{Attempt, Source, State, Status, Task, TaskError};
use callback_hub::domain::time::Timestamp;
use rstest::rstest;

use super::{with_policy, word};
use crate::samples::{answered, completed, leased, meet, occurrence, policy, progress, task};

const EMPTY: Event = Event::Completed(None);
const AGAIN: Timestamp = Timestamp::from_secs(10_007);

#[rstest]
#[case::callback(true, Source::Callback, 0, "poll now")]
#[case::callback_after_many_polls(true, Source::Callback, 5, "poll now")]
#[case::first_poll(true, Source::Poll, 0, "poll (≤ 5)")]
#[case::fifth_poll(true, Source::Poll, 4, "poll (≤ 1)")]
#[case::sixth_poll(true, Source::Poll, 5, "→ failed")]
#[case::nobody_to_ask(false, Source::Callback, 0, "→ failed")]
fn is_asked_about_or_fails(#[case] can_ask: bool, #[case] source: Source, #[case] asked: u32, #[case] expected: &str) {
    for status in [Status::Submitted, Status::Processing] {
        let task = Task { empty_answers: asked, ..task(status, 2) };
        assert!(task.has_retries_left(), "a missing result is final even then");
        let empty = Occurrence { source, ..with_policy(EMPTY, Policy { can_ask, ..policy() }) };
        assert_eq!(word(&task, &empty), expected, "{}", status.as_str());
    }
}

#[test]
fn five_more_questions_then_it_failed() {
    let mut task = task(Status::Processing, 1);
    for asked in 1..=5 {
        (_, task) = meet(&leased(&task), answered(EMPTY, AGAIN));
        assert_eq!((task.status(), task.empty_answers, task.next_poll_at), (Status::Processing, asked, Some(AGAIN)));
        task.next_poll_at = None;
    }
    let (_, failed) = meet(&task, polled(EMPTY));
    assert_eq!(code(&failed), "INVALID_RESULT");
    assert_eq!(failed.attempts.len(), 1);
}

#[test]
fn any_other_answer_starts_the_count_again() {
    let (_, asked) = meet(&task(Status::Processing, 1), polled(EMPTY));
    let (_, running) = meet(&asked, polled(progress(None)));
    assert_eq!((asked.empty_answers, running.empty_answers), (1, 0));
    let (_, done) = meet(&asked, polled(completed()));
    assert_eq!(done.status(), Status::Completed);
}

#[rstest]
#[case::no_ttl(None, Some(0), Some(0), "INVALID_RESULT")]
#[case::fresh_by_the_generators_time(Some(60), Some(9_940), Some(0), "INVALID_RESULT")]
#[case::old_by_the_generators_time(Some(60), Some(9_939), Some(9_999), "RESULT_EXPIRED")]
#[case::fresh_since_the_submission(Some(60), None, Some(9_940), "INVALID_RESULT")]
#[case::old_since_the_submission(Some(60), None, Some(9_939), "RESULT_EXPIRED")]
#[case::old_since_the_creation(Some(60), None, None, "RESULT_EXPIRED")]
fn the_failure_says_whether_the_result_was_once_there(
    #[case] ttl: Option<u64>,
    #[case] told: Option<i64>,
    #[case] submitted: Option<i64>,
    #[case] expected: &str,
) {
    let policy = Policy { can_ask: false, result_ttl: ttl.map(Duration::from_secs), ..policy() };
    let empty = Occurrence { generator_time: told.map(Timestamp::from_secs), ..with_policy(EMPTY, policy) };
    let attempt = Attempt { submitted_at: submitted.map(Timestamp::from_secs), ..Attempt::new(1) };
    let (_, failed) = meet(&Task { attempts: vec![attempt], ..task(Status::Processing, 1) }, empty);
    assert_eq!(code(&failed), expected);
    assert_eq!(failed.attempts.len(), 1, "final, although retries are left");
}

#[test]
fn settled_tasks_do_not_mind() {
    for status in [Status::Completed, Status::Failed, Status::Cancelled] {
        for can_ask in [true, false] {
            let empty = with_policy(EMPTY, Policy { can_ask, ..policy() });
            assert_eq!(word(&task(status, 2), &empty), "already_settled");
        }
    }
    let presumed_dead = task(Status::TimedOut, 2);
    assert_eq!(word(&presumed_dead, &occurrence(EMPTY)), "poll (≤ 3)");
    assert_eq!(word(&presumed_dead, &with_policy(EMPTY, Policy { can_ask: false, ..policy() })), "→ failed");
}

fn polled(event: Event) -> Occurrence {
    Occurrence { source: Source::Poll, ..occurrence(event) }
}

fn code(task: &Task) -> &str {
    match &task.state {
        State::Failed { error: TaskError { code, .. }, .. } => code,
        _ => task.status().as_str(),
    }
}
