//! Templates, and the words and shapes that they share.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, State, UndefinedBehavior, Value, context};
use serde_json::{Value as Json, json};

use super::answer::Refusal;
use super::visit::Visit;
use super::{assets, legible};
use crate::domain::time::Timestamp;

/// Each page has one; `frame.html` goes around all of them.
const TEMPLATES: [(&str, &str); 23] = [
    ("frame.html", include_str!("pages/frame.html")),
    ("callback.html", include_str!("pages/callback.html")),
    ("callbacks.html", include_str!("pages/callbacks.html")),
    ("check.html", include_str!("pages/check.html")),
    ("content.html", include_str!("pages/content.html")),
    ("deliveries.html", include_str!("pages/deliveries.html")),
    ("delivery.html", include_str!("pages/delivery.html")),
    ("fault.html", include_str!("pages/fault.html")),
    ("failure.html", include_str!("pages/failure.html")),
    ("generator.html", include_str!("pages/generator.html")),
    ("generators.html", include_str!("pages/generators.html")),
    ("login.html", include_str!("pages/login.html")),
    ("overview.html", include_str!("pages/overview.html")),
    ("pager.html", include_str!("pages/pager.html")),
    ("pool.html", include_str!("pages/pool.html")),
    ("retry.html", include_str!("pages/retry.html")),
    ("review.html", include_str!("pages/review.html")),
    ("settings.html", include_str!("pages/settings.html")),
    ("task.html", include_str!("pages/task.html")),
    ("tasks.html", include_str!("pages/tasks.html")),
    ("webhook.html", include_str!("pages/webhook.html")),
    ("webhook_form.html", include_str!("pages/webhook_form.html")),
    ("webhooks.html", include_str!("pages/webhooks.html")),
];

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    for (name, text) in TEMPLATES {
        pages.add_template(name, text).expect("templates are constants, and each is shown in a test");
    }
    pages.add_filter("time", time);
    pages.add_filter("ago", ago);
    pages.add_filter("badge", badge);
    pages.add_filter("number", number);
    pages.add_filter("micros", micros);
    pages.add_filter("rate", rate);
    pages.add_filter("words", |text: String| text.replace('_', " "));
    pages.add_filter("json", |text: String| Value::from_safe_string(legible::json(&text)));
    pages.add_filter("plain", |text: String| Value::from_safe_string(legible::text(&text)));
    pages
});

/// With the menu around it.
pub(super) fn page(visit: &Visit, template: &str, title: &str, mut content: Json) -> Response {
    let hub = &visit.desk.hub;
    content["now"] = hub.clock.now().to_string().into();
    let frame = context! {
        title,
        menu => menu(visit),
        said => visit.said(),
        has_key => visit.caller.has_key(),
    };
    framed(frame, template, &content)
}

/// For whoever is not logged in.
pub(super) fn alone(template: &str, title: &str, content: &Json) -> Response {
    framed(context! { title }, template, content)
}

/// Why there is no page. Without a visit: for whoever may not come in.
pub(super) fn failure(refusal: &Refusal, visit: Option<&Visit>) -> Response {
    let content = json!({"fault": refusal.shown()});
    let body = match visit {
        Some(visit) => page(visit, "failure.html", &refusal.title, content),
        None => alone("failure.html", &refusal.title, &content),
    };
    (refusal.status, body).into_response()
}

