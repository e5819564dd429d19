//! Whether callbacks are believed, or only taken as reasons to ask.

use toml::Spanned;

use super::ingress::speaks_of_tasks;
use super::{Entry, place};
use crate::generator::file::File;
use crate::generator::mistake::CatalogError;
use crate::generator::scalar::{Confirm, Ingress, Trust};

const NOBODY_TO_ASK: &str = "and without a [poll] section there is nobody to ask whether a callback is true";
const FORGEABLE: &str = "and what its callbacks say is not proven by their signature or token: only \"always\" is safe";

impl Entry<'_> {
    /// The settings' word, else the file's; but where the proof says nothing about the body, nothing but asking will do.
    pub(super) fn confirm(&self, file: &File, trust: Trust) -> Result<Confirm, CatalogError> {
        let uncovered = file.sign.iter().find(|sign| sign.get_ref().covers_body == Some(false));
        let shared = file.ingress.as_ref().filter(|ingress| *ingress.get_ref() == Ingress::Shared);
        let unsigned = shared.filter(|_| trust == Trust::Token && speaks_of_tasks(&file.event));
        let forced = uncovered.is_some() || unsigned.is_some();
        let in_file = file.event.confirm.as_ref();
        let said = self.own.confirm.or(in_file.map(|confirm| *confirm.get_ref()));
        let mistake = |word: Confirm, why: &str| {
            let fact = format!("is \"{}\", {why}", word.as_str());
            match in_file {
                Some(at) if self.own.confirm.is_none() => self.page.mistake(&at.span(), "event.confirm", fact),
                _ => self.in_settings("confirm", &fact),
            }
        };
        match said {
            Some(weaker) if forced && weaker != Confirm::Always => Err(mistake(weaker, FORGEABLE)),
            Some(Confirm::Never) | None if !forced => Ok(Confirm::Never),
            Some(word) if file.poll.is_none() => Err(mistake(word, NOBODY_TO_ASK)),
            Some(word) => Ok(word),
            None if file.poll.is_some() => Ok(Confirm::Always),
            None => Err(self.unasked(uncovered.map(|sign| place(sign, "covers_body")), shared.map(Spanned::span))),
        }
    }

    fn unasked(&self, uncovered: Option<std::ops::Range<usize>>, shared: Option<std::ops::Range<usize>>) -> CatalogError {
        match uncovered {
            Some(span) => self.page.mistake(&span, "sign.covers_body", format!("is false, {NOBODY_TO_ASK}")),
            None => {
                let fact = format!("is \"shared\" while nothing signs the callbacks, {NOBODY_TO_ASK}");
                self.page.mistake(&shared.unwrap_or_default(), "ingress", fact)
            }
        }
    }
}
