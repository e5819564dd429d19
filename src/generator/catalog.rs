//! All generators that are known: the built-in files, overridden by files of the same name, with their settings applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use crate::domain::task::GeneratorName;

use super::entry::{Generator, Profile, Settings};
use super::file::{File, SignFile};
use super::handshake::{Handshake, HandshakeFile};
use super::key::meant_for;
use super::lineage::{self, Library};
pub use super::mistake::CatalogError;
use super::mistake::{Page, Text, nearest};
use super::outgoing::Draft;
use super::reading::Reading;
use super::recipe::Recipe;
use super::scalar::{Bind, Confirm, Scheme, Several, Trust};
use super::source::Source;
use super::template::Template;

mod confirm;
mod ingress;
mod rules;

/// Every `*.toml` of the folder `generators`, as the build script found them.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/presets.rs"));
const DEFAULT: &str = "default";
const MOST_SIGNS: usize = 4;
const MOST_RETRIES: u32 = 100;

#[derive(Debug, Default)]
pub struct Catalog(BTreeMap<GeneratorName, Arc<Generator>>);

/// What the settings say about generators; every value here goes before the file's.
#[derive(Clone, Debug)]
pub struct Overrides {
    pub generators: BTreeMap<GeneratorName, GeneratorOverrides>,
    /// `default` takes unsigned callbacks, and other files may say `trust = "none"`.
    pub default_unsigned: bool,
    /// For signed timestamps, where the file has no tolerance of its own.
    pub tolerance: Duration,
}

impl Default for Overrides {
    fn default() -> Self {
        Self { generators: BTreeMap::new(), default_unsigned: false, tolerance: Duration::from_secs(300) }
    }
}

#[derive(Clone, Default, PartialEq)]
pub struct GeneratorOverrides {
    /// All live ones; the first signs.
    pub secrets: Vec<String>,
    pub base_url: Option<String>,
    pub api_key: Option<String>,
    pub trust: Option<Trust>,
    pub confirm: Option<Confirm>,
    pub allowed_ips: Option<Vec<IpNet>>,
    pub max_body: Option<usize>,
    pub timeout: Option<Duration>,
    pub max_retries: Option<u32>,
}

impl fmt::Debug for GeneratorOverrides {
    /// Without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratorOverrides").field("trust", &self.trust).field("confirm", &self.confirm).finish_non_exhaustive()
    }
}

impl Catalog {
    /// The built-in generators and those of `files` (file name, text).
    ///
    /// # Errors
    /// The first mistake, with file, line and key.
    pub fn load(files: &[(String, String)], overrides: &Overrides) -> Result<Self, CatalogError> {
        let built_in = built_in();
        let texts = named(&built_in, files)?;
        if let Some(unknown) = overrides.generators.keys().find(|name| !texts.contains_key(name)) {
            return Err(no_such_generator(unknown, texts.keys()));
        }
        let library = Library { built_in: &built_in, texts: texts.values().copied().collect() };
        let load = |(name, text): (GeneratorName, Text<'_>)| {
            let generator = one(&library, text, name.clone(), overrides)?;
            Ok((name, Arc::new(generator)))
        };
        texts.into_iter().map(load).collect::<Result<_, _>>().map(Self)
    }

    /// The generator of the last file, with the others there to be extended: what is wrong with them is no matter.
    ///
    /// # Errors
    /// The first mistake, with file, line and key.
    pub fn single(files: &[(String, String)], overrides: &Overrides) -> Result<Generator, CatalogError> {
        let built_in = built_in();
        let texts = named(&built_in, files)?;
        let name = name_of(files.last().map_or("", |(file, _)| file))?;
        let library = Library { built_in: &built_in, texts: texts.values().copied().collect() };
        let text = texts.get(&name).copied().ok_or_else(|| no_such_generator(&name, texts.keys()))?;
        one(&library, text, name, overrides)
    }

    /// The names that these files would load under, for finding the settings that belong to them.
    ///
    /// # Errors
    /// A file's name that is no generator's name.
    pub fn names(files: &[(String, String)]) -> Result<Vec<GeneratorName>, CatalogError> {
        let names: Result<BTreeSet<_>, _> = EMBEDDED
            .iter()
            .copied()
            .map(|(file, _)| file)
            .chain(files.iter().map(|(file, _)| file.as_str()))
            .map(name_of)
            .collect();
        names.map(|names| names.into_iter().collect())
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Generator>> {
        self.0.get(&GeneratorName::parse(name).ok()?)
    }

    /// Says that there is none of this name, and which one was probably meant.
    #[must_use]
    pub fn no_such(&self, name: &str) -> String {
        let known: Vec<&str> = self.0.keys().map(GeneratorName::as_str).collect();
        let meant = nearest(name, &known)
            .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        format!("There is no generator `{name}`; {meant}")
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Generator>> {
        self.0.values()
    }
}

fn built_in() -> Vec<Text<'static>> {
    EMBEDDED.iter().map(|&(file, text)| Text { file, text, built_in: true }).collect()
}

/// The texts that count, by their generators' names: the operator's take the place of the built-in ones.
fn named<'a>(built_in: &[Text<'a>], files: &'a [(String, String)]) -> Result<BTreeMap<GeneratorName, Text<'a>>, CatalogError> {
    let own = files.iter().map(|(file, text)| Text { file, text, built_in: false });
    built_in.iter().copied().chain(own).map(|text| Ok((name_of(text.file)?, text))).collect()
}

