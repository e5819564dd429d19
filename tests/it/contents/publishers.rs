//! Many publishers at once, at several apps on one database.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;

use super::{CREATOR, creator, text};
use crate::harness::{App, Kind};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_is_lent_to_one_of_them(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const ENTRIES: usize = 30;
    let one = creator(kind, &[]).await;
    let two = App::on(&one.database, &[CREATOR]).await;
    for number in 0..ENTRIES {
        one.article(&format!("t{number}"), json!({"priority": 1 + number % 3})).await;
    }
    // each takes a few, publishes them, and comes again until nothing is left
    let publisher = async |app: &App| {
        let mut published = Vec::new();
        loop {
            let lent = app.claim(json!({"limit": 2})).await;
            if lent.is_empty() {
                return published;
            }
            for entry in lent {
                app.say(&entry, "published", json!({})).await.good(200);
                assert_eq!(entry["tries"], 1);
                published.push(text(&entry["id"]).to_owned());
            }
        }
    };
    let published: Vec<String> =
        join_all([&one, &two, &one, &two, &one, &two].map(publisher)).await.into_iter().flatten().collect();
    assert_eq!(published.len(), ENTRIES, "nobody gets what somebody else has");
    assert_eq!(published.iter().collect::<BTreeSet<_>>().len(), ENTRIES);
    assert_eq!(one.database.count("hub_contents WHERE stage = 'published'").await, 30);
    two.stop().await;
    one.stop().await;
}
