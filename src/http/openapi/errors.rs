//! The errors of each kind of operation, made from the table of problems.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::http::problem::{Code, Problem, ProblemBody};

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $($code:ident)*;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                problems(&[$(Code::$code),*])
            }
        }
    )*};
}

errors! {
    /// Every error that a callback can be answered with, in the order of the checks.
    CallbackErrors = CallbacksDisabled AddressNotAllowed RateLimited BodyTooLarge RequestTimeout UnknownGenerator MethodNotAllowed SignatureMissing
        TimestampOutOfTolerance SignatureInvalid MalformedBody MissingEvent UnknownEvent InvalidEvent UnknownTask TaskMismatch
        Unavailable Internal;
    /// The same where no path names a task.
    SharedErrors = CallbacksDisabled AddressNotAllowed RateLimited BodyTooLarge RequestTimeout UnknownGenerator MethodNotAllowed SignatureMissing
        TimestampOutOfTolerance SignatureInvalid MalformedBody MissingEvent UnknownEvent InvalidEvent UnknownTask Unavailable
        Internal;
    /// Of a batch as a whole; items have errors of their own.
    BatchErrors = CallbacksDisabled AddressNotAllowed RateLimited BodyTooLarge RequestTimeout UnknownGenerator MethodNotAllowed SignatureMissing
        TimestampOutOfTolerance SignatureInvalid MalformedBody Unavailable Internal;
    /// Of operations without input.
    PlainErrors = Unauthorized HostNotAllowed Internal Unavailable;
    /// Of lists.
    ListErrors = Unauthorized HostNotAllowed InvalidRequest Internal Unavailable;
    /// Of reading what belongs to a task.
    TaskErrors = Unauthorized HostNotAllowed UnknownTask InvalidRequest Internal Unavailable;
    CreationErrors = MalformedBody Unauthorized HostNotAllowed Forbidden RequestTimeout Conflict BodyTooLarge InvalidRequest Internal Unavailable;
    /// Of what is done to a task.
    ChangeErrors = MalformedBody Unauthorized HostNotAllowed Forbidden UnknownTask RequestTimeout Conflict BodyTooLarge InvalidRequest Internal
        Unavailable;
    VerifyErrors = MalformedBody Unauthorized HostNotAllowed UnknownGenerator RequestTimeout BodyTooLarge InvalidRequest Internal
        Unavailable;
    ReceiptErrors = Unauthorized HostNotAllowed NotFound Internal Unavailable;
    /// Of what is done to something else that has an id.
    ActionErrors = MalformedBody Unauthorized HostNotAllowed Forbidden NotFound RequestTimeout Conflict BodyTooLarge InvalidRequest Internal
        Unavailable;
    /// Of what is asked of nothing that has an id.
    BulkErrors = MalformedBody Unauthorized HostNotAllowed Forbidden RequestTimeout BodyTooLarge InvalidRequest Internal Unavailable;
    EventErrors = MalformedBody Unauthorized HostNotAllowed Forbidden UnknownTask RequestTimeout Conflict BodyTooLarge InvalidRequest Internal
        Unavailable;
    ContentErrors = Unauthorized HostNotAllowed NotFound Internal Unavailable;
    /// Of what a publisher says about an entry.
    LeaseErrors = MalformedBody Unauthorized HostNotAllowed Forbidden NotFound RequestTimeout LeaseLost BodyTooLarge InvalidRequest Internal
        Unavailable;
    ReplayErrors = MalformedBody InvalidEvent TaskMismatch Unauthorized HostNotAllowed Forbidden NotFound UnknownTask RequestTimeout
        NotReplayable BodyTooLarge InvalidRequest Internal Unavailable;
}

/// One response a status, with an example for each code.
fn problems(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_u16().to_string()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status, RefOr::T(response(&codes)))).collect()
}

fn response(codes: &[Code]) -> Response {
    let lines: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), Problem::of(*code).detail)).collect();
    let examples = codes.iter().map(|code| {
        let value = json!(Problem::of(*code).body("01981c2f-7d1b-7cc0-9f2e-3a6b5e1f0a42"));
        (code.as_str(), RefOr::T(ExampleBuilder::new().value(Some(value)).build()))
    });
    let schema = Ref::from_schema_name(<ProblemBody as ToSchema>::name());
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    let response = ResponseBuilder::new().description(lines.join("; ")).content("application/problem+json", content);
    if !codes.iter().any(|code| matches!(code, Code::RateLimited | Code::Unavailable)) {
        return response.build();
    }
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds until it is worth trying again")).build();
    response.header("Retry-After", header).build()
}
