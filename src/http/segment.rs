//! A segment of the path that names something.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// Percent-decoded. What is no UTF-8 names nothing that could be here, and is answered as such.
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        Ok(segment.map_or_else(|_| Self(char::REPLACEMENT_CHARACTER.to_string()), |Path(text)| Self(text)))
    }
}
