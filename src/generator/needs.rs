//! Which settings a generator asks for, and whether it has what it cannot do without.

use super::entry::Generator;
use super::recipe::{Method, PublicKeys};
use super::scalar::Trust;

/// One setting of a generator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// `GENERATOR_REPLICATE_API_KEY`
    pub setting: String,
    /// What it is for.
    pub what: &'static str,
    pub required: bool,
    pub is_set: bool,
    /// Its value, secrets masked; none where it is not set.
    pub shown: Option<String>,
}

impl Generator {
    /// The settings that make a difference for it: its secret, its key, its address.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        [self.secret_need(), self.key_need(), self.base_need()].into_iter().flatten().collect()
    }

    /// Whether all is there that it cannot do without.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.needs().iter().all(|need| need.is_set || !need.required)
    }

    /// The name of one of its settings.
    #[must_use]
    pub fn setting(&self, key: &str) -> String {
        match (self.name.as_str(), key) {
            ("default", "SECRET") => "CALLBACK_SECRET_KEY".to_owned(),
            (name, key) => format!("GENERATOR_{}_{key}", name.to_ascii_uppercase().replace('-', "_")),
        }
    }

    fn secret_need(&self) -> Option<Need> {
        let is_published = |method: &Method| matches!(method, Method::Signature { keys: PublicKeys::Published(_), .. });
        let publishes = self.recipes.iter().any(|recipe| is_published(&recipe.method));
        let (what, required) = match self.trust {
            _ if self.recipes.is_empty() => return None,
            _ if publishes || self.written.has("sign") && self.written.tables("sign").iter().any(|sign| sign.has("jwks")) => {
                ("pins the public keys, which are fetched otherwise", false)
            }
            Trust::Verify => ("proves its callbacks", true),
            Trust::Token => ("proves its callbacks, too, beside the token of the callback URL", false),
            Trust::None => ("proves its callbacks where they are signed", false),
        };
        Some(Need {
            setting: self.setting("SECRET"),
            what,
            required,
            is_set: self.has_secret(),
            shown: masked(self.has_secret()),
        })
    }

    fn key_need(&self) -> Option<Need> {
        let sections = ["submit", "poll", "cancel"];
        let auth = |section: &&str| self.written.text(&format!("{section}.auth")).is_some_and(|auth| auth != "none");
        let is_filled_in = self.written.texts().iter().any(|text| text.contains("{api_key}"));
        if !is_filled_in && !sections.iter().any(auth) {
            return None;
        }
        let what = "shows the generator whose jobs they are";
        let is_set = self.outgoing.has_api_key();
        Some(Need { setting: self.setting("API_KEY"), what, required: true, is_set, shown: masked(is_set) })
    }

    fn base_need(&self) -> Option<Need> {
        let is_open = self.written.texts().iter().any(|text| text.contains("{base_url}"));
        let has_url = ["submit", "poll", "cancel"].iter().any(|section| self.written.has(&format!("{section}.url")));
        let what = match (is_open, has_url) {
            (true, _) => "says where the generator is",
            (false, true) => "leads its requests elsewhere: to a proxy, or to a stand-in for tests",
            (false, false) => return None,
        };
        let shown = self.outgoing.base_url().map(without_password);
        Some(Need { setting: self.setting("BASE_URL"), what, required: is_open, is_set: shown.is_some(), shown })
    }
}

fn masked(is_set: bool) -> Option<String> {
    is_set.then(|| "***".to_owned())
}

pub(super) fn without_password(url: &str) -> String {
    let Some(mut parsed) = url.parse::<reqwest::Url>().ok().filter(|url| url.password().is_some()) else { return url.to_owned() };
    let hidden = parsed.set_password(Some("***"));
    hidden.map_or_else(|()| "***".to_owned(), |()| parsed.to_string())
}