fn one(library: &Library<'_>, text: Text<'_>, name: GeneratorName, overrides: &Overrides) -> Result<Generator, CatalogError> {
    let page = library.lineage(text)?;
    let own = overrides.generators.get(&name).cloned().unwrap_or_default();
    Entry { page, own: &own, overrides, name }.read()
}

fn name_of(file: &str) -> Result<GeneratorName, CatalogError> {
    let stem = Text { file, text: "", built_in: false }.stem().to_owned();
    GeneratorName::parse(&stem).map_err(|wanted| CatalogError::FileName {
        file: file.to_owned(),
        fact: format!("the file is named after its generator, and {wanted}"),
    })
}

fn no_such_generator<'a>(unknown: &GeneratorName, known: impl Iterator<Item = &'a GeneratorName>) -> CatalogError {
    let known: Vec<&str> = known.map(GeneratorName::as_str).collect();
    let fact = nearest(unknown.as_str(), &known)
        .map_or_else(|| format!("is none of {}", known.join(", ")), |near| format!("is not known; did you mean `{near}`?"));
    CatalogError::InSettings { generator: unknown.to_string(), setting: "name", fact }
}

/// Where a key of the section stands; the section itself, if it has none of this name.
fn place(sign: &Spanned<SignFile>, key: &str) -> Range<usize> {
    sign.get_ref().places.get(key).cloned().unwrap_or_else(|| sign.span())
}

/// One generator while it is read.
struct Entry<'a> {
    page: Page<'a>,
    own: &'a GeneratorOverrides,
    overrides: &'a Overrides,
    name: GeneratorName,
}

