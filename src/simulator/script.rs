//! What a job will send, when, and how its task must end: planned before anything is sent.
//!
//! First comes what an honest generator would tell: it has started, it gets on, it has ended, each at a later tick. Then
//! faults are added. None of them changes the right end: duplicates and forgeries must have no effect, and an event that
//! overtakes another has the truth on its side.

use serde::{Deserialize, Serialize};

use super::random::Random;

/// How probable faults are: the first three per event, the last two per job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Odds {
    pub duplicates: f64,
    pub reorders: f64,
    pub forgeries: f64,
    pub failures: f64,
    pub cancellations: f64,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Completed,
    Failed,
    Cancelled,
}

/// What a generator tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    Started,
    Progress { percent: u32 },
    Ended(End),
}

/// What is wrong with a sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The same bytes once more.
    Duplicate,
    /// Overtaken by the event after it.
    Overtaken,
    /// A lie, signed with a secret of its own.
    WrongSecret,
    /// A lie under the signature of something true.
    Tampered,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// When it is sent. Those of one tick are sent at the same moment.
    pub tick: u32,
    /// When what it tells has happened.
    pub happened: u32,
    /// The event's number; a duplicate has its original's.
    pub number: u32,
    pub news: News,
    pub fault: Option<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// From 1.
    pub job: u32,
    /// The right end of its task.
    pub end: End,
    /// By tick.
    pub sendings: Vec<Sending>,
}

/// The same seed, job and odds give the same script.
#[must_use]
pub fn plan(seed: u64, job: u32, odds: &Odds) -> Script {
    plan_from(Random::of_job(seed, job), job, odds)
}

/// The same from any stream of numbers.
pub(super) fn plan_from(mut random: Random, job: u32, odds: &Odds) -> Script {
    let end = end(&mut random, odds);
    let mut sendings = truth(&mut random, end);
    reorder(&mut random, odds, &mut sendings);
    let duplicates = duplicates(&mut random, odds, &sendings);
    let forgeries = forgeries(&mut random, odds, &sendings, end);
    sendings.extend(duplicates.into_iter().chain(forgeries));
    sendings.sort_by_key(|sending| sending.tick);
    Script { job, end, sendings }
}

impl Script {
    /// What is sent at the same moment, tick by tick.
    pub fn volleys(&self) -> impl Iterator<Item = &[Sending]> {
        self.sendings.chunk_by(|one, other| one.tick == other.tick)
    }
}

impl Sending {
    #[must_use]
    pub fn is_forgery(&self) -> bool {
        self.fault.is_some_and(Fault::is_forgery)
    }

    /// What an honest generator would have sent, though perhaps not at this moment.
    pub(super) const fn is_original(&self) -> bool {
        matches!(self.fault, None | Some(Fault::Overtaken))
    }
}

impl Fault {
    /// Whether the hub must refuse it.
    #[must_use]
    pub const fn is_forgery(self) -> bool {
        matches!(self, Self::WrongSecret | Self::Tampered)
    }
}

impl End {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl News {
    /// As generator `default` calls it.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Progress { .. } => "progress",
            Self::Ended(end) => end.as_str(),
        }
    }

    #[must_use]
    pub const fn percent(self) -> Option<u32> {
        if let Self::Progress { percent } = self { Some(percent) } else { None }
    }
}

fn end(random: &mut Random, odds: &Odds) -> End {
    if random.happens(odds.failures) {
        End::Failed
    } else if random.happens(odds.cancellations) {
        End::Cancelled
    } else {
        End::Completed
    }
}

/// What an honest generator would send. All jobs start within a few ticks and keep the same time, so that the hub is met
/// by bursts and not by a drizzle.
fn truth(random: &mut Random, end: End) -> Vec<Sending> {
    let mut news = vec![News::Started];
    let mut percent = 0;
    while percent < 80 {
        percent += random.between(7, 19);
        news.push(News::Progress { percent });
    }
    if end != End::Completed {
        // who fails does so on the way
        let done = random.between(2, u32::try_from(news.len()).unwrap_or(2));
        news.truncate(done as usize);
    }
    news.push(News::Ended(end));

    let mut tick = random.between(0, 5);
    let mut sendings = Vec::with_capacity(news.len());
    for (number, news) in (1..).zip(news) {
        sendings.push(Sending { tick, happened: tick, number, news, fault: None });
        tick += random.between(1, 3);
    }
    sendings
}

/// Neighbours change places; an event takes part once at most.
fn reorder(random: &mut Random, odds: &Odds, sendings: &mut [Sending]) {
    let mut rest = sendings;
    while let [earlier, later, ..] = rest {
        let swapped = random.happens(odds.reorders);
        if swapped {
            std::mem::swap(&mut earlier.tick, &mut later.tick);
            earlier.fault = Some(Fault::Overtaken);
        }
        rest = &mut rest[if swapped { 2 } else { 1 }..];
    }
}

