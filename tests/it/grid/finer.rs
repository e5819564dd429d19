//! What the grid's cells depend on: attempts left, how old a report is, which deadline was seen.

use callback_hub::domain::event::{Claim, Event, Occurrence, Policy, Report};
use callback_hub::domain::plan::{Answer, Recorded};
use callback_hub::domain::task::{Attempt, Progress, Source, State, Status, Submitter, Task};
use callback_hub::domain::time::Timestamp;
use rstest::rstest;

use super::{with_policy, word};
use crate::samples::{
    DEADLINE, FIRST_POLL_AFTER, NOW, TIMEOUT, completed, failed, meet, occurrence, policy, progress, submit_answered, task,
};

#[rstest]
#[case::first_of_four(Submitter::Hub, 1, 3, true, "retry")]
#[case::third_of_four(Submitter::Hub, 3, 3, true, "retry")]
#[case::last_of_four(Submitter::Hub, 4, 3, true, "→ failed")]
#[case::beyond_the_limit(Submitter::Hub, 6, 3, true, "→ failed")]
#[case::no_retries_at_all(Submitter::Hub, 1, 0, true, "→ failed")]
#[case::said_to_be_final(Submitter::Hub, 1, 3, false, "→ failed")]
#[case::own_code_submits(Submitter::OwnCode, 1, 3, true, "→ failed")]
fn a_failure_is_retried_while_the_hub_may(
    #[case] submitter: Submitter,
    #[case] attempt: u32,
    #[case] max_retries: u32,
    #[case] retryable: bool,
    #[case] expected: &str,
) {
    for status in [Status::Pending, Status::Submitted, Status::Processing] {
        let task = Task { submitter, max_retries, ..task(status, attempt) };
        let claim = Claim { query: Some(attempt), ..Claim::default() };
        let (_, after) = meet(&task, Occurrence { claim, ..occurrence(failed(retryable)) });
        let retried = after.attempts.len() > task.attempts.len();
        assert_eq!(if retried { "retry" } else { "→ failed" }, expected, "{}", status.as_str());
        assert_eq!(after.status(), if retried { Status::Pending } else { Status::Failed });
    }
}

#[rstest]
#[case(1, 30)]
#[case(2, 60)]
#[case(3, 120)]
#[case::the_last_delay_repeats(4, 120)]
fn a_retry_waits_and_starts_clean(#[case] failed_attempt: u32, #[case] delay: i64) {
    let before = well_worn(Task { max_retries: 9, ..task(Status::Processing, failed_attempt) });
    let (_, after) = meet(&before, occurrence(failed(true)));

    assert_eq!(after.state, State::Pending { not_before: Timestamp::from_secs(NOW.secs() + delay) });
    assert_eq!(after.attempt(), &Attempt::new(failed_attempt + 1));
    assert_eq!(after.attempts[after.attempts.len() - 2].ended_at, Some(NOW));
    assert_clean(&after);
}

/// With everything set that belongs to an attempt and not to the task.
pub(super) fn well_worn(task: Task) -> Task {
    Task {
        progress: Progress {
            percent: Some(70.0),
            stage: Some("inking".to_owned()),
            message: Some("two of three".to_owned()),
            updated_at: Some(DEADLINE),
        },
        generator_time: Some(DEADLINE),
        started_at: Some(DEADLINE),
        next_poll_at: Some(DEADLINE),
        empty_answers: 2,
        late_hints: 2,
        submit_unknown: true,
        ..task
    }
}

/// Nothing of [`well_worn`] is left.
pub(super) fn assert_clean(task: &Task) {
    assert_eq!(task.progress, Progress::default());
    assert_eq!((task.generator_time, task.started_at, task.next_poll_at), (None, None, None));
    assert_eq!((task.empty_answers, task.late_hints, task.submit_unknown), (0, 0, false));
}

#[rstest]
#[case::higher(Some(50.0), Some(50.5), "applied")]
#[case::equal(Some(50.0), Some(50.0), "applied")]
#[case::lower(Some(50.0), Some(49.9), "stale_progress")]
#[case::back_to_zero(Some(50.0), Some(0.0), "stale_progress")]
#[case::missing(Some(50.0), None, "applied")]
#[case::first(None, Some(0.0), "applied")]
fn progress_is_stale_if_it_is_lower(#[case] stored: Option<f64>, #[case] told: Option<f64>, #[case] expected: &str) {
    let known = Progress { percent: stored, ..Progress::default() };
    let task = Task { progress: known, ..task(Status::Processing, 2) };
    assert_eq!(word(&task, &occurrence(progress(told))), expected);
}

#[rstest]
#[case::later(Some(100), Some(101), "applied")]
#[case::same_time(Some(100), Some(100), "applied")]
#[case::earlier(Some(100), Some(99), "stale_progress")]
#[case::the_last_one_told_no_time(None, Some(99), "applied")]
#[case::this_one_tells_no_time(Some(100), None, "applied")]
fn progress_is_stale_if_it_is_older(#[case] last: Option<i64>, #[case] told: Option<i64>, #[case] expected: &str) {
    let task = Task { generator_time: last.map(Timestamp::from_secs), ..task(Status::Processing, 2) };
    for percent in [None, Some(50.0)] {
        let told = Occurrence { generator_time: told.map(Timestamp::from_secs), ..occurrence(progress(percent)) };
        assert_eq!(word(&task, &told), expected, "{percent:?}");
    }
}

