//! Where pages ask the API: its handlers, in this process, without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::answer::{self, Refusal};
use crate::http::access::Caller;
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;

pub(super) struct Desk {
    pub hub: Arc<Hub>,
    api: Router,
}

impl Desk {
    pub fn new(hub: Arc<Hub>, api: Router) -> Self {
        Self { hub, api }
    }

    /// What the API answers to that caller; null if it says nothing.
    pub async fn ask(&self, caller: &Caller, method: Method, path: &str, body: Option<String>) -> Result<Value, Refusal> {
        let body = body.map_or_else(Body::empty, Body::from);
        let mut response = self.send(caller, method, path, HeaderMap::new(), body).await?;
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            return Err(problem.into());
        }
        let collected = response.into_body().collect().await.map_err(|_| Problem::of(Code::Internal))?;
        answer::read(&collected.to_bytes())
    }

    /// The answer as it is: a stream.
    pub async fn stream(&self, caller: &Caller, path: &str, headers: HeaderMap) -> Result<Response, Refusal> {
        self.send(caller, Method::GET, path, headers, Body::empty()).await
    }

    async fn send(
        &self,
        caller: &Caller,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Response, Refusal> {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let mut request = request.body(body).map_err(|_| Problem::of(Code::NotFound))?;
        request.headers_mut().extend(headers);
        request.extensions_mut().insert(caller.clone());
        let answered = self.api.clone().oneshot(request).await;
        Ok(answered.unwrap_or_else(|never| match never {}))
    }
}
