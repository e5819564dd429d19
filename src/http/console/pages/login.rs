//! Logging in with an API key, and out.

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde_json::json;

use crate::http::access;
use crate::http::console::answer::Refusal;
use crate::http::console::desk::Desk;
use crate::http::console::form::Pairs;
use crate::http::console::{render, session};
use crate::http::problem::Problem;

const PATH: &str = "/console/login";

/// Where to log in, and to go on to a page of the console from there.
pub(in crate::http::console) fn path(wanted: Option<&str>) -> String {
    match wanted.filter(|wanted| *wanted != "/console" && is_ours(wanted)) {
        Some(wanted) => format!("{PATH}?{}", form_urlencoded::Serializer::new(String::new()).append_pair("to", wanted).finish()),
        None => PATH.to_owned(),
    }
}

/// In bytes: a key, and a page of the console.
const LONGEST: usize = 16 << 10;

pub(in crate::http::console) async fn form(State(desk): State<Arc<Desk>>, RawQuery(query): RawQuery) -> Response {
    let options = desk.hub.options();
    let has_keys = !options.api_keys.is_empty() || desk.hub.store.has_keys().await.unwrap_or(true);
    page(&Pairs::of_query(query.as_deref()), has_keys || !options.loopback, None)
}

pub(in crate::http::console) async fn log_in(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let headers = request.headers().clone();
    if !session::is_same_site(&headers) {
        return render::failure(&Refusal::foreign(), None);
    }
    let pairs = match Pairs::read(request, &desk, LONGEST).await {
        Ok(pairs) => pairs,
        Err(refusal) => return render::failure(&refusal, None),
    };
    let caller = match access::identify(&desk.hub, pairs.text("key").as_bytes()).await {
        Ok(Some(caller)) => caller,
        Ok(None) => return page(&pairs, true, Some("This key is not valid.")),
        Err(error) => return render::failure(&Problem::from(error).into(), None),
    };
    let origin = headers.get(header::ORIGIN).map(axum::http::HeaderValue::as_bytes);
    let secure = origin.is_some_and(|origin| origin.starts_with(b"https://"));
    let cookie = session::cookie(&desk.hub, &caller, secure);
    let to = Some(pairs.text("to")).filter(|to| is_ours(to)).unwrap_or("/console");
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(to)).into_response()
}

pub(in crate::http::console) async fn log_out(headers: HeaderMap) -> Response {
    if !session::is_same_site(&headers) {
        return render::failure(&Refusal::foreign(), None);
    }
    (AppendHeaders([(header::SET_COOKIE, session::no_cookie())]), Redirect::to(PATH)).into_response()
}

fn page(pairs: &Pairs, is_needed: bool, fault: Option<&str>) -> Response {
    let to = Some(pairs.text("to")).filter(|to| is_ours(to));
    let status = if fault.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let mut page = render::alone("login.html", "Log in", &json!({"to": to, "is_needed": is_needed, "fault": fault}));
    if page.status() == StatusCode::OK {
        *page.status_mut() = status;
    }
    page
}

/// Nobody is sent elsewhere from here.
fn is_ours(path: &str) -> bool {
    let inside = path.strip_prefix("/console");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) && is_plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_goes_on_to_pages_of_the_console_only() {
        assert_eq!(path(Some("/console")), "/console/login");
        assert_eq!(path(Some("/console/tasks?status=failed")), "/console/login?to=%2Fconsole%2Ftasks%3Fstatus%3Dfailed");
        for elsewhere in [
            "https://evil.example",
            "//evil.example",
            "/consoles",
            "/console/\\evil",
            "/console/\u{1}",
            "/console/é",
            "/api/tasks",
            "",
        ] {
            assert_eq!(path(Some(elsewhere)), "/console/login", "{elsewhere}");
        }
    }
}
