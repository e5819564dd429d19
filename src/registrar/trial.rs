//! A test of a webhook: one request, at once, that no delivery stands for.

use std::time::Duration;

use uuid::Uuid;

use super::{Fault, Registrar};
use crate::domain::delivery::Heard;
use crate::relay::Test;
use crate::store::Registration;

/// What a test has met.
#[derive(Clone, Debug)]
pub struct Trial {
    pub id: Uuid,
    pub success: bool,
    /// Of the answer.
    pub status: Option<u16>,
    pub detail: String,
    pub answer: Option<String>,
    pub took: Duration,
}

impl Registrar {
    /// Sends a `webhook.test` event to the webhook, made and signed as any other one.
    ///
    /// # Errors
    /// Why nothing can be sent, by field.
    pub async fn test(&self, registration: Registration) -> Result<Trial, Vec<Fault>> {
        if let Err(forbidden) = self.guard.check(&registration.webhook.url).await {
            return Err(vec![Fault::new("url", format!("is not allowed: {forbidden}"))]);
        }
        let test = self.sender.test(registration).await.map_err(|says| vec![Fault::new("webhook", says)])?;
        let Test { id, attempted } = test;
        let status = if let Heard::Answered { status, .. } = attempted.heard { Some(status) } else { None };
        Ok(Trial {
            id,
            success: matches!(status, Some(200..=299)),
            status,
            detail: attempted.detail,
            answer: attempted.snippet,
            took: attempted.took,
        })
    }
}
