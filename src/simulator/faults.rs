//! What goes wrong beside the script: drawn from the seed and the job's identity alone, so that the same seed brings the
//! same troubles, in whatever order jobs come in.

use std::time::Duration;

use super::random::Random;
use super::script::{End, News, Odds, Script, Sending, plan_from};

/// How a generator behaves.
#[derive(Clone, Copy, Debug)]
pub struct Temper {
    pub seed: u64,
    pub odds: Odds,
    pub faults: Faults,
    /// How long a tick is.
    pub pace: Duration,
}

/// Troubles of callbacks, of requests, and of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// How probable it is that a callback is never sent.
    pub lose: f64,
    /// Callbacks are late by up to so much.
    pub delay: Duration,
    /// How probable it is that a job never ends.
    pub hang: f64,
    /// How probable it is that a request is answered with an error, and that a job cannot be found at first.
    pub errors: f64,
    /// How long after its end a job's result can be fetched; none: for ever.
    pub result_ttl: Option<Duration>,
    pub outage: Option<Outage>,
}

/// Connections are refused, and callbacks are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Counted from the start.
    pub after: Duration,
    pub lasts: Duration,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Submission,
    Status,
    Result,
    Cancellation,
}

/// An error that a request is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hiccup {
    /// 429; nothing has happened.
    Throttled,
    /// 500; nothing has happened.
    Broken,
    /// 500, and yet it was done.
    BrokenAfterwards,
}

/// A job's whole course, fixed when it is taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Course {
    /// None: the job never ends.
    pub end: Option<End>,
    /// What happens, in its order; the last one is the end, if there is one.
    pub truth: Vec<Sending>,
    /// By the time that they are due.
    pub deliveries: Vec<Delivery>,
    /// So many status requests find no such job.
    pub hidden: u32,
}

/// A callback that will be sent, or is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delivery {
    pub sending: Sending,
    /// After the job was taken.
    pub due: Duration,
    pub lost: bool,
}

impl Temper {
    pub(super) fn course(&self, identity: &str, number: u32) -> Course {
        let Self { seed, odds, faults, pace } = self;
        let Script { end, mut sendings, .. } = plan_from(Random::of_name(*seed, &["script", identity]), number, odds);
        let mut random = Random::of_name(*seed, &["course", identity]);
        let hangs = random.happens(faults.hang);
        let hidden = if random.happens(faults.errors) { random.between(1, 3) } else { 0 };
        if hangs {
            sendings.retain(|sending| sending.is_forgery() || !matches!(sending.news, News::Ended(_)));
        }
        let mut truth: Vec<Sending> = sendings.iter().filter(|sending| sending.is_original()).copied().collect();
        truth.sort_by_key(|sending| sending.number);
        let mut deliveries: Vec<Delivery> =
            sendings.into_iter().map(|sending| faults.delivery(&mut random, sending, *pace)).collect();
        deliveries.sort_by_key(|delivery| delivery.due);
        Course { end: (!hangs).then_some(end), truth, deliveries, hidden }
    }

    /// Whether nobody hears that a job was cancelled.
    pub(super) fn loses_last_word(&self, identity: &str) -> bool {
        Random::of_name(self.seed, &["last word", identity]).happens(self.faults.lose)
    }

    /// The answer to the `nth` request of a kind about a job, if it is an error.
    pub(super) fn hiccup(&self, asked: Asked, identity: &str, nth: u32) -> Option<Hiccup> {
        let mut random = Random::of_name(self.seed, &[asked.as_str(), &nth.to_string(), identity]);
        if !random.happens(self.faults.errors) {
            return None;
        }
        let changes = matches!(asked, Asked::Submission | Asked::Cancellation);
        Some(match random.between(0, if changes { 2 } else { 1 }) {
            0 => Hiccup::Throttled,
            1 => Hiccup::Broken,
            _ => Hiccup::BrokenAfterwards,
        })
    }
}

impl Faults {
    /// Forgeries are somebody else's: they are neither lost nor late.
    fn delivery(&self, random: &mut Random, sending: Sending, pace: Duration) -> Delivery {
        let (lost, late) = (random.happens(self.lose), random.between(0, 1_000));
        let due = pace * sending.tick;
        if sending.is_forgery() {
            return Delivery { sending, due, lost: false };
        }
        Delivery { sending, due: due + self.delay.mul_f64(f64::from(late) / 1_000.0), lost }
    }
}

