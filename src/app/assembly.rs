//! Settings and stored secrets, put into the forms that the rooms take.

use std::sync::Arc;
use std::time::Duration;

use super::StartError;
use super::shelf::Configured;
use crate::clock::Clock;
use crate::generator::catalog::Catalog;
use crate::generator::entry::Generator;
use crate::generator::mac::sha256;
use crate::generator::outgoing::NoSubmit;
use crate::generator::token::CapabilityKeys;
use crate::housekeeping::{self, Housekeeper};
use crate::http::console::session::SessionKeys;
use crate::http::options::{Options, ShownSetting};
use crate::pursuit::Means;
use crate::registrar::Registrar;
use crate::relay::courier::Courier;
use crate::relay::guard::{Allowed, Guard};
use crate::relay::recorder::{self, Recorder};
use crate::relay::sender::{self, Sender};
use crate::settings::{AllowedNetwork, Effective, Loaded, Retention, Settings, effective};
use crate::store::{Store, exists};
use crate::terms::{Choice, PollSettings, TermSettings, Terms};

const CAPABILITY_KEY: &str = "capability";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// # Errors
/// What the service must not start with.
pub(super) fn check(settings: &Settings, configured: &Configured, keys_in_database: bool) -> Result<Vec<String>, StartError> {
    settings
        .check(configured, keys_in_database)
        .map_err(|refusals| StartError::Refused(refusals.iter().map(ToString::to_string).collect()))
}

/// What the hub proves its own words by: capability tokens, and the console's sessions.
pub(super) struct OwnKeys {
    pub capabilities: CapabilityKeys,
    pub sessions: SessionKeys,
}

/// Derived from the keys of the settings, else from one that is made once; that one verifies for ever.
pub(super) async fn own_keys(settings: &Settings, store: &Store, clock: &Clock) -> Result<OwnKeys, StartError> {
    let configured: Vec<&[u8]> = settings.secrets.key.iter().map(|key| key.expose().as_slice()).collect();
    let Some((first, others)) = configured.split_first() else {
        let mut fresh = vec![0; 32];
        getrandom::fill(&mut fresh).map_err(StartError::Random)?;
        let kept = store.secret_or(CAPABILITY_KEY, fresh, clock.now()).await?;
        return Ok(OwnKeys { capabilities: CapabilityKeys::derive(&kept, []), sessions: SessionKeys::derive(&kept, []) });
    };
    let made_before = store.secret(CAPABILITY_KEY).await?;
    let others = || others.iter().copied().chain(made_before.as_deref());
    Ok(OwnKeys { capabilities: CapabilityKeys::derive(first, others()), sessions: SessionKeys::derive(first, others()) })
}

/// The same without a hub: none where they lie in a database that is not there (yet).
pub(super) async fn known_capability_keys(settings: &Settings) -> Option<CapabilityKeys> {
    if let Some((mints, verify)) = settings.secrets.key.split_first() {
        return Some(CapabilityKeys::derive(mints.expose(), verify.iter().map(|key| key.expose().as_slice())));
    }
    let url = super::database_url(settings).ok().filter(|url| exists(url))?;
    let store = Store::connect(url, 1).await.ok()?;
    let kept = store.secret(CAPABILITY_KEY).await;
    store.close().await;
    kept.ok()?.map(|key| CapabilityKeys::derive(&key, []))
}

/// How generators' tasks are treated, as far as the settings say.
pub(super) fn terms(settings: &Settings, port: u16) -> TermSettings {
    let Settings { server, callback, task, poll, .. } = settings;
    let base_url = callback.base_url.clone().unwrap_or_else(|| server.base_url(port));
    TermSettings {
        base_url: base_url.as_str().into(),
        timeout: Choice { set: task.timeout, default: task.timeout() },
        max_retries: task.max_retries,
        retry_delays: task.retry_delays().into(),
        max_concurrent: task.max_concurrent,
        poll: PollSettings {
            enabled: poll.enabled(),
            first_after: Choice { set: poll.first_after, default: poll.first_after() },
            interval: Choice { set: poll.interval, default: poll.interval() },
            max_interval: Choice { set: poll.max_interval, default: poll.max_interval() },
            concurrency: poll.concurrency().get(),
            timeout: poll.timeout(),
            late_window: poll.late_window(),
        },
    }
}

