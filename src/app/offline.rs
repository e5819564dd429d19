//! What commands need of the hub without running one: the catalog, its URLs, its keys.

use super::{StartError, assembly, shelf};
use crate::generator::catalog::{Catalog, Overrides};
use crate::generator::entry::Generator;
use crate::generator::scalar::Trust;
use crate::settings::Settings;
use crate::vault::Vault;

/// The catalog without a database, and the secret that a generator would sign with, for commands that stand in for one.
///
/// # Errors
/// What is wrong with generator files or settings.
pub fn with_secret(settings: &Settings, generator: &str) -> Result<(Catalog, Option<String>), StartError> {
    let (catalog, overrides) = shelf::catalog(settings, |_| {})?;
    let own = overrides.generators.iter().find(|(name, _)| name.as_str() == generator);
    Ok((catalog, own.and_then(|(_, own)| own.secrets.first().cloned())))
}

/// The catalog alone.
///
/// # Errors
/// What is wrong with generator files or settings.
pub fn catalog(settings: &Settings) -> Result<Catalog, StartError> {
    Ok(shelf::catalog(settings, |_| {})?.0)
}

/// What callback URLs begin with.
#[must_use]
pub fn callback_base_url(settings: &Settings) -> String {
    settings.callback_base_url().as_str().to_owned()
}

/// Where a generator calls about all its tasks; none if that needs a token whose key the hub has yet to make.
pub async fn ingress_url(settings: &Settings, generator: &Generator) -> Option<String> {
    let base_url = callback_base_url(settings);
    assembly::known_capability_keys(settings).await.map(|keys| keys.ingress_url(&base_url, generator))
}

/// Where clients on this machine find the hub.
#[must_use]
pub fn own_url(settings: &Settings) -> String {
    settings.server.admin_url().as_str().to_owned()
}

/// The catalog for judging a signature: it is needed, whatever else would do, and `secret` goes before the settings'.
///
/// # Errors
/// What is wrong with generator files or settings.
pub fn judge(settings: &Settings, generator: &str, secret: Option<&str>) -> Result<Catalog, StartError> {
    let judged = |overrides: &mut Overrides| {
        for (_, own) in overrides.generators.iter_mut().filter(|(name, _)| name.as_str() == generator) {
            own.trust = Some(Trust::Verify);
            if let Some(secret) = secret {
                own.secrets = vec![secret.to_owned()];
            }
        }
        overrides.default_unsigned = false;
    };
    Ok(shelf::catalog(settings, judged)?.0)
}

/// What opens the stored credentials.
#[must_use]
pub fn vault(settings: &Settings) -> Vault {
    Vault::new(settings.secrets.key.iter().map(|key| *key.expose()))
}