impl Entry<'_> {
    fn read(self) -> Result<Generator, CatalogError> {
        let (mut file, written) = lineage::read(&self.page)?;
        self.check_name(&file)?;
        self.check_numbers(&file)?;
        let trust = self.trust(&file)?;
        let recipes = self.recipes(&file)?;
        let bind = self.bind(&file, trust, &recipes)?;
        self.check_rules(&file)?;
        self.check_words(&file)?;
        self.check_ingress(&file, trust)?;
        let confirm = self.confirm(&file, trust)?;
        let ratio = file.event.progress_of.take().map(|list| self.ratio("event", list)).transpose()?;
        let of_poll = file.poll.as_mut().and_then(|poll| poll.get_mut().progress_of.take());
        let of_poll = of_poll.map(|list| self.ratio("poll", list)).transpose()?;
        let handshake = file.handshake.take().map(|handshake| self.handshake(handshake, &recipes)).transpose()?;
        let settings = Settings::new(&file, self.own, confirm);
        let (extends, built_in) = (file.extends, self.page.0.first().is_some_and(|text| text.built_in));
        let profile = Profile { built_in, extends, about: file.about, sources: file.sources.0, experimental: file.experimental };
        let reading = Reading::new(file.event, ratio);
        let draft = Draft { page: &self.page, name: &self.name, own: self.own, event: &reading };
        let mut outgoing = draft.prepare(file.submit, file.poll, file.cancel, of_poll)?;
        outgoing.allow(file.hosts);
        let final_errors = file.final_errors.0;
        let (name, content, sender) = (self.name, Arc::new(file.content), file.sender);
        Ok(Generator {
            name,
            trust,
            bind,
            recipes,
            reading,
            handshake,
            final_errors,
            outgoing,
            settings,
            profile,
            content,
            sender,
            written,
        })
    }

    fn check_name(&self, file: &File) -> Result<(), CatalogError> {
        match &file.name {
            Some(name) if name.get_ref() != self.name.as_str() && !name.get_ref().is_empty() => {
                Err(self.page.mistake(&name.span(), "name", format!("must be the file's own name, `{}`", self.name)))
            }
            _ => Ok(()),
        }
    }

    fn check_numbers(&self, file: &File) -> Result<(), CatalogError> {
        if let Some(at) = file.timeout.as_ref().filter(|timeout| timeout.get_ref().0.is_zero()) {
            return Err(self.page.mistake(&at.span(), "timeout", "must be longer than nothing"));
        }
        match &file.max_retries {
            Some(at) if *at.get_ref() > MOST_RETRIES => {
                Err(self.page.mistake(&at.span(), "max_retries", format!("must be a whole number from 0 to {MOST_RETRIES}")))
            }
            _ => Ok(()),
        }
    }

    /// The settings' word, else that unsigned callbacks are taken, else the file's.
    fn trust(&self, file: &File) -> Result<Trust, CatalogError> {
        const NOT_PERMITTED: &str = "is \"none\", which only CALLBACK_REQUIRE_SIGNATURE=false permits";
        let refused = |trust| trust == Trust::None && !self.overrides.default_unsigned;
        match (self.own.trust, &file.trust) {
            (Some(trust), _) if refused(trust) => Err(self.in_settings("trust", NOT_PERMITTED)),
            (Some(trust), _) => Ok(trust),
            (None, _) if self.overrides.default_unsigned && self.name.as_str() == DEFAULT => Ok(Trust::None),
            (None, Some(trust)) if refused(*trust.get_ref()) => Err(self.page.mistake(&trust.span(), "trust", NOT_PERMITTED)),
            (None, Some(trust)) => Ok(*trust.get_ref()),
            (None, None) => Ok(Trust::Verify),
        }
    }

    fn recipes(&self, file: &File) -> Result<Vec<Recipe>, CatalogError> {
        if let Some(surplus) = file.sign.get(MOST_SIGNS) {
            return Err(self.page.mistake(&surplus.span(), "sign", format!("may be repeated at most {MOST_SIGNS} times")));
        }
        let has = |wanted: &[Scheme]| file.sign.iter().any(|sign| wanted.contains(&sign.get_ref().scheme));
        let mixed = has(&[Scheme::Ed25519]) && has(&[Scheme::Hmac, Scheme::Token]);
        let mut urls = file.sign.iter().filter_map(|sign| Some((sign, sign.get_ref().jwks.as_ref()?)));
        let first = urls.next();
        if let Some((other, _)) = urls.find(|(_, url)| first.is_some_and(|(_, first)| first != *url)) {
            let fact = "is another URL than before, and one is all that is asked";
            return Err(self.page.mistake(&place(other, "jwks"), "sign.jwks", fact));
        }
        file.sign.iter().filter_map(|sign| self.recipe(sign, mixed).transpose()).collect()
    }

    /// `mixed`: the file also knows proofs by keys of the other kind.
    fn recipe(&self, sign: &Spanned<SignFile>, mixed: bool) -> Result<Option<Recipe>, CatalogError> {
        let mistake = |key: &str, fact: &str| self.page.mistake(&place(sign, key), &format!("sign.{key}"), fact);
        let file = sign.get_ref();
        let secrets = meant_for(file.scheme, &self.own.secrets, mixed);
        let recipe = Recipe::prepare(file, &secrets, self.overrides.tolerance).map_err(|(key, fact)| match key {
            "secret" => self.in_settings("secret", &fact),
            _ => mistake(key, &fact),
        })?;
        let content = recipe.as_ref().and_then(|recipe| recipe.method.content());
        let covered = content.is_none_or(Template::covers_body);
        match (covered, file.covers_body) {
            (true, _) | (false, Some(false)) => Ok(recipe),
            (false, None | Some(true)) => {
                Err(mistake("content", "does not cover the body: `covers_body = false` would say that this is meant"))
            }
        }
    }

    fn bind(&self, file: &File, trust: Trust, recipes: &[Recipe]) -> Result<Bind, CatalogError> {
        let bind = file.bind.as_ref().map_or(Bind::No, |bind| *bind.get_ref());
        let signs = !recipes.is_empty();
        let only_none = file.sign.iter().all(|sign| sign.get_ref().scheme == Scheme::None);
        match (&file.bind, &file.trust) {
            (Some(at), _) if bind == Bind::Token && (!signs || trust == Trust::None) => {
                Err(self.page.mistake(&at.span(), "bind", "needs a [[sign]] section and a `trust` other than none"))
            }
            _ if self.own.trust == Some(Trust::Verify) && only_none => {
                Err(self.in_settings("trust", "is \"verify\", and its file has no [[sign]] section that says how"))
            }
            (_, Some(at)) if trust == Trust::Verify && only_none => {
                Err(self.page.mistake(&at.span(), "trust", "is \"verify\", and no [[sign]] section says how"))
            }
            (_, None) if trust == Trust::Verify && only_none => {
                Err(self.page.mistake(&(0..0), "sign", "is missing: without it only `trust = \"token\"` makes sense"))
            }
            _ => Ok(bind),
        }
    }

    fn handshake(&self, file: Spanned<HandshakeFile>, recipes: &[Recipe]) -> Result<Handshake, CatalogError> {
        if file.get_ref().signed && recipes.is_empty() {
            return Err(self.page.mistake(&file.span(), "handshake.signed", "needs a [[sign]] section that says how"));
        }
        Ok(Handshake::new(file.into_inner()))
    }

    fn ratio(&self, section: &str, list: Spanned<Several<Source>>) -> Result<[Source; 2], CatalogError> {
        let span = list.span();
        <[Source; 2]>::try_from(list.into_inner().0).map_err(|_| {
            self.page.mistake(&span, &format!("{section}.progress_of"), "must name two values: how far, and of how much")
        })
    }

    fn in_settings(&self, setting: &'static str, fact: &str) -> CatalogError {
        CatalogError::InSettings { generator: self.name.to_string(), setting, fact: fact.to_owned() }
    }
}
