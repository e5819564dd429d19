//! The audit of the measurements must be able to fail.

use std::time::Duration;

use callback_hub::bench::audit::{Audit, Books};
use callback_hub::bench::fill::Filled;
use callback_hub::bench::load::Answer;
use rstest::rstest;
use serde_json::json;

use crate::harness::{App, Kind};

/// Two tasks with three callbacks each; what `harm` does to the database afterwards, and what is found then.
async fn audited(kind: Kind, harm: &str) -> Audit {
    let app = App::start(kind, &[]).await;
    let mut answers = Vec::new();
    for task in 0..2 {
        app.created(&json!({"id": format!("run-{task}")})).await;
    }
    for (number, task) in (0..6).zip([0, 1].into_iter().cycle()) {
        let body = json!({"event": "progress", "event_id": number.to_string()});
        let (status, outcome) = app.callback(&format!("run-{task}"), &body).taken().await;
        assert_eq!((status, outcome.as_str()), (200, "applied"));
        answers.push(Answer { number, task, took: Duration::ZERO });
    }
    let database = app.stop().await;
    if !harm.is_empty() {
        database.execute(harm).await;
    }
    let filled = Filled { url: database.url.clone(), run: "run".to_owned(), tasks: 2, receipts: 0 };
    Books { filled: &filled, answers: &answers }.audit().await.expect("an audit")
}

#[rstest]
#[case::nothing("", Audit { answered: 6, found: 6, broken: 0 })]
#[case::a_body("DELETE FROM hub_payloads WHERE id = (SELECT last_receipt FROM hub_tasks WHERE id = 'run-1')", Audit { answered: 6, found: 5, broken: 0 })]
#[case::a_receipt("DELETE FROM hub_receipts WHERE sequence = 2 AND task_id = 'run-0'", Audit { answered: 6, found: 5, broken: 1 })]
#[case::a_count("UPDATE hub_tasks SET receipts = 2 WHERE id = 'run-0'", Audit { answered: 6, found: 6, broken: 1 })]
#[case::a_link("UPDATE hub_receipts SET previous = NULL WHERE sequence = 3", Audit { answered: 6, found: 6, broken: 2 })]
#[case::a_task("DELETE FROM hub_tasks WHERE id = 'run-1'", Audit { answered: 6, found: 6, broken: 1 })]
#[tokio::test]
async fn what_is_missing_is_found(#[case] harm: &str, #[case] found: Audit, #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    assert_eq!(audited(kind, harm).await, found);
}
