//! Where in a callback, or in an answer, everything is.

use toml::Spanned;

use super::file::{EventFile, MapFile, PollFile};
use super::rule::{Rule, RuleFile};
use super::scalar::{Otherwise, Scale, Several, TimeUnit};
use super::source::{IdSource, InBody, Pattern, Pointer, Source, TaskSource};
use super::vocabulary::{Glob, Meaning, Vocabulary};

#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub strict: bool,
    pub task: Vec<TaskSource>,
    pub id: Vec<IdSource>,
    pub at: Vec<Source>,
    pub at_unit: Option<TimeUnit>,
    pub state: Vec<Source>,
    pub percent: Vec<Source>,
    /// Value and maximum.
    pub ratio: Option<[Source; 2]>,
    pub scale: Scale,
    pub stage: Vec<Source>,
    pub message: Vec<Source>,
    pub result: Vec<Pointer>,
    pub error: Vec<Pointer>,
    /// What of the body a custom event carries; empty: the whole.
    pub data: Vec<Pointer>,
    pub vocabulary: Vocabulary,
    /// They go before the vocabulary.
    pub rules: Vec<Rule>,
    /// The top-level keys of the body that any of these begins with.
    pub wanted: Vec<String>,
}

impl Reading {
    pub(super) fn new(event: EventFile, ratio: Option<[Source; 2]>) -> Self {
        let vocabulary = vocabulary(&event);
        let mut reading = Self {
            strict: event.strict,
            task: event.task.0,
            id: event.id.0,
            at: event.at.0,
            at_unit: event.at_unit,
            state: event.state.0,
            percent: event.progress.0,
            ratio,
            scale: event.scale.unwrap_or(Scale::Hundred),
            stage: event.stage.0,
            message: event.message.0,
            result: bare(event.result),
            error: bare(event.error),
            data: bare(event.data),
            vocabulary,
            rules: rules(event.rule),
            wanted: Vec::new(),
        };
        reading.wanted = reading.heads();
        reading
    }

    /// For answers about a job's state. They are read leniently: nobody can be told what is wrong with them.
    pub(super) fn of_polls(&self, poll: PollFile, ratio: Option<[Source; 2]>) -> Self {
        // which callbacks are of interest says nothing about answers, and those have no headers
        let inherited = || self.rules.iter().filter(|rule| rule.is_for_polls()).cloned().collect();
        let mut words = words(&poll.map);
        words.extend(self.vocabulary.words.iter().cloned());
        let time = poll.at.map_or_else(|| (self.at.clone(), poll.at_unit.or(self.at_unit)), |at| (at.0, poll.at_unit));
        let mut reading = Self {
            strict: false,
            task: Vec::new(),
            id: Vec::new(),
            at: time.0,
            at_unit: time.1,
            state: own_or(poll.state, &self.state),
            percent: own_or(poll.progress, &self.percent),
            ratio: ratio.or_else(|| self.ratio.clone()),
            scale: poll.scale.unwrap_or(self.scale),
            stage: own_or(poll.stage, &self.stage),
            message: own_or(poll.message, &self.message),
            result: poll.result.map_or_else(|| self.result.clone(), bare),
            error: poll.error.map_or_else(|| self.error.clone(), bare),
            data: Vec::new(),
            vocabulary: Vocabulary { words, otherwise: Otherwise::Progress },
            rules: poll.rule.map_or_else(inherited, rules),
            wanted: Vec::new(),
        };
        reading.wanted = reading.heads();
        reading
    }

    /// For answers that bring a result and nothing else; without a word of their own, as for callbacks.
    pub(super) fn of_results(&self, result: Option<Several<InBody>>) -> Self {
        let result = result.map_or_else(|| self.result.clone(), bare);
        let wanted = result.iter().map(|pointer| pointer.head().to_owned()).collect();
        Self { strict: false, result, wanted, ..self.clone() }
    }