/// A third of them race with their original, the others follow.
fn duplicates(random: &mut Random, odds: &Odds, sendings: &[Sending]) -> Vec<Sending> {
    let mut duplicates = Vec::new();
    for original in sendings {
        if random.happens(odds.duplicates) {
            let tick = original.tick + random.between(0, 2);
            duplicates.push(Sending { tick, fault: Some(Fault::Duplicate), ..*original });
        }
    }
    duplicates
}

/// They claim an end that is not the right one, so that a hub that believes one shows it.
fn forgeries(random: &mut Random, odds: &Odds, sendings: &[Sending], end: End) -> Vec<Sending> {
    let lie = News::Ended(if end == End::Completed { End::Failed } else { End::Completed });
    let mut forgeries = Vec::new();
    for beside in sendings {
        if random.happens(odds.forgeries) {
            let fault = if random.happens(0.5) { Fault::WrongSecret } else { Fault::Tampered };
            forgeries.push(Sending { news: lie, fault: Some(fault), ..*beside });
        }
    }
    forgeries
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Odds = Odds { duplicates: 0.0, reorders: 0.0, forgeries: 0.0, failures: 0.0, cancellations: 0.0 };
    const MANY: Odds = Odds { duplicates: 0.4, reorders: 0.4, forgeries: 0.4, failures: 0.3, cancellations: 0.3 };

    fn scripts(odds: &Odds) -> Vec<Script> {
        (0..200).map(|job| plan(7, job, odds)).collect()
    }

    #[test]
    fn the_same_seed_plans_the_same_and_another_seed_does_not() {
        assert_eq!(scripts(&MANY), scripts(&MANY));
        assert_ne!(plan(7, 1, &MANY), plan(8, 1, &MANY));
        assert_ne!(plan(7, 1, &MANY).sendings, plan(7, 2, &MANY).sendings);
    }

    #[test]
    fn without_faults_each_event_is_sent_once_in_its_order_and_the_end_is_last() {
        for script in scripts(&NONE) {
            assert!(script.sendings.is_sorted_by(|one, next| one.tick < next.tick && one.number < next.number));
            assert!(script.sendings.iter().all(|sending| sending.fault.is_none() && sending.tick == sending.happened));
            assert_eq!(script.sendings.first().map(|first| first.news), Some(News::Started));
            assert_eq!(script.sendings.last().map(|last| last.news), Some(News::Ended(End::Completed)));
        }
    }

    #[test]
    fn the_right_end_is_what_was_honestly_sent() {
        let scripts = scripts(&MANY);
        for script in &scripts {
            let honest = script.sendings.iter().filter(|sending| !sending.fault.is_some_and(Fault::is_forgery));
            let ends: Vec<News> = honest.map(|sending| sending.news).filter(|news| matches!(news, News::Ended(_))).collect();
            assert!(!ends.is_empty() && ends.iter().all(|news| *news == News::Ended(script.end)), "{ends:?}");
        }
        for end in [End::Completed, End::Failed, End::Cancelled] {
            assert!(scripts.iter().any(|script| script.end == end), "{end:?}");
        }
    }

    #[test]
    fn a_forgery_claims_an_end_that_is_not_right() {
        let scripts = scripts(&MANY);
        let mut seen = std::collections::HashSet::new();
        for script in &scripts {
            for forged in script.sendings.iter().filter(|sending| sending.fault.is_some_and(Fault::is_forgery)) {
                assert!(matches!(forged.news, News::Ended(end) if end != script.end));
                seen.insert(forged.fault);
            }
        }
        assert_eq!(seen.len(), 2, "both kinds");
    }

    #[test]
    fn a_duplicate_is_never_sent_before_its_original() {
        for script in scripts(&MANY) {
            for duplicate in script.sendings.iter().filter(|sending| sending.fault == Some(Fault::Duplicate)) {
                let original = script
                    .sendings
                    .iter()
                    .find(|sending| sending.number == duplicate.number && matches!(sending.fault, None | Some(Fault::Overtaken)));
                let original = original.expect("a duplicate has an original");
                assert!(original.tick <= duplicate.tick && original.news == duplicate.news);
            }
        }
    }

    #[test]
    fn an_overtaken_event_is_sent_after_the_one_that_happened_next() {
        let mut overtaken = 0;
        for script in scripts(&Odds { reorders: 0.4, ..NONE }) {
            for pair in script.sendings.windows(2).filter(|pair| pair[1].fault == Some(Fault::Overtaken)) {
                assert!(pair[0].number == pair[1].number + 1 && pair[0].happened > pair[1].happened);
                overtaken += 1;
            }
        }
        assert!(overtaken > 100, "{overtaken}");
    }
}
