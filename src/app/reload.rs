//! Takes up what changes while the hub runs: settings and generator files, which are one configuration; the file of webhooks;
//! certificates. Of each everything counts that it says, or, if any of it is broken, nothing.

mod configuration;
mod looks;

pub(super) use configuration::{Configuration, Means, Reading};

use super::certificates::Certificates;
use super::webhooks_file::WebhooksFile;
use crate::cadence::Step;
use crate::store::StoreError;

/// Cheap to clone.
#[derive(Clone)]
pub struct Reload {
    configuration: Configuration,
    webhooks: WebhooksFile,
    certificates: Certificates,
}

impl Reload {
    pub(super) const fn new(configuration: Configuration, webhooks: WebhooksFile, certificates: Certificates) -> Self {
        Self { configuration, webhooks, certificates }
    }

    /// Looks at the files, and reads those that have changed.
    ///
    /// # Errors
    /// What the database says about webhooks; what is wrong with the files is told to whoever runs the hub.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let configuration = self.configuration.step().await;
        let certificates = self.certificates.clone();
        // a panic there is no reason to end here: the next step will see the same files
        let certificates = tokio::task::spawn_blocking(move || certificates.step()).await.unwrap_or_default();
        Ok([configuration, certificates, self.webhooks.step().await?].into_iter().sum())
    }
}