fn framed(frame: Value, template: &str, content: &Json) -> Response {
    let rendered = with_parts(content).and_then(|content| render(template, content)).and_then(|content| {
        let content = Value::from_safe_string(content);
        render("frame.html", context! { content, style => assets::STYLE.path(), script => assets::SCRIPT.path(), icon => assets::ICON.path(), ..frame })
    });
    match rendered {
        Ok(page) => ([(header::CONTENT_LANGUAGE, "en")], Html(page)).into_response(),
        Err(error) => {
            tracing::error!(%error, template, "a page could not be made");
            (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made; the hub's log says why.")
                .into_response()
        }
    }
}

/// What was refused, and the way to a list's next page, look the same wherever they are.
fn with_parts(content: &Json) -> Result<Value, minijinja::Error> {
    let part = |name, is_there| if is_there { render(name, Value::from(Serde(content))) } else { Ok(String::new()) };
    let (notice, pager) = (part("fault.html", content["fault"].is_object())?, part("pager.html", content["next"].is_string())?);
    Ok(context! { notice, pager, ..Value::from(Serde(content)) })
}

fn render(name: &str, context: Value) -> Result<String, minijinja::Error> {
    PAGES.get_template(name)?.render(context)
}

/// Review and pool are there where a generator that the settings name makes contents.
fn menu(visit: &Visit) -> Value {
    let makes_contents =
        visit.desk.hub.terms.catalog().iter().any(|generator| generator.content().is_some() && generator.is_named_in_settings());
    let all = [
        ("/console", "Overview", true),
        ("/console/tasks", "Tasks", true),
        ("/console/callbacks", "Callbacks", true),
        ("/console/deliveries", "Deliveries", true),
        ("/console/webhooks", "Webhooks", true),
        ("/console/generators", "Generators", true),
        ("/console/review", "Review", makes_contents),
        ("/console/pool", "Pool", makes_contents),
        ("/console/check", "Check a callback", true),
        ("/console/settings", "Settings", true),
    ];
    let is_here = |path: &str| {
        let here = visit.path();
        here == path || (path != "/console" && here.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    };
    let shown = all.into_iter().filter(|(_, _, shown)| *shown);
    shown.map(|(path, name, _)| context! { path, name, here => is_here(path) }).collect()
}

/// `2026-02-08 12:00:00`, in UTC.
fn time(at: &Value) -> Value {
    let Some(at) = at.as_str().and_then(Timestamp::parse) else { return Value::from("–") };
    Value::from_safe_string(format!(r#"<time datetime="{at}">{}</time>"#, clock_time(at)))
}

/// `3 min ago`; the time itself is its title.
fn ago(state: &State, at: &Value) -> Value {
    let Some(at) = at.as_str().and_then(Timestamp::parse) else { return Value::from("–") };
    let now = state.lookup("now").and_then(|now| now.as_str().and_then(Timestamp::parse)).unwrap_or(at);
    let words = match (distance(now.since(at).as_secs()), distance(at.since(now).as_secs())) {
        (None, None) => "now".to_owned(),
        (Some(ago), _) => format!("{ago} ago"),
        (None, Some(ahead)) => format!("in {ahead}"),
    };
    Value::from_safe_string(format!(r#"<time datetime="{at}" title="{} UTC">{words}</time>"#, clock_time(at)))
}

/// None: less than a second.
fn distance(seconds: u64) -> Option<String> {
    Some(match seconds {
        0 => return None,
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    })
}

fn clock_time(at: Timestamp) -> String {
    let text = Timestamp::from_secs(at.secs()).to_string();
    text.trim_end_matches('Z').replacen('T', " ", 1)
}

/// A word of the API, in the colour of what it means.
fn badge(word: Value) -> Value {
    let Some(word) = word.as_str().filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) else {
        return word;
    };
    let tone = match word {
        "completed" | "delivered" | "applied" | "approved" | "published" | "active" | "accepted" | "closed" => "good",
        "failed" | "dead" | "rejected" | "timed_out" | "disabled" | "open" => "bad",
        "pending_review" | "parked" | "paused" | "overdue" | "publishing" | "hint" | "probing" => "wait",
        "submitted" | "processing" | "pending" | "progress" | "pooled" => "busy",
        _ => "dim",
    };
    Value::from_safe_string(format!(r#"<span class="badge {tone}">{}</span>"#, word.replace('_', " ")))
}

/// `1 234 567`
fn number(value: &Value) -> Value {
    let Ok(number) = u64::try_from(value.clone()) else { return Value::from("–") };
    Value::from(grouped(number))
}

pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("\u{202f}")
}

fn micros(value: Value) -> Value {
    let Ok(micros) = u64::try_from(value) else { return Value::from("–") };
    Value::from(match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    })
}

/// A part of one, as a percentage.
fn rate(value: Value) -> Value {
    f64::try_from(value).map_or_else(|_| Value::from("–"), |part| Value::from(format!("{:.1} %", part * 100.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expression: &str, value: Json) -> String {
        let now = "2026-02-08T12:00:00Z";
        let text = format!("{{{{ {expression} }}}}");
        PAGES.render_named_str("test.html", &text, context! { value => Value::from(Serde(value)), now }).unwrap()
    }

    #[test]
    fn what_others_wrote_is_never_taken_for_a_page() {
        assert_eq!(shown("value", json!("<script>")), "&lt;script&gt;");
        assert_eq!(shown("value|badge", json!("<script>")), "&lt;script&gt;");
        assert_eq!(shown("value|ago", json!("<script>")), "–");
        assert_eq!(shown("value|json", json!(r#"{"a":"<script>"}"#)), "{\n  &quot;a&quot;: &quot;&lt;script&gt;&quot;\n}");
        assert_eq!(shown("value|plain", json!("<\u{202e}>")), r#"&lt;<span class="mark">U+202E</span>&gt;"#);
    }

    #[test]
    fn times_are_told_from_now() {
        assert!(shown("value|ago", json!("2026-02-08T11:57:30Z")).contains(">2 min ago<"));
        assert!(shown("value|ago", json!("2026-02-08T12:00:10Z")).contains(">in 10 s<"));
        assert!(shown("value|ago", json!("2026-02-01T12:00:00Z")).contains(r#"title="2026-02-01 12:00:00 UTC">7 days ago<"#));
        assert_eq!(shown("value|ago", Json::Null), "–");
    }

    #[test]
    fn figures_are_legible() {
        assert_eq!(shown("value|number", json!(1_234_567)), "1\u{202f}234\u{202f}567");
        assert_eq!(shown("value|micros", json!(12_340)), "12.3 ms");
        assert_eq!(shown("value|rate", json!(0.9876)), "98.8 %");
        assert_eq!(shown("value|rate", Json::Null), "–");
    }
}
