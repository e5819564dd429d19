//! `/console`: is it working, and what is stuck?

use std::collections::{BTreeMap, BTreeSet};

use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use crate::http::console::answer::Refusal;
use crate::http::console::charts;
use crate::http::console::visit::Visit;

/// How far back the charts go, in hours, and how many minutes a bar of the first one stands for.
const SPANS: [(usize, usize); 3] = [(1, 1), (6, 5), (24, 15)];

pub(in crate::http::console) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let wanted = visit.query.text("hours").parse().unwrap_or(1);
    let (hours, minutes) = SPANS.into_iter().find(|(hours, _)| *hours == wanted).unwrap_or(SPANS[0]);
    let stats = visit.get("/api/stats").await?;
    let webhooks = visit.get("/api/webhooks?limit=1").await?;
    let listed = visit.get("/api/generators").await?;
    let hub = &visit.desk.hub;
    let context = json!({
        "generators": generators(&stats, &listed),
        "callbacks": charts::callbacks(hub, hours * 60 / minutes, minutes),
        "deliveries": charts::deliveries(hub, None).await?,
        "hours": hours,
        "spans": SPANS.map(|(hours, _)| hours),
        "has_webhooks": webhooks["items"].as_array().is_some_and(|items| !items.is_empty()),
        "refused_files": [listed["refused"], webhooks["refused"]],
        "stats": stats,
    });
    Ok(visit.page("overview.html", "Overview", context))
}

pub(in crate::http::console) async fn watch(visit: Visit, headers: HeaderMap) -> Result<Response, Refusal> {
    visit.watch("/api/events", &headers).await
}

/// Those that have tasks, or are configured; the busiest first.
fn generators(stats: &Value, listed: &Value) -> Vec<Value> {
    let listed: BTreeMap<&str, bool> = listed["items"].as_array().into_iter().flatten().filter_map(configured).collect();
    let busy = stats["generators"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let configured = listed.iter().filter(|(_, is_configured)| **is_configured).map(|(name, _)| *name);
    let row = |name: &str| {
        let counts = &stats["generators"][name];
        let of = |status: &str| counts[status].as_u64().unwrap_or(0);
        json!({
            "name": name, "is_known": listed.contains_key(name), "completed": of("completed"),
            "running": of("pending") + of("submitted") + of("processing"), "failed": of("failed") + of("timed_out"),
            "rate": stats["success_rate_by_generator"][name], "overdue": stats["overdue_by_generator"][name].as_u64().unwrap_or(0),
            "rescued": stats["rescued_by_generator"][name]["tasks"].as_u64().unwrap_or(0),
            "parked": stats["parked_by_generator"][name].as_u64().unwrap_or(0), "keys": stats["keys"][name],
            "quiet": stats["quiet"].as_array().is_some_and(|quiet| quiet.iter().any(|known| known == name)),
        })
    };
    let mut rows: Vec<Value> = busy.chain(configured).collect::<BTreeSet<_>>().into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row["running"].as_u64().unwrap_or(0) + row["completed"].as_u64().unwrap_or(0)));
    rows
}

/// The name of a generator that the catalog knows, and whether it has all that it needs.
fn configured(generator: &Value) -> Option<(&str, bool)> {
    Some((generator["name"].as_str()?, generator["configured"] == json!(true)))
}
