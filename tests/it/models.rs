//! Exhaustive models: small worlds around one task, of which every reachable situation is looked at.
//!
//! The real `plan` and `decide`, and the real leases, meet everything that can happen to a task within a model's bounds:
//! see [`system`] for what acts, [`row`] for what time is, [`laws`] and [`properties`] for what must hold. A checker
//! (stateright) looks for situations that break a law; it cannot say from where an end is reachable, so that the graph is
//! walked backwards from the ends.
//!
//! One generator is modelled, the kind that is hardest to keep in step with: a submission can neither be repeated nor
//! looked up, and a job can be asked about only by the id that the generator gave it.

mod graph;
mod hand;
mod laws;
mod outside;
mod properties;
mod row;
mod system;
mod twist;

use std::time::Instant;

use callback_hub::domain::task::Status;
use rstest::rstest;
use stateright::{Checker, Expectation, HasDiscoveries, Model};

use graph::Graph;
use system::{Action, System};
use twist::Twist;

/// A task that may be retried twice, a callback that lingers and repeats, and an operator who wants another attempt.
const ONE_PROCESS: System = System { hands: 1, messages: 1, stages: 1, max_retries: 2, operator_retries: 1, twist: None };
/// Two processes that compete for the task: one may take it over while the other is stopped, and goes on later.
const TWO_PROCESSES: System = System { hands: 2, messages: 1, stages: 1, max_retries: 0, operator_retries: 0, twist: None };

#[rstest]
#[case::one_message_and_an_operators_retry(ONE_PROCESS)]
#[case::two_messages(System { messages: 2, operator_retries: 0, ..ONE_PROCESS })]
fn one_process_keeps_the_laws_and_reaches_an_end(#[case] system: System) {
    keeps_the_laws_and_reaches_an_end(system);
}

#[rstest]
#[case::one_message(TWO_PROCESSES)]
#[case::a_retry(System { messages: 0, max_retries: 1, ..TWO_PROCESSES })]
#[case::an_operators_retry(System { messages: 0, operator_retries: 1, ..TWO_PROCESSES })]
fn two_processes_keep_the_laws_and_reach_an_end(#[case] system: System) {
    keeps_the_laws_and_reaches_an_end(system);
}

fn keeps_the_laws_and_reaches_an_end(system: System) {
    let begun = Instant::now();
    let checker = system.checker().spawn_bfs().join();
    println!(
        "{system:?}: {} steps, {} situations, {} deep, in {:?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        begun.elapsed()
    );
    let found = checker.discoveries();
    let faults = system
        .properties()
        .into_iter()
        .filter(|property| found.contains_key(property.name) == (property.expectation == Expectation::Always));
    let faults: Vec<_> =
        faults.map(|property| (property.name, found.get(property.name).cloned().map(|path| path.into_actions()))).collect();
    assert!(faults.is_empty(), "laws that are broken, or cases that never come up: {faults:?}");

    let graph = Graph::explore(&system);
    println!("walked backwards after {:?}", begun.elapsed());
    assert_eq!(graph.situations.len(), checker.unique_state_count(), "the checker tells situations apart by their hash");
    let stuck = graph.stranded(|now| now.is_settled(), by_itself).next();
    assert_eq!(stuck, None, "no end, though only the generator is silent");
    let lost = graph.stranded(|now| now.status() == Status::Completed, |step| by_itself(step) || matches!(step, Action::Ask(_)));
    let lost: Vec<_> = lost.filter(|now| now.is_completed_upstream()).take(1).collect();
    assert!(lost.is_empty(), "completed, and polling does not find out: {lost:#?}");
}

/// What the hub and time do: nobody answers, and not one callback arrives.
fn by_itself(step: Action) -> bool {
    match step {
        Action::Send(_, reply, _) => reply == hand::Reply::Unknown,
        Action::TakeToSend(_) | Action::TakeToAsk(_) | Action::AskInVain(_) | Action::Record(..) => true,
        Action::LeaseEnds | Action::DeadlinePasses => true,
        _ => false,
    }
}

#[rstest]
#[case(Twist::AcceptsFailuresOfCompleted, "settled stays settled")]
#[case(Twist::IgnoresFingerprints, "one effect per event")]
#[case(Twist::TakesEveryEventForTheCurrentAttempt, "an older attempt only brings a result")]
#[case(Twist::RetriesForEver, "attempts are bounded")]
#[case(Twist::ForgetsProgress, "progress never falls within an attempt")]
#[case(Twist::ForgetsThatItSends, "an attempt is sent once")]
fn a_broken_rule_is_caught_with_one_process(#[case] twist: Twist, #[case] law: &'static str) {
    is_caught(System { twist: Some(twist), ..ONE_PROCESS }, law);
}

#[rstest]
#[case(Twist::DoesNotCompareLeases, "nothing is recorded after the lease")]
#[case(Twist::ForgetsThatItSends, "an attempt is sent once")]
fn a_broken_rule_is_caught_with_two_processes(#[case] twist: Twist, #[case] law: &'static str) {
    is_caught(System { twist: Some(twist), ..TWO_PROCESSES }, law);
}

fn is_caught(system: System, law: &'static str) {
    let checker = system.checker().finish_when(HasDiscoveries::AnyOf([law].into())).spawn_bfs().join();
    let path = checker.discovery(law).expect("a counterexample");
    println!("{:?} is caught after {} steps: {:?}", system.twist, checker.state_count(), path.into_actions());
}

#[test]
fn a_task_that_is_stuck_is_caught() {
    let system = System { twist: Some(Twist::IgnoresDeadlines), messages: 0, max_retries: 0, operator_retries: 0, ..ONE_PROCESS };
    let graph = Graph::explore(&system);
    let stuck = graph.stranded(|now| now.is_settled(), by_itself).count();
    assert!(stuck > 0);
    println!("without deadlines {stuck} of {} situations lead nowhere", graph.situations.len());
}
