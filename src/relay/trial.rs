//! A test of a webhook: made and signed as any delivery, and sent at once, once.

use bytes::Bytes;
use uuid::Uuid;

use super::courier::Attempted;
use super::round::render;
use super::sender::Sender;
use crate::domain::time::Timestamp;
use crate::store::Registration;
use crate::subscription::SAMPLE;

/// A request that no delivery stands for.
#[derive(Clone, Debug)]
pub struct Test {
    pub id: Uuid,
    pub attempted: Attempted,
}

impl Sender {
    /// # Errors
    /// Why nothing can be sent.
    pub async fn test(&self, registration: Registration) -> Result<Test, String> {
        let id = Uuid::now_v7();
        let Some(address) = self.address(registration) else {
            return Err("has credentials that cannot be read: was SECRETS_KEY another one?".to_owned());
        };
        let now = self.clock.now();
        let letter = letter(now);
        let body = match &address.template {
            Some(template) => {
                render(template.as_ref(), letter.as_bytes()).map_err(|says| format!("has a template that {says}"))?
            }
            None => Bytes::from(letter),
        };
        let parcel = self.parcel(&address, &id.to_string(), body, now).map_err(|says| format!("cannot be sent to: {says}"))?;
        let timeout = address.webhook.timeout.unwrap_or_else(|| self.terms().timeout);
        Ok(Test { id, attempted: self.ask(&parcel, Some(&address), timeout).await })
    }
}

/// The sample that templates are tried with, under a name of its own.
fn letter(now: Timestamp) -> String {
    let renamed = SAMPLE.replacen("\"task.completed\"", "\"webhook.test\"", 1);
    let Some((head, tail)) = renamed.rsplit_once("\"timestamp\":\"") else { return renamed };
    let rest = tail.split_once('"').map_or("", |(_, rest)| rest);
    format!("{head}\"timestamp\":\"{now}\"{rest}")
}