    /// With the generator's id where its place is kept; none if there is no such place.
    pub(super) fn with_remote_id(&self, id: &str) -> Option<Self> {
        let places = [&self.at, &self.state, &self.percent, &self.stage, &self.message];
        let sources = places.into_iter().flatten().chain(self.ratio.iter().flatten());
        let kept = |source: &Source| matches!(source, Source::Json(pointer) if pointer.has_remote_id());
        let by_rule = self.rules.iter().flat_map(Rule::patterns).any(Pattern::has_remote_id);
        let in_body = self.result.iter().chain(&self.error).any(Pointer::has_remote_id);
        if !by_rule && !in_body && !sources.into_iter().any(kept) {
            return None;
        }
        let filled = |source: &Source| match source {
            Source::Json(pointer) => Source::Json(pointer.with_remote_id(id)),
            elsewhere => elsewhere.clone(),
        };
        let all = |list: &[Source]| list.iter().map(filled).collect::<Vec<_>>();
        let mut reading = Self {
            at: all(&self.at),
            state: all(&self.state),
            percent: all(&self.percent),
            ratio: self.ratio.as_ref().map(|ratio| ratio.each_ref().map(filled)),
            stage: all(&self.stage),
            message: all(&self.message),
            result: self.result.iter().map(|pointer| pointer.with_remote_id(id)).collect(),
            error: self.error.iter().map(|pointer| pointer.with_remote_id(id)).collect(),
            rules: self.rules.iter().map(|rule| rule.with_remote_id(id)).collect(),
            ..self.clone()
        };
        let heads = reading.heads();
        reading.wanted.extend(heads);
        Some(reading)
    }

    /// Whether the body says what state a job is in.
    pub(super) fn has_state(&self) -> bool {
        let ruled = self.rules.iter().any(|rule| rule.meaning == Meaning::Completed);
        ruled || self.state.iter().any(|source| matches!(source, Source::Json(_)))
    }

    /// Whether any word, or any rule, says that a job is completed.
    pub(super) fn knows_an_end(&self) -> bool {
        self.vocabulary.knows_an_end() || self.rules.iter().any(|rule| rule.meaning == Meaning::Completed)
    }

    fn heads(&self) -> Vec<String> {
        let tasks =
            self.task.iter().filter_map(|place| if let TaskSource::Elsewhere(source) = place { Some(source) } else { None });
        let ids =
            self.id.iter().flat_map(|place| if let IdSource::Elsewhere(sources) = place { sources.as_slice() } else { &[] });
        let plain = [&self.at, &self.state, &self.percent, &self.stage, &self.message].into_iter().flatten();
        let sources = tasks.chain(ids).chain(plain).chain(self.ratio.iter().flatten());
        let pointers = sources.filter_map(|source| if let Source::Json(pointer) = source { Some(pointer) } else { None });
        let ruling = self.rules.iter().flat_map(Rule::patterns).map(|pattern| &pattern.first);
        let mut heads: Vec<String> = pointers
            .chain(ruling)
            .chain(&self.result)
            .chain(&self.error)
            .chain(&self.data)
            .map(|pointer| pointer.head().to_owned())
            .collect();
        heads.sort();
        heads.dedup();
        heads
    }
}

fn own_or(own: Option<Several<Source>>, inherited: &[Source]) -> Vec<Source> {
    own.map_or_else(|| inherited.to_vec(), |own| own.0)
}

fn bare(list: Several<InBody>) -> Vec<Pointer> {
    list.0.into_iter().map(|place| place.0).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "the file is taken apart")]
fn rules(files: Vec<Spanned<RuleFile>>) -> Vec<Rule> {
    files.iter().map(|rule| Rule::of(rule.get_ref())).collect()
}

pub(super) fn vocabulary(event: &EventFile) -> Vocabulary {
    Vocabulary { words: words(&event.map), otherwise: event.default.unwrap_or(Otherwise::Ignore) }
}

/// In the order of the meanings.
pub(super) fn words(map: &MapFile) -> Vec<(Glob, Meaning)> {
    let lists = [
        (&map.completed, Meaning::Completed),
        (&map.failed, Meaning::Failed),
        (&map.cancelled, Meaning::Cancelled),
        (&map.progress, Meaning::Progress),
        (&map.started, Meaning::Started),
        (&map.ignore, Meaning::NotOfInterest),
        (&map.event, Meaning::Custom),
    ];
    lists.into_iter().flat_map(|(list, meaning)| list.0.iter().map(move |glob| (glob.clone(), meaning))).collect()
}
