//! The frame of everything that writes: begun, written, and then kept as a whole or undone as a whole.
//!
//! Handing a closure the transaction would save its users a line, but of such a closure the compiler cannot tell that it
//! may go on on another thread.

use super::Store;
use super::backend::Transaction;
use super::error::StoreError;

/// How often what collided with another transaction is begun anew.
const REPEATS: usize = 3;

impl Store {
    /// A transaction that will write; whoever begins it hands it to [`conclude`], whatever happened.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        self.writers.begin().await
    }
}

/// Keeps what was written, or nothing of it where anything failed.
pub(super) async fn conclude<T>(transaction: Transaction, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
    match outcome {
        Ok(written) => {
            transaction.commit().await?;
            Ok(written)
        }
        Err(error) => {
            transaction.rollback().await;
            Err(error)
        }
    }
}

/// A whole transaction, begun anew where it collided with another one.
pub(super) async fn repeated<T, F>(mut once: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut repeats = 0;
    loop {
        match once().await {
            Err(StoreError::Conflict(_)) if repeats < REPEATS => repeats += 1,
            outcome => return outcome,
        }
    }
}
