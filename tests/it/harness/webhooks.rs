//! Registrations, written as the hub writes them.

use callback_hub::domain::webhook::{Origin, Signature, Status, Webhook};
use callback_hub::store::{Registration, Store};
use uuid::Uuid;

use super::App;

/// One that wants to hear everything, unsigned.
pub(crate) fn webhook(url: String) -> Webhook {
    use callback_hub::domain::time::Timestamp;
    let at = Timestamp::from_secs(super::START);
    Webhook {
        id: Uuid::now_v7(),
        name: "a webhook of the tests".to_owned(),
        url,
        events: vec!["*".to_owned()],
        filter: None,
        template: None,
        signature: Signature::None,
        retry_delays: None,
        timeout: None,
        customer_id: None,
        status: Status::Active,
        reason: None,
        task: None,
        origin: Origin::Api,
        created_at: at,
        updated_at: at,
    }
}

impl App {
    pub(crate) async fn store(&self) -> Store {
        Store::connect(&self.database.url, 2).await.expect("the database is there")
    }

    /// Writes it into the registrations.
    pub(crate) async fn register(&self, webhook: Webhook) -> Uuid {
        let (store, id) = (self.store().await, webhook.id);
        let registration = Registration { webhook, credentials: None };
        store.register(&[registration], self.clock.now()).await.expect("it can be registered");
        store.close().await;
        id
    }
}