#[test]
fn the_time_that_counts_is_the_last_applied_callbacks() {
    let told = |percent, time: Option<i64>| Occurrence {
        generator_time: time.map(Timestamp::from_secs),
        ..occurrence(progress(Some(percent)))
    };
    let (_, task) = meet(&task(Status::Submitted, 1), told(10.0, Some(100)));
    let (_, ignored) = meet(&task, told(5.0, Some(200)));
    assert_eq!(word(&ignored, &told(20.0, Some(150))), "applied", "an ignored callback's time does not count");
    let (_, timeless) = meet(&task, told(20.0, None));
    assert_eq!(word(&timeless, &told(30.0, Some(50))), "applied", "the last applied callback told no time");
}

#[test]
fn what_a_report_does_not_tell_stays() {
    let known = well_worn(task(Status::Processing, 1));
    let report = Report { message: Some("done soon".to_owned()), ..Report::default() };
    let (_, after) = meet(&known, occurrence(Event::Progress(report)));
    let expected = Progress { message: Some("done soon".to_owned()), updated_at: Some(NOW), ..known.progress };
    assert_eq!(after.progress, expected);
}

#[test]
fn a_report_that_beats_the_submissions_answer_starts_the_deadline() {
    let fresh = Task { attempts: vec![Attempt::new(1)], ..task(Status::Pending, 1) };
    let (_, after) = meet(&fresh, occurrence(progress(None)));
    assert_eq!(after.attempt().submitted_at, Some(NOW));
    assert_eq!(after.attempt().deadline_at, Some(NOW.plus(TIMEOUT)));
    assert_eq!((after.started_at, after.next_poll_at), (Some(NOW), None), "nobody knows its id yet");
    let (_, after) = meet(&after, occurrence(submit_answered(Some("ext"))));
    assert_eq!((after.attempt().submitted_at, after.next_poll_at), (Some(NOW), Some(NOW.plus(FIRST_POLL_AFTER))));
}

#[rstest]
#[case::the_rows_own(DEADLINE, false, "→ timed_out")]
#[case::an_earlier_one(Timestamp::from_secs(8_999), false, "stale_attempt")]
#[case::a_later_one(Timestamp::from_secs(9_001), false, "stale_attempt")]
#[case::an_earlier_one_where_it_would_be_resubmitted(Timestamp::from_secs(8_999), true, "stale_attempt")]
fn a_deadline_counts_if_it_is_still_the_rows(#[case] seen: Timestamp, #[case] resubmit: bool, #[case] expected: &str) {
    for status in [Status::Submitted, Status::Processing] {
        let policy = Policy { resubmit_on_timeout: resubmit, ..policy() };
        let passed = with_policy(Event::DeadlinePassed { deadline: seen }, policy);
        assert_eq!(word(&task(status, 2), &passed), expected, "{}", status.as_str());
    }
}

#[rstest]
#[case::attempts_left(Submitter::Hub, 3, "retry")]
#[case::none_left(Submitter::Hub, 1, "→ timed_out")]
#[case::own_code_submits(Submitter::OwnCode, 3, "→ timed_out")]
fn an_expired_attempt_is_resubmitted_where_the_file_says_so(
    #[case] submitter: Submitter,
    #[case] max_retries: u32,
    #[case] expected: &str,
) {
    let passed = with_policy(Event::DeadlinePassed { deadline: DEADLINE }, Policy { resubmit_on_timeout: true, ..policy() });
    for status in [Status::Submitted, Status::Processing] {
        let task = Task { submitter, max_retries, ..task(status, 2) };
        assert_eq!(word(&task, &passed), expected, "{}", status.as_str());
    }
}

#[test]
fn a_hint_before_the_submission_makes_the_first_poll_come_at_once_after_it() {
    let (_, hinted) = meet(&task(Status::Pending, 1), occurrence(Event::Hint));
    let (_, submitted) = meet(&hinted, occurrence(submit_answered(Some("ext"))));
    assert_eq!((submitted.status(), submitted.next_poll_at), (Status::Submitted, Some(NOW)));

    let (_, unhinted) = meet(&task(Status::Pending, 1), occurrence(submit_answered(Some("ext"))));
    assert_eq!(unhinted.next_poll_at, Some(NOW.plus(FIRST_POLL_AFTER)));
}

#[test]
fn a_submission_whose_fate_is_unknown_counts_as_submitted() {
    let answered = Event::SubmitAnswered { external_id: None, unknown: true };
    let (_, after) = meet(&task(Status::Pending, 1), occurrence(answered));
    assert_eq!((after.status(), after.submit_unknown), (Status::Submitted, true));
    assert_eq!(after.attempt().external_id, None);
}

#[test]
fn a_word_without_interest_changes_nothing_anywhere() {
    for status in Status::ALL {
        assert_eq!(word(&task(status, 2), &occurrence(Event::NotOfInterest)), "not_of_interest");
    }
}

#[test]
fn a_settled_task_remembers_when_by_which_road_and_is_not_polled() {
    for source in [Source::Callback, Source::Poll] {
        let running = well_worn(task(Status::Processing, 1));
        let (answer, after) = meet(&running, Occurrence { source, ..occurrence(completed()) });
        let settled = after.state.settlement().expect("settled");
        assert_eq!((settled.at, settled.by), (NOW, source));
        assert_eq!((after.next_poll_at, after.attempt().ended_at), (None, Some(NOW)));
        assert!(matches!(answer, Answer::Recorded(Recorded { status: Status::Completed, .. })));
    }
}
