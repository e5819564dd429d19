//! Capability and ingress tokens: what the callback URL carries proves generators that cannot sign, and, unless all of a
//! generator's tasks share one URL, which attempt is meant.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::task::{GeneratorName, TaskId};

use super::entry::Generator;
use super::mac::{Choice, KeyedMac, any_matches, derived};

/// The keys that tokens are made with: the first one mints, all of them verify.
#[derive(Clone, Debug)]
pub struct CapabilityKeys(Vec<KeyedMac>);

/// What a token is for.
#[derive(Clone, Copy, Debug)]
pub struct Capability<'a> {
    pub task: &'a TaskId,
    pub attempt: u32,
    pub generator: &'a GeneratorName,
}

const LABEL: &str = "callback-hub capability token v1";

impl CapabilityKeys {
    #[must_use]
    pub fn derive<'a>(mints: &'a [u8], verify_too: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(std::iter::once(mints).chain(verify_too).map(|key| derived(key, LABEL)).collect())
    }

    #[must_use]
    pub fn mint(&self, capability: Capability<'_>) -> String {
        let mint = self.0.first().map(|key| capability.with_parts(|parts| key.tag(parts)));
        URL_SAFE_NO_PAD.encode(mint.unwrap_or_default())
    }

    /// Whether a token is good for just this task, attempt and generator.
    #[must_use]
    pub fn proves(&self, capability: Capability<'_>, token: &str) -> Choice {
        let claimed = [URL_SAFE_NO_PAD.decode(token).unwrap_or_default()];
        capability.with_parts(|parts| any_matches(&self.0, parts, &claimed))
    }

    /// For the URL that all tasks of a generator share.
    #[must_use]
    pub fn mint_ingress(&self, generator: &GeneratorName) -> String {
        let mint = self.0.first().map(|key| key.tag(&ingress_parts(generator)));
        URL_SAFE_NO_PAD.encode(mint.unwrap_or_default())
    }

    /// The URL that all tasks of a generator share, with a token where it needs one.
    #[must_use]
    pub fn ingress_url(&self, base: &str, generator: &Generator) -> String {
        let (base, name) = (base.trim_end_matches('/'), generator.name());
        let query = generator.needs_ingress_token().then(|| format!("?token={}", self.mint_ingress(name)));
        format!("{base}/hooks/{name}{}", query.unwrap_or_default())
    }

    /// Whether a token is good for this generator's shared URL.
    #[must_use]
    pub fn proves_ingress(&self, generator: &GeneratorName, token: &str) -> Choice {
        let claimed = [URL_SAFE_NO_PAD.decode(token).unwrap_or_default()];
        any_matches(&self.0, &ingress_parts(generator), &claimed)
    }

    /// The URL that is handed out to a generator.
    #[must_use]
    pub fn callback_url(&self, base: &str, capability: Capability<'_>) -> String {
        let Capability { task, attempt, generator } = capability;
        let (base, token) = (base.trim_end_matches('/'), self.mint(capability));
        format!("{base}/callback/{task}?generator={generator}&attempt={attempt}&token={token}")
    }
}

impl Capability<'_> {
    /// Texts go in with their lengths, so that no two capabilities have the same bytes.
    fn with_parts<T>(self, use_parts: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (task, generator) = (self.task.as_str(), self.generator.as_str());
        use_parts(&[
            b"cb1",
            &length(task),
            task.as_bytes(),
            &self.attempt.to_be_bytes(),
            &length(generator),
            generator.as_bytes(),
        ])
    }
}

/// No capability begins so.
fn ingress_parts(generator: &GeneratorName) -> [&[u8]; 2] {
    [b"in1", generator.as_str().as_bytes()]
}

fn length(text: &str) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}
