//! `[[event.rule]]` and `[[poll.rule]]`: what a body means where its word does not say it, or not alone.

use super::condition::{Condition, Place};
use super::json::Document;
use super::raw::RawCallback;
use super::scalar::Several;
use super::source::Pattern;
use super::vocabulary::Meaning;

#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// All of them must hold.
    #[serde(rename = "if")]
    pub conditions: Several<Condition>,
    /// As in `[event.map]`.
    pub then: Meaning,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub conditions: Vec<Condition>,
    pub meaning: Meaning,
}

/// What the first rule that holds says.
pub(super) fn ruled(rules: &[Rule], document: &Document<'_>, envelope: Option<&RawCallback>) -> Option<Meaning> {
    let holds = |rule: &&Rule| rule.conditions.iter().all(|condition| condition.holds(document, envelope));
    rules.iter().find(holds).map(|rule| rule.meaning)
}

impl Rule {
    pub(super) fn of(file: &RuleFile) -> Self {
        Self { conditions: file.conditions.0.clone(), meaning: file.then }
    }

    /// Whether it can be asked of an answer, and says something about a job.
    pub(super) fn is_for_polls(&self) -> bool {
        self.meaning.is_about_tasks() && self.conditions.iter().all(|condition| matches!(condition.place, Place::Json(_)))
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.conditions.iter().filter_map(Condition::pattern)
    }

    pub(super) fn with_remote_id(&self, id: &str) -> Self {
        let mut rule = self.clone();
        for condition in &mut rule.conditions {
            if let Place::Json(pattern) = &mut condition.place {
                *pattern = pattern.with_remote_id(id);
            }
        }
        rule
    }
}
