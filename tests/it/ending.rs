//! What ends the service before its time: a part that should run for ever, and does not.

use rstest::rstest;
use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::{App, Kind};

#[rstest]
#[tokio::test]
async fn a_loop_that_dies_ends_the_service_and_it_has_failed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(true, false)] panics: bool,
) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let (address, database) = (app.address, app.database.clone());
    let well = app.end_with(async move { assert!(!panics, "a fault in a loop") }).await;
    assert!(!well, "`callback-hub serve` makes code 1 of it");
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
    assert_eq!(database.count("hub_tasks").await, 1, "what was answered is there");
}
