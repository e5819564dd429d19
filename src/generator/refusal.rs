//! Why a callback is not taken: a code of the contract, a sentence, and the fields at fault.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    pub code: Code,
    pub detail: String,
    pub errors: Vec<FieldError>,
}

impl Refusal {
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new() }
    }

    #[must_use]
    pub fn of_fields(code: Code, detail: impl Into<String>, errors: Vec<FieldError>) -> Self {
        Self { code, detail: detail.into(), errors }
    }
}

/// A value that is not what it should be; `field` is its path in the body (`progress.percentage`) or a query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub field: String,
    pub detail: String,
}

impl FieldError {
    #[must_use]
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// The refusals of this room, in the order in which they are looked for. Their words are in the one table of the HTTP edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    SignatureMissing,
    TimestampOutOfTolerance,
    SignatureInvalid,
    /// The keys to check the signature with are not known yet.
    Unavailable,
    MalformedBody,
    MissingEvent,
    UnknownEvent,
    InvalidEvent,
}
