//! What may be done to a content in which state, written by hand; and what the fold of a batch makes of results.

use std::sync::Arc;
use std::time::Duration;

use callback_hub::domain::event::{Occurrence, Policy};
use callback_hub::domain::news::Topic;
use callback_hub::domain::plan::{Answer, Command, Item, Refusal, World};
use callback_hub::domain::review::{Act, Content, ContentRecipe, Document, Entry, Recipe, Review, Stage};
use callback_hub::domain::task::{Lease, Status, Task};
use callback_hub::domain::time::Timestamp;
use uuid::Uuid;

use crate::samples::{self, NOW, completed, happening, occurrence, step, task_id};
use crate::table;

const ACTS: &str = "
state           | edit    | edit of an old text | approve    | reject     | published         | failed           | extend     | published by another | retry
pending_review  | edited  | edited meanwhile    | → pending! | → rejected! | lease lost       | lease lost       | lease lost | lease lost | not failed
rejected        | edited  | edited meanwhile    | → pending! | is rejected | lease lost       | lease lost       | lease lost | lease lost | not failed
pending         | is approved | is approved     | is approved | is approved | lease lost      | lease lost       | lease lost | lease lost | not failed
given back      | is approved | is approved     | is approved | is approved | lease lost      | nothing new      | lease lost | lease lost | not failed
publishing      | is approved | is approved     | is approved | is approved | → published!    | → pending        | longer     | lease lost | not failed
publishing, 3rd | is approved | is approved     | is approved | is approved | → published!    | → failed         | longer     | lease lost | not failed
lease over      | is approved | is approved     | is approved | is approved | lease lost      | lease lost       | lease lost | lease lost | not failed
published       | is approved | is approved     | is approved | is approved | nothing new     | lease lost       | lease lost | lease lost | not failed
failed          | is approved | is approved     | is approved | is approved | lease lost      | lease lost       | lease lost | lease lost | → pending
failed, by word | is approved | is approved     | is approved | is approved | lease lost      | nothing new      | lease lost | lease lost | → pending
";

const TOKEN: Uuid = Uuid::from_u128(0x70_4E);
const TEXT: Uuid = Uuid::from_u128(1);
const SOON: Duration = Duration::from_secs(30);

/// A `!` is news.
#[test]
fn what_may_be_done_to_a_content() {
    let head = ["state"].into_iter().chain(acts().map(|(name, _)| name)).map(str::to_owned).collect();
    let rows = states().map(|(name, review)| {
        let cells = acts().into_iter().map(|(_, act)| word(&review, act));
        [name.to_owned()].into_iter().chain(cells).collect()
    });
    table::assert_same(ACTS, &[head].into_iter().chain(rows).collect::<Vec<_>>());
}