impl Asked {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Submission => "submission",
            Self::Status => "status",
            Self::Result => "result",
            Self::Cancellation => "cancellation",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODDS: Odds = Odds { duplicates: 0.3, reorders: 0.3, forgeries: 0.3, failures: 0.2, cancellations: 0.1 };

    fn temper(seed: u64, faults: Faults) -> Temper {
        Temper { seed, odds: ODDS, faults, pace: Duration::from_millis(10) }
    }

    fn courses(temper: &Temper) -> Vec<Course> {
        (1..=100).map(|number| temper.course(&format!("task-{number}"), number)).collect()
    }

    #[test]
    fn a_course_depends_on_the_seed_and_the_jobs_name_and_not_on_its_number() {
        let faults = Faults { lose: 0.3, hang: 0.3, errors: 0.3, delay: Duration::from_secs(1), ..Faults::default() };
        let temper = temper(7, faults);
        assert_eq!(temper.course("one", 1), temper.course("one", 20));
        assert_ne!(temper.course("one", 1), temper.course("two", 1));
        assert_ne!(temper.course("one", 1), Temper { seed: 8, ..temper }.course("one", 1));
    }

    #[test]
    fn a_third_of_the_callbacks_is_lost_and_no_forgery() {
        let courses = courses(&temper(7, Faults { lose: 0.33, ..Faults::default() }));
        let deliveries = || courses.iter().flat_map(|course| &course.deliveries);
        assert!(deliveries().any(|delivery| delivery.sending.is_forgery()));
        assert!(deliveries().all(|delivery| !(delivery.lost && delivery.sending.is_forgery())));
        let honest = deliveries().filter(|delivery| !delivery.sending.is_forgery()).count();
        let lost = deliveries().filter(|delivery| delivery.lost).count();
        assert!((honest * 3 / 10..honest * 4 / 10).contains(&lost), "{lost} of {honest}");
    }

    #[test]
    fn losses_and_delays_change_nothing_in_what_happens() {
        let truths =
            |faults| courses(&temper(7, faults)).into_iter().map(|course| (course.end, course.truth)).collect::<Vec<_>>();
        let faults = Faults { lose: 0.5, delay: Duration::from_secs(5), ..Faults::default() };
        assert_eq!(truths(faults), truths(Faults::default()));
    }

    #[test]
    fn a_late_callback_is_late_by_no_more_than_was_said() {
        let delay = Duration::from_secs(5);
        let courses = courses(&temper(7, Faults { delay, ..Faults::default() }));
        let honest = courses.iter().flat_map(|course| &course.deliveries).filter(|delivery| !delivery.sending.is_forgery());
        let late: Vec<Duration> =
            honest.map(|delivery| delivery.due - Duration::from_millis(10) * delivery.sending.tick).collect();
        assert!(late.iter().all(|late| *late <= delay) && late.iter().any(|late| *late > delay / 2));
    }

    #[test]
    fn a_job_that_hangs_has_begun_and_tells_no_end() {
        let courses = courses(&temper(7, Faults { hang: 0.5, ..Faults::default() }));
        let (hung, ended): (Vec<_>, Vec<_>) = courses.iter().partition(|course| course.end.is_none());
        assert!(hung.len() > 30 && ended.len() > 30, "{} and {}", hung.len(), ended.len());
        for course in hung {
            assert_eq!(course.truth.first().map(|first| first.news), Some(News::Started));
            assert!(!course.truth.iter().any(|sending| matches!(sending.news, News::Ended(_))));
            let honest = course.deliveries.iter().filter(|delivery| !delivery.sending.is_forgery());
            assert!(honest.into_iter().all(|delivery| !matches!(delivery.sending.news, News::Ended(_))));
        }
    }

    #[test]
    fn each_kind_of_error_comes_where_it_may() {
        let temper = temper(7, Faults { errors: 0.5, ..Faults::default() });
        let kinds = |asked| (0..200).filter_map(|nth| temper.hiccup(asked, "job", nth)).collect::<Vec<_>>();
        let submissions = kinds(Asked::Submission);
        assert!((70..130).contains(&submissions.len()), "{}", submissions.len());
        for hiccup in [Hiccup::Throttled, Hiccup::Broken, Hiccup::BrokenAfterwards] {
            assert!(submissions.contains(&hiccup), "{hiccup:?}");
        }
        assert!(!kinds(Asked::Status).contains(&Hiccup::BrokenAfterwards));
        let hidden: Vec<u32> = courses(&temper).iter().map(|course| course.hidden).collect();
        assert!(hidden.contains(&0) && hidden.contains(&1) && hidden.contains(&3) && !hidden.contains(&4), "{hidden:?}");
    }
}
