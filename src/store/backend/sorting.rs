//! What a driver's error means for whoever has to go on.

use sea_orm::{DbErr, RuntimeErr, sqlx};

use super::{StoreError, postgres, sqlite};

/// Sorts a driver's error by what its reader can do about it.
pub(in crate::store) fn error(error: DbErr) -> StoreError {
    let driver = match &error {
        DbErr::ConnectionAcquire(_) => return StoreError::Busy(error),
        DbErr::Conn(_) => return StoreError::Unavailable(error),
        DbErr::Exec(RuntimeErr::SqlxError(driver)) | DbErr::Query(RuntimeErr::SqlxError(driver)) => driver.clone(),
        _ => return StoreError::Statement(error),
    };
    match driver.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::Conflict(error),
        Some(database) => match database.code().as_deref() {
            Some(code) if sqlite::is_busy(code) || postgres::is_busy(code) => StoreError::Busy(error),
            Some(code) if postgres::is_conflict(code) => StoreError::Conflict(error),
            Some(code) if sqlite::is_down(code) || postgres::is_down(code) => StoreError::Unavailable(error),
            _ => StoreError::Statement(error),
        },
        None if matches!(*driver, sqlx::Error::PoolTimedOut) => StoreError::Busy(error),
        None if is_connection_loss(&driver) => StoreError::Unavailable(error),
        None => StoreError::Statement(error),
    }
}

fn is_connection_loss(driver: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    matches!(driver, E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolClosed | E::WorkerCrashed)
}