fn acts() -> [(&'static str, Act); 9] {
    let edit = |instead_of| Act::Edit { document: Uuid::from_u128(2), instead_of };
    [
        ("edit", edit(TEXT)),
        ("edit of an old text", edit(Uuid::from_u128(9))),
        ("approve", Act::Approve { note: None, publish_after: None }),
        ("reject", Act::Reject { note: None }),
        ("published", Act::Published { lease: TOKEN }),
        ("failed", Act::Failed { lease: TOKEN, error: None, publish_after: None }),
        ("extend", Act::Extend { lease: TOKEN, by: 2 * SOON }),
        ("published by another", Act::Published { lease: Uuid::from_u128(3) }),
        ("retry", Act::Retry),
    ]
}

fn states() -> [(&'static str, Review); 10] {
    let said = |stage, tries, done| {
        Review::Approved(Entry { priority: 5, stage, tries, publish_after: NOW, approved_at: NOW, error: None, done })
    };
    let entry = |stage, tries| said(stage, tries, None);
    let lent = |until| Stage::Publishing(Lease { token: TOKEN, until });
    [
        ("pending_review", Review::Pending),
        ("rejected", Review::Rejected),
        ("pending", entry(Stage::Pending, 0)),
        ("given back", said(Stage::Pending, 1, Some(TOKEN))),
        ("publishing", entry(lent(NOW.plus(SOON)), 1)),
        ("publishing, 3rd", entry(lent(NOW.plus(SOON)), 3)),
        ("lease over", entry(lent(Timestamp::from_micros(NOW.micros() - 1)), 1)),
        ("published", said(Stage::Published { at: NOW }, 1, Some(TOKEN))),
        ("failed", entry(Stage::Failed, 3)),
        ("failed, by word", said(Stage::Failed, 3, Some(TOKEN))),
    ]
}

fn word(review: &Review, act: Act) -> String {
    let before = content(review.clone());
    let mut world = world(samples::task(Status::Completed, 1));
    world.contents.insert(task_id("t"), before.clone());
    let answer = step(&mut world, item(Command::Review(act)));
    let after = &world.contents[&task_id("t")];
    let bang = if world.news.is_empty() { "" } else { "!" };
    match answer {
        Answer::Refused(_) if *after != before || !bang.is_empty() => "refused, and done".to_owned(),
        Answer::Refused(Refusal::LeaseLost) => "lease lost".to_owned(),
        Answer::Refused(Refusal::EditedMeanwhile) => "edited meanwhile".to_owned(),
        Answer::Refused(Refusal::Decided(state)) => format!("is {state}"),
        Answer::Refused(Refusal::NotFailed(_)) => "not failed".to_owned(),
        Answer::Reviewed if *after == before => format!("nothing new{bang}"),
        Answer::Reviewed if after.document != before.document => format!("edited{bang}"),
        Answer::Reviewed => format!("{}{bang}", moved(&before, after)),
        other => format!("{other:?}"),
    }
}

fn moved(before: &Content, after: &Content) -> String {
    let lease = |content: &Content| match content.review.entry().map(|entry| entry.stage.clone()) {
        Some(Stage::Publishing(lease)) => Some(lease.until),
        _ => None,
    };
    if lease(after) > lease(before) && lease(before).is_some() {
        return "longer".to_owned();
    }
    let stage = after.review.entry().map_or(after.review.as_str(), |entry| entry.stage.as_str());
    format!("→ {stage}")
}

#[test]
fn a_lease_never_gets_shorter_and_a_break_never_lies_in_the_past() {
    let mut world = world(samples::task(Status::Completed, 1));
    let (_, publishing) = states()[4].clone();
    world.contents.insert(task_id("t"), content(publishing));
    let shorter = Act::Extend { lease: TOKEN, by: Duration::from_secs(1) };
    assert_eq!(step(&mut world, item(Command::Review(shorter))), Answer::Reviewed);
    let early = Act::Failed { lease: TOKEN, error: Some("no".to_owned()), publish_after: Some(Timestamp::EPOCH) };
    let mut other = world.clone();
    assert_eq!(step(&mut other, item(Command::Review(early))), Answer::Reviewed);
    let of = |world: &World| world.contents[&task_id("t")].review.entry().expect("approved").clone();
    assert_eq!(of(&world).stage, Stage::Publishing(Lease { token: TOKEN, until: NOW.plus(SOON) }));
    assert_eq!((of(&other).publish_after, of(&other).error.as_deref()), (NOW, Some("no")));
}

#[test]
fn a_result_becomes_one_content_at_its_tasks_priority() {
    for (auto_approve, topics) in [(true, vec![Topic::Completed, Topic::Approved]), (false, vec![Topic::Completed])] {
        let task = Task { auto_approve, priority: 2, ..samples::task(Status::TimedOut, 2) };
        let mut world = world(task);
        step(&mut world, happening("t", NOW, with_recipe()));
        step(&mut world, happening("t", NOW, with_recipe()));
        let content = &world.contents[&task_id("t")];
        let priority = content.review.entry().map(|entry| entry.priority);
        assert_eq!(priority, auto_approve.then_some(2));
        assert_eq!(world.news.iter().map(|news| news.topic.clone()).collect::<Vec<_>>(), topics);
    }
}

#[test]
fn an_erased_task_has_no_content() {
    let mut world = world(samples::task(Status::Submitted, 1));
    step(&mut world, happening("t", NOW, with_recipe()));
    assert_eq!(world.contents.len(), 1);
    assert_eq!(step(&mut world, item(Command::Erase)), Answer::Erased);
    assert!(world.contents.is_empty());
    let approve = Act::Approve { note: None, publish_after: None };
    assert_eq!(step(&mut world, item(Command::Review(approve))), Answer::Refused(Refusal::NoContent));

    let mut world = self::world(Task { erased_at: Some(NOW), ..samples::task(Status::TimedOut, 1) });
    step(&mut world, happening("t", NOW, with_recipe()));
    assert_eq!(world.tasks[&task_id("t")].status(), Status::Completed);
    assert!(world.contents.is_empty(), "what is forgotten is not published");
}

/// What it makes is the store's business.
#[derive(Debug)]
struct Nothing;

impl Recipe for Nothing {
    fn make(&self, _: &str, _: Option<&str>, _: Option<&str>) -> Document {
        Document::default()
    }
}

fn with_recipe() -> Occurrence {
    let policy = Policy { content: Some(ContentRecipe(Arc::new(Nothing))), ..samples::policy() };
    Occurrence { policy: Arc::new(policy), ..occurrence(completed()) }
}

fn world(task: Task) -> World {
    World { tasks: [(task.id.clone(), task)].into(), is_listening: true, ..World::default() }
}

fn content(review: Review) -> Content {
    let generator = samples::generator("default");
    Content { id: Uuid::from_u128(7), task: task_id("t"), generator, document: TEXT, review, note: None, created_at: NOW }
}

fn item(command: Command) -> Item {
    Item { task: Some(task_id("t")), at: NOW, command }
}
