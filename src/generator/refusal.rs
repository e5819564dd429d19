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

/// The refusals of this room, in the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    SignatureMissing,
    TimestampOutOfTolerance,
    SignatureInvalid,
    MalformedBody,
    MissingEvent,
    UnknownEvent,
    InvalidEvent,
}

impl Code {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignatureMissing => "signature_missing",
            Self::TimestampOutOfTolerance => "timestamp_out_of_tolerance",
            Self::SignatureInvalid => "signature_invalid",
            Self::MalformedBody => "malformed_body",
            Self::MissingEvent => "missing_event",
            Self::UnknownEvent => "unknown_event",
            Self::InvalidEvent => "invalid_event",
        }
    }
}
