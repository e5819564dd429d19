//! Who is logged in: a signed cookie that names a key. It is good for as long as that key is, and for twelve hours at most.
//! Nothing is kept of it: to log out is to forget the cookie, and a copy of it ends with its time or its key.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::answer::Refusal;
use super::desk::Desk;
use super::visit::Visit;
use crate::domain::time::Timestamp;
use crate::generator::mac::{KeyedMac, any_matches, derived};
use crate::http::access::{self, Caller};
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;
use crate::store::StoreError;

const COOKIE: &str = "callback_hub_session";
const LASTS: Duration = Duration::from_secs(12 * 3600);
const LABEL: &str = "callback-hub console session v1";

/// The keys that cookies are signed with: the first one signs, all of them verify.
#[derive(Clone, Debug)]
pub struct SessionKeys(Vec<KeyedMac>);

impl SessionKeys {
    #[must_use]
    pub fn derive<'a>(signs: &'a [u8], verify_too: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(std::iter::once(signs).chain(verify_too).map(|key| derived(key, LABEL)).collect())
    }

    /// `owner.until.tag`
    fn sign(&self, owner: &str, until: Timestamp) -> String {
        let (owner, until) = (URL_SAFE_NO_PAD.encode(owner), until.secs().to_string());
        let tag = self.0.first().map(|key| key.tag(&parts(&owner, &until)));
        format!("{owner}.{until}.{}", URL_SAFE_NO_PAD.encode(tag.unwrap_or_default()))
    }

    /// Whose session it is, unless it is over or nobody's.
    fn owner(&self, value: &str, now: Timestamp) -> Option<String> {
        let [owner, until, tag] = value.split('.').collect::<Vec<_>>().try_into().ok()?;
        let claimed = [URL_SAFE_NO_PAD.decode(tag).ok()?];
        if !bool::from(any_matches(&self.0, &parts(owner, until), &claimed)) {
            return None;
        }
        (now.secs() < until.parse().ok()?).then_some(())?;
        String::from_utf8(URL_SAFE_NO_PAD.decode(owner).ok()?).ok()
    }
}

/// Neither holds a full stop.
fn parts<'a>(owner: &'a str, until: &'a str) -> [&'a [u8]; 3] {
    [owner.as_bytes(), b".", until.as_bytes()]
}

/// The header that logs in whoever has shown his key. `secure`: he came by https.
pub(super) fn cookie(hub: &Hub, Caller { owner, .. }: &Caller, secure: bool) -> String {
    let value = hub.sessions.sign(owner, hub.clock.now().plus(LASTS));
    with_attributes(&value, LASTS, secure)
}

/// The header that logs out.
pub(super) fn no_cookie() -> String {
    with_attributes("", Duration::ZERO, false)
}

fn with_attributes(value: &str, lasts: Duration, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/console; Max-Age={}; HttpOnly; SameSite=Lax{secure}", lasts.as_secs())
}

/// Who comes: by a cookie, or by what the API takes, a key or a local name.
///
/// # Errors
/// What the API would answer.
pub async fn visitor(hub: &Hub, headers: &HeaderMap) -> Result<Caller, Problem> {
    if let Some(owner) = presented(headers).find_map(|value| hub.sessions.owner(value, hub.clock.now()))
        && let Some(caller) = known(hub, &owner).await?
    {
        return Ok(caller);
    }
    access::admit(hub, headers).await
}

/// A browser may have several of one name.
fn presented(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Keys are revoked, and taken out of the settings.
async fn known(hub: &Hub, owner: &str) -> Result<Option<Caller>, StoreError> {
    if let Some(number) = hub.options().api_keys.iter().position(|(known, _)| known == owner) {
        return Ok(Some(Caller::of_settings(owner, number)));
    }
    match owner.strip_prefix("key:").and_then(|id| id.parse::<Uuid>().ok()) {
        Some(id) => Ok(hub.store.live_key(id).await?.and_then(Caller::of_key)),
        None => Ok(None),
    }
}

/// Lets a request through to the pages, sends it to the login, or says why not.
pub(super) async fn guard(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let is_change = request.method() != Method::GET && request.method() != Method::HEAD;
    let caller = match visitor(&desk.hub, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) if problem.code == Code::Unauthorized => {
            let wanted = Some(request.uri().to_string()).filter(|_| !is_change);
            return Redirect::to(&super::pages::login::path(wanted.as_deref())).into_response();
        }
        Err(problem) => return super::render::failure(&Refusal::from(problem), None),
    };
    let visit = Visit::new(desk, caller, request.uri());
    if is_change && !is_same_site(request.headers()) {
        return super::render::failure(&Refusal::foreign(), Some(&visit));
    }
    request.extensions_mut().insert(visit.clone());
    let mut response = next.run(request).await;
    // said with the menu around it
    match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => super::render::failure(&refusal, Some(&visit)),
        None => response,
    }
}

/// Whether a form was sent from one of our own pages. Browsers say where a form comes from, and a page cannot make them lie;
/// who says nothing is no browser, and has no cookie that somebody else could use.
pub(super) fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let from = origin.split_once("://").map(|(_, host)| host);
    from.is_some() && from == text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn keys(signs: &[u8], too: &[&[u8]]) -> SessionKeys {
        SessionKeys::derive(signs, too.iter().copied())
    }

    #[test]
    fn a_session_is_its_owners_until_it_is_over() {
        let keys = keys(b"one", &[]);
        let value = keys.sign("key:7", NOW.plus(LASTS));
        assert_eq!(keys.owner(&value, NOW).as_deref(), Some("key:7"));
        assert_eq!(keys.owner(&value, NOW.plus(LASTS)), None);
    }

    #[test]
    fn what_another_key_has_signed_holds_while_that_key_is_known() {
        let value = keys(b"old", &[]).sign("key:7", NOW.plus(LASTS));
        assert_eq!(keys(b"new", &[]).owner(&value, NOW), None);
        assert!(keys(b"new", &[b"old"]).owner(&value, NOW).is_some());
    }

    #[test]
    fn no_character_of_it_can_be_changed() {
        let keys = keys(b"one", &[]);
        let value = keys.sign("settings:0a", NOW.plus(LASTS));
        for at in 0..value.len() - 1 {
            let mut forged = value.clone().into_bytes();
            forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
            assert_eq!(keys.owner(std::str::from_utf8(&forged).unwrap(), NOW), None, "at {at}");
        }
        for cut in ["", ".", "..", "a.b", "a.b.c.d"] {
            assert_eq!(keys.owner(cut, NOW), None, "{cut}");
        }
    }

    #[test]
    fn forms_of_other_sites_are_told_by_what_browsers_say() {
        let is_same = |pairs: &[(&'static str, &'static str)]| {
            is_same_site(&pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
        };
        assert!(is_same(&[("sec-fetch-site", "same-origin"), ("origin", "https://hub.example"), ("host", "inside:8080")]));
        assert!(is_same(&[("origin", "http://hub.example:8080"), ("host", "hub.example:8080")]));
        assert!(is_same(&[("host", "hub.example")]), "no browser");
        assert!(!is_same(&[("sec-fetch-site", "same-site"), ("origin", "https://hub.example"), ("host", "hub.example")]));
        assert!(!is_same(&[("sec-fetch-site", "cross-site")]));
        assert!(!is_same(&[("origin", "http://hub.example:8081"), ("host", "hub.example:8080")]));
        assert!(!is_same(&[("origin", "null"), ("host", "hub.example")]));
    }
}
