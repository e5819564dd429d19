//! `/console`: is it working, and what is stuck?

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

/// Those that have tasks, or are configured.
fn generators(stats: &Value, listed: &Value) -> Vec<Value> {
    let all = listed["items"].as_array().into_iter().flatten();
    let row = |generator: &Value| {
        let name = generator["name"].as_str()?;
        let counts = &stats["generators"][name];
        let of = |status: &str| counts[status].as_u64().unwrap_or(0);
        let ended = of("completed") + of("failed") + of("timed_out");
        let running = of("pending") + of("submitted") + of("processing");
        let is_of_interest = counts.is_object() || generator["configured"] == json!(true);
        #[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
        let rate = (ended > 0).then(|| of("completed") as f64 / ended as f64);
        is_of_interest.then(|| {
            json!({
                "name": name, "running": running, "completed": of("completed"), "failed": of("failed") + of("timed_out"),
                "rate": rate, "overdue": stats["overdue_by_generator"][name].as_u64().unwrap_or(0),
                "rescued": stats["rescued_by_generator"][name]["tasks"].as_u64().unwrap_or(0),
                "parked": stats["parked_by_generator"][name].as_u64().unwrap_or(0), "keys": stats["keys"][name],
            })
        })
    };
    let mut rows: Vec<Value> = all.filter_map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row["running"].as_u64().unwrap_or(0) + row["completed"].as_u64().unwrap_or(0)));
    rows
}