/// The way out to webhooks, and who writes down how that went.
pub(super) fn relay(settings: &Settings, means: &Means) -> Result<(Registrar, recorder::Writer), StartError> {
    let Means { store, journal, clock, stopping, .. } = means;
    let delivery = &settings.delivery;
    let vault = super::offline::vault(settings);
    let guard = Guard::new(delivery.allowed_networks.iter().map(allowed).collect());
    let courier = Courier::new(guard.clone(), clock.clone()).map_err(StartError::Client)?;
    let (recorder, writer) = Recorder::new(store.clone(), clock.clone(), journal.chores().deliver.clone());
    let concurrency = delivery.concurrency.get() as usize;
    let (store, clock, stopping) = (store.clone(), clock.clone(), stopping.clone());
    let (sends, seals) = (store.clone(), vault.clone());
    let means = sender::Means { store: sends, courier, vault: seals, clock: clock.clone(), stopping, concurrency };
    let sender = Sender::new(means, delivery_terms(settings), recorder);
    Ok((Registrar::new(store, vault, guard, sender, clock), writer))
}

/// How deliveries are made, where their webhooks do not say.
pub(super) fn delivery_terms(settings: &Settings) -> sender::Terms {
    let delivery = &settings.delivery;
    sender::Terms {
        timeout: delivery.timeout,
        retry_delays: delivery.retry_delays.clone().into(),
        secret: delivery.secret.as_ref().map(|secret| secret.expose().to_owned()),
    }
}

pub(super) fn housekeeper(settings: &Settings, means: &Means) -> Housekeeper {
    let Retention { callbacks, deliveries, bodies, tasks } = settings.retention;
    // until then a result may come late, and a key that stands for the task be sent again
    let tasks = tasks.max(settings.poll.late_window()).max(DAY);
    // a task stays as long as any of its deliveries does
    let terms = housekeeping::Terms { deliveries: deliveries.min(tasks), callbacks, bodies, tasks };
    Housekeeper::new(means.store.clone(), means.clock.clone(), terms)
}

fn allowed(network: &AllowedNetwork) -> Allowed {
    match network {
        AllowedNetwork::Network(network) => Allowed::Network(*network),
        AllowedNetwork::Host(host) => Allowed::Host(host.clone()),
        AllowedNetwork::Private => Allowed::Private,
    }
}

/// Says which generators will be polled because they could not reach this hub.
pub(super) fn without_callbacks(terms: &Terms) -> Option<String> {
    let submits = |generator: &&Arc<Generator>| generator.can_submit().is_ok();
    let beyond = |generator: &&Arc<Generator>| !terms.is_reachable_by(generator);
    let catalog = terms.catalog();
    let names: Vec<&str> = catalog.iter().filter(submits).filter(beyond).map(|generator| generator.name().as_str()).collect();
    let (names, url) = (names.join(", "), terms.base_url());
    let sentence =
        || format!("{names} cannot reach {url}: no callback URL is sent, and tasks are polled (see CALLBACK_BASE_URL)");
    (!names.is_empty()).then(sentence)
}

/// Says of which generators the hub knows where they are, or their secret, and not the key that it would submit with.
pub(super) fn without_keys(catalog: &Catalog) -> Vec<String> {
    let lacking = |generator: &Arc<Generator>| {
        let needs = generator.needs();
        let Err(NoSubmit::Missing(lack)) = generator.can_submit() else { return None };
        let is_known = needs.iter().any(|need| need.is_set);
        let is_key = lack == generator.setting("API_KEY");
        (is_known && is_key).then(|| {
            let name = generator.name();
            format!("{lack} is not set: the hub submits no task of {name}, but takes each for submitted by code of your own")
        })
    };
    catalog.iter().filter_map(lacking).collect()
}

pub(super) fn options(loaded: &Loaded) -> Options {
    let settings = &loaded.settings;
    let Settings { server, callback, task, .. } = settings;
    let api_keys = settings.api.keys.iter().map(|key| {
        let hash = sha256([key.expose().as_bytes()]);
        (format!("settings:{}", hex::encode(&hash[..4])), hash)
    });
    Options {
        callbacks_enabled: callback.enabled,
        callback_timeout: callback.timeout,
        max_body: callback.max_body.as_usize(),
        max_buffered: callback.max_buffered.as_usize(),
        body_timeout: server.body_timeout,
        allowed_ips: callback.allowed_ips.clone(),
        rate_limit: callback.rate_limit.map(|limit| (limit.requests, limit.per)),
        trusted_proxies: server.trusted_proxies.clone(),
        loopback: server.open_host().is_none(),
        metrics_on_loopback: server.administration().0.is_loopback(),
        api_keys: api_keys.collect(),
        auto_approve: task.auto_approve(),
        shown: effective(loaded).into_iter().map(shown).collect(),
    }
}

fn shown(Effective { name, value, origin }: Effective) -> ShownSetting {
    ShownSetting { name, value, origin }
}
