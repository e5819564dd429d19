//! What has happened to a task, in one line after the other.

use serde_json::{Value, json};

use crate::domain::time::Timestamp;

/// Newest first.
pub(super) fn of(task: &Value, receipts: &Value, deliveries: &Value, contents: &Value) -> Vec<Value> {
    let items = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
    // what has the same time stands in the order in which it is put in here
    let mut lines = vec![line(&task["created_at"], "task", "Created", &json!({}))];
    if !task["submitted_at"].is_null() {
        let attempt = &task["attempt"];
        lines.push(line(&task["submitted_at"], "task", &format!("Attempt {attempt} submitted"), &json!({})));
    }
    lines.extend(items(receipts).iter().rev().map(receipt));
    if !task["settled_at"].is_null() {
        let word = |name: &str| task[name].as_str().unwrap_or_default().replace('_', " ");
        let title = format!("Ended as {}, by {}", word("status"), word("settled_by"));
        lines.push(line(&task["settled_at"], "task", &title, &json!({})));
    }
    lines.extend(items(deliveries).iter().rev().map(delivery));
    lines.extend(items(contents).iter().map(content));
    lines.sort_by_key(|line| line["at"].as_str().and_then(Timestamp::parse));
    lines.reverse();
    lines
}

fn line(at: &Value, kind: &str, title: &str, more: &Value) -> Value {
    let mut line = json!({"at": at, "kind": kind, "title": title, "word": null, "detail": null, "path": null});
    if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
        line.extend(more.clone());
    }
    line
}

fn receipt(receipt: &Value) -> Value {
    let text = |name: &str| receipt[name].as_str().unwrap_or_default();
    let what = if text("verdict") == "rejected" { "refused" } else { text("event") };
    let source = match text("source") {
        "callback" => "Callback",
        "poll" => "Asked the generator",
        "submit" => "Submission",
        "deadline" => "Deadline",
        "operator" => "Operator",
        other => other,
    };
    let word = if text("verdict") == "rejected" { &receipt["verdict"] } else { &receipt["outcome"] };
    let detail = receipt["reason"].as_str().or(receipt["code"].as_str()).map(|word| word.replace('_', " "));
    let path = format!("/console/callbacks/{}", text("id"));
    let more = json!({"word": word, "detail": detail, "path": path});
    // who has wished it, or has replayed it
    let who = receipt["operator"].as_str().map_or_else(|| source.to_owned(), |name| format!("{source} ({name})"));
    line(&receipt["received_at"], text("source"), &format!("{who}: {what}"), &more)
}

fn delivery(delivery: &Value) -> Value {
    let text = |name: &str| delivery[name].as_str().unwrap_or_default();
    let path = format!("/console/deliveries/{}", text("id"));
    let to = delivery["webhook_name"].as_str().filter(|name| !name.is_empty()).unwrap_or("a webhook");
    let more = json!({"word": delivery["status"], "detail": delivery["last_error"], "path": path});
    line(&delivery["created_at"], "delivery", &format!("Delivery of {} to {to}", text("event")), &more)
}

fn content(content: &Value) -> Value {
    let path = format!("/console/review/{}", content["id"].as_str().unwrap_or_default());
    let more = json!({"word": content["review_status"], "detail": content["review_note"], "path": path});
    line(&content["created_at"], "content", "Content made", &more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_in_the_order_of_their_times() {
        let task = json!({"created_at": "2026-02-08T12:00:00Z", "submitted_at": "2026-02-08T12:00:00.5Z", "attempt": 2});
        let receipts = json!({"items": [
            {"id": "r", "received_at": "2026-02-08T12:00:09.25Z", "source": "callback", "verdict": "rejected", "code": "signature_invalid"},
            {"id": "s", "received_at": "2026-02-08T12:00:10Z", "source": "poll", "verdict": "accepted", "event": "completed",
             "outcome": "ignored", "reason": "already_settled"},
        ]});
        let lines = of(&task, &receipts, &json!({"items": []}), &Value::Null);
        let shown: Vec<_> = lines.iter().map(|line| (line["title"].as_str().unwrap(), line["detail"].as_str())).collect();
        let expected = [
            ("Asked the generator: completed", Some("already settled")),
            ("Callback: refused", Some("signature invalid")),
            ("Attempt 2 submitted", None),
            ("Created", None),
        ];
        assert_eq!(shown, expected);
    }
}
