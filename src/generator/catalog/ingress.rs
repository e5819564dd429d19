//! What a generator's file must say so that callbacks on one path for all find their tasks.

use super::Entry;
use crate::generator::file::{EventFile, File};
use crate::generator::mistake::CatalogError;
use crate::generator::reading::vocabulary;
use crate::generator::scalar::{Bind, Ingress, Method, Trust};
use crate::generator::source::{Source, TaskSource};

impl Entry<'_> {
    pub(super) fn check_ingress(&self, file: &File, trust: Trust) -> Result<(), CatalogError> {
        let Some(shared) = file.ingress.as_ref().filter(|ingress| *ingress.get_ref() == Ingress::Shared) else { return Ok(()) };
        if trust == Trust::None {
            const EVERYBODY: &str = "is \"none\", and with `ingress = \"shared\"` everybody could speak for every task";
            return Err(match &file.trust {
                Some(at) if self.own.trust.is_none() => self.page.mistake(&at.span(), "trust", EVERYBODY),
                _ => self.in_settings("trust", EVERYBODY),
            });
        }
        if let Some(bind) = file.bind.as_ref().filter(|bind| *bind.get_ref() == Bind::Token) {
            let fact = "is \"token\", and with `ingress = \"shared\"` no task has a URL of its own to carry one";
            return Err(self.page.mistake(&bind.span(), "bind", fact));
        }
        let methods = &file.reply.methods.0;
        if !methods.is_empty() && !methods.contains(&Method::Post) {
            let fact = "leaves out POST, and with `ingress = \"shared\"` nothing else arrives";
            return Err(self.page.mistake(&shared.span(), "reply.methods", fact));
        }
        let names = |place: &TaskSource| matches!(place, TaskSource::Elsewhere(Source::Header(_) | Source::Json(_)));
        if !speaks_of_tasks(&file.event) || file.event.task.0.iter().any(names) {
            return Ok(());
        }
        let fact = "must say which header or which member of the body names the task (`json:data.id`), since with \
                    `ingress = \"shared\"` the path does not";
        Err(self.page.mistake(&shared.span(), "event.task", fact))
    }
}

/// Whether any callback is a task's business.
pub(super) fn speaks_of_tasks(event: &EventFile) -> bool {
    event.rule.iter().any(|rule| rule.get_ref().then.is_about_tasks()) || vocabulary(event).speaks_of_tasks()
}
