//! Rows as the tables hold them: private to the store. Domain values are made of them by `TryFrom`, and they of domain values.

pub(super) mod attempt;
pub(super) mod cancellation;
pub(super) mod content;
pub(super) mod delivery;
pub(super) mod event;
pub(super) mod fingerprint;
pub(super) mod idempotency;
pub(super) mod ignored;
pub(super) mod key;
pub(super) mod parked;
pub(super) mod payload;
pub(super) mod receipt;
pub(super) mod rejection;
pub(super) mod secret;
pub(super) mod task;
pub(super) mod webhook;

use std::time::Duration;

use crate::domain::time::Timestamp;

use super::error::StoreError;

/// Names a row's place, so that a value in it that the hub never writes can be found.
pub(super) struct Place<'a> {
    pub table: &'static str,
    pub row: &'a str,
}

impl Place<'_> {
    pub(super) fn check<T>(&self, column: &'static str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| StoreError::Corrupt { table: self.table, row: self.row.to_owned(), column })
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str, value: impl Into<i64>) -> Result<T, StoreError> {
        self.check(column, T::try_from(value.into()).ok())
    }
}

pub(super) fn time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

pub(super) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::micros)
}

/// Saturates: a duration that does not fit is as good as for ever.
pub(super) fn duration_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Saturates; the columns are narrower than what the domain could count.
pub(super) fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

pub(super) fn bigint(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
