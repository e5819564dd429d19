//! What can go wrong with the database, in the words of its users.

use sea_orm::DbErr;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote the same thing at the same time; the transaction may be repeated.
    #[error("the transaction collided with another one")]
    Conflict(#[source] DbErr),
    /// The database is there and did not get to it in time.
    #[error("the database is busy")]
    Busy(#[source] DbErr),
    /// A row holds what the hub never writes.
    #[error("{table}.{column} of row {row} holds what it should not")]
    Corrupt { table: &'static str, row: String, column: &'static str },
    /// The database cannot be reached, or refuses service.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// A statement failed for a reason that lies in its data.
    #[error("the database refused a statement")]
    Statement(#[source] DbErr),
    /// Webhooks have changed since the audience was read.
    #[error("webhooks have changed meanwhile")]
    Outdated,
    /// Webhooks would get more of it than one transaction should bring; nothing was written.
    #[error("the entries bring more than one transaction should")]
    TooMuch,
    #[error("{0}")]
    Schema(String),
}

impl StoreError {
    /// Whether the same request may succeed a little later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Busy(_) | Self::Unavailable(_) | Self::Outdated)
    }
}
