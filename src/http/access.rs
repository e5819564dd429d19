//! Who may use the management API: a key of the settings, a key of the database, or, as long as there is none at all,
//! whoever reaches the loopback address by a local name.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Code, Problem};
use super::state::Hub;
use crate::domain::role::Role;
use crate::generator::mac::{any_equal, sha256};
use crate::store::{ApiKey, StoreError};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose key it is; idempotency keys count per owner.
    pub owner: String,
    /// The same for people.
    pub name: String,
    pub role: Role,
}

impl Caller {
    /// Whoever has a key of the settings may do everything. `number`: which one it is, from 0.
    pub(super) fn of_settings(owner: &str, number: usize) -> Self {
        Self { owner: owner.to_owned(), name: format!("API_KEYS {}", number + 1), role: Role::Admin }
    }

    /// None: it is a key for nothing that this hub knows.
    pub(super) fn of_key(key: ApiKey) -> Option<Self> {
        Some(Self { owner: format!("key:{}", key.id), name: key.name, role: key.role? })
    }

    /// Whoever reaches the loopback address, as long as there is no key at all.
    fn local() -> Self {
        Self { owner: LOCAL.to_owned(), name: LOCAL.to_owned(), role: Role::Admin }
    }

    /// Whether there is a key that he could lose.
    pub(super) fn has_key(&self) -> bool {
        self.owner != LOCAL
    }
}

const LOCAL: &str = "local";

/// Lets a request through to the management API, or not.
pub async fn guard(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    match admit(&hub, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

pub(super) async fn admit(hub: &Hub, headers: &HeaderMap) -> Result<Caller, Problem> {
    let options = hub.options();
    match presented(headers) {
        Some(key) => identify(hub, key).await?.ok_or_else(|| Problem::new(Code::Unauthorized, "The API key is not valid")),
        None if !options.api_keys.is_empty() || hub.store.has_keys().await? => {
            Err(Problem::new(Code::Unauthorized, "Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`"))
        }
        None if !options.loopback => {
            Err(Problem::new(Code::Unauthorized, "There is no API key any more: make one with `callback-hub keys create`"))
        }
        None => local(headers),
    }
}

/// Lets a caller of that role through, and those who may do more. Behind [`guard`], or whoever else knows who asks.
pub(super) async fn demand(
    State(needed): State<Role>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if caller.role >= needed {
        return next.run(request).await;
    }
    let (may, needed) = (caller.role.as_str(), needed.as_str());
    Problem::new(Code::Forbidden, format!("The API key has the role `{may}`: this takes one with the role `{needed}`"))
        .into_response()
}

fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    bearer.or_else(|| headers.get("x-api-key").map(HeaderValue::as_bytes))
}

/// Whose key it is.
pub(super) async fn identify(hub: &Hub, key: &[u8]) -> Result<Option<Caller>, StoreError> {
    let hash = sha256([key.trim_ascii()]);
    let mut found = None;
    for (number, (owner, known)) in hub.options().api_keys.iter().enumerate() {
        if bool::from(any_equal(&[*known], &[key.trim_ascii().to_vec()])) {
            found = Some(Caller::of_settings(owner, number));
        }
    }
    if found.is_some() {
        return Ok(found);
    }
    Ok(hub.store.find_key(&hash).await?.and_then(Caller::of_key))
}

/// A page of a foreign site could have its own name resolve to this machine, or post a form to it; it cannot choose the
/// headers that tell.
fn local(headers: &HeaderMap) -> Result<Caller, Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    let local = is_local(text(header::HOST).unwrap_or_default()) && origin.is_none_or(is_local);
    if local { Ok(Caller::local()) } else { Err(Problem::of(Code::HostNotAllowed)) }
}

/// With a port or without.
fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        if error.is_passing() {
            return Self::unavailable("The database is not available");
        }
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(%error, cause, "the database could not be read");
        Self::of(Code::Internal)
    }
}
