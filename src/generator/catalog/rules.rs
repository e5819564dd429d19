//! Whether rules can ever hold, and mean something where they stand.

use toml::Spanned;

use super::Entry;
use crate::generator::file::File;
use crate::generator::mistake::CatalogError;
use crate::generator::reading::words;
use crate::generator::rule::{Rule, RuleFile};

impl Entry<'_> {
    pub(super) fn check_rules(&self, file: &File) -> Result<(), CatalogError> {
        self.check_conditions("event", &file.event.rule)?;
        let Some(poll) = file.poll.as_ref().map(Spanned::get_ref) else { return Ok(()) };
        let rules = poll.rule.as_deref().unwrap_or_default();
        self.check_conditions("poll", rules)?;
        let vain = rules.iter().find(|rule| !Rule::of(rule.get_ref()).is_for_polls());
        if let Some(rule) = vain {
            let then = rule.get_ref().then;
            let fact = if then.is_about_tasks() {
                "asks for a header or a query, and an answer is read by its body alone".to_owned()
            } else {
                format!("says \"{}\", and an answer is always about its job", then.as_str())
            };
            return Err(self.page.mistake(&rule.span(), "poll.rule", fact));
        }
        if poll.map.event.0.is_empty() {
            return Ok(());
        }
        let span = file.poll.as_ref().map_or(0..0, Spanned::span);
        Err(self.page.mistake(&span, "poll.map.event", "names words of custom events, which answers about a job never are"))
    }

    /// A word that is said to mean two things.
    pub(super) fn check_words(&self, file: &File) -> Result<(), CatalogError> {
        let of_poll = file.poll.as_ref().map(|poll| ("poll.map", &poll.get_ref().map));
        for (section, map) in [("event.map", &file.event.map)].into_iter().chain(of_poll) {
            let words = words(map);
            let twice = |at: usize| words[..at].iter().find(|(glob, meaning)| *glob == words[at].0 && *meaning != words[at].1);
            if let Some(at) = (0..words.len()).find(|&at| twice(at).is_some()) {
                let word = words[at].0.to_string();
                return Err(self.page.mistake(&self.page.last(&word), section, format!("says two things of `{word}`")));
            }
        }
        Ok(())
    }

    fn check_conditions(&self, section: &str, rules: &[Spanned<RuleFile>]) -> Result<(), CatalogError> {
        match rules.iter().find(|rule| rule.get_ref().conditions.0.is_empty()) {
            Some(rule) => Err(self.page.mistake(&rule.span(), &format!("{section}.rule.if"), "must say when the rule holds")),
            None => Ok(()),
        }
    }
}
