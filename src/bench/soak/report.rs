//! What was seen of hubs that soaked, and whether they could go on like that.

use std::fmt;

use serde_json::{Value, json};

use super::trend::Trend;
use super::vitals::Vitals;
use crate::bench::audit::Audit;
use crate::bench::goals::{Bound, Goal, Goals, Unit};
use crate::bench::latency::Latency;
use crate::bench::sample::Base;

/// By which memory may grow after the first quarter, of what it is, in per cent.
const MOST_GROWTH: f64 = 5.0;
/// Descriptors or threads that may be more at the end, as the slope has it: a pool may have opened a connection.
const MOST_MORE: f64 = 2.0;
/// Between most and fewest descriptors: 32 deliveries, for each of which a connection may be opened while another one gets
/// free (both are kept then, for seconds), and 10 connections to the database, which are up to two files each.
const MOST_SPREAD: f64 = 84.0;
/// The p99 of the last quarter to that of the second one.
const MOST_SLOWER: f64 = 1.5;
/// Of the timetable; behind it, it was no half load.
const LEAST_KEPT: f64 = 0.98;

/// Displays as Markdown.
pub struct Report {
    pub(super) minutes: u64,
    pub(super) hubs: Vec<Soaked>,
}

/// One hub's.
pub struct Soaked {
    pub(super) base: Base,
    /// Requests a second: alone and with nothing between them, by the timetable, and that came of it.
    pub(super) most: f64,
    pub(super) wanted: f64,
    pub(super) reached: f64,
    pub(super) vitals: Vec<Vitals>,
    pub(super) quarters: Vec<Option<Latency>>,
    /// What the subscriber lacks.
    pub(super) unheard: Option<String>,
    pub(super) audit: Option<Audit>,
}

impl Soaked {
    /// After the first quarter, in which caches fill and pools open.
    fn trend(&self, minutes: u64, figure: impl Fn(&Vitals) -> f64) -> Option<Trend> {
        #[expect(clippy::cast_precision_loss, reason = "a time, not a count")]
        let warm = minutes as f64 * 60.0 / 4.0;
        let looks = self.vitals.iter().filter(|vitals| vitals.seconds >= warm);
        Trend::of(&looks.map(|vitals| (vitals.seconds, figure(vitals))).collect::<Vec<_>>())
    }

    /// A missed one of these is a failure.
    fn steady(&self, minutes: u64) -> [Goal; 4] {
        let base = self.base;
        let memory = self.trend(minutes, |vitals| vitals.megabytes);
        let descriptors = self.trend(minutes, |vitals| f64::from(vitals.descriptors));
        let threads = self.trend(minutes, |vitals| f64::from(vitals.threads));
        let growth = memory.map(|memory| memory.growth / memory.mean * 100.0);
        let (more, spread) = (descriptors.map(|it| it.growth), descriptors.map(|it| it.spread));
        let goal = |what: &str, bound, unit, reached| Goal::new(format!("{base}: {what}"), bound, unit, reached);
        [
            goal("growth of resident memory after the first quarter", Bound::AtMost(MOST_GROWTH), Unit::Percent, growth),
            goal("descriptors, more at the end than after the first quarter", Bound::AtMost(MOST_MORE), Unit::Count, more),
            goal("descriptors, most less fewest of that time", Bound::AtMost(MOST_SPREAD), Unit::Count, spread),
            goal(
                "threads, more at the end than after the first quarter",
                Bound::AtMost(MOST_MORE),
                Unit::Count,
                threads.map(|threads| threads.growth),
            ),
        ]
    }

    /// Machines are shared: a missed one of these is only said to be missed.
    fn passing(&self, minutes: u64) -> [Goal; 4] {
        let base = self.base;
        let memory = self.trend(minutes, |vitals| vitals.megabytes);
        let p99 = |quarter: usize| Some(self.quarters.get(quarter).copied()??.p99);
        let slower = p99(3).zip(p99(1)).map(|(last, second)| last / second);
        let goal = |what: &str, bound, unit, reached| Goal::new(format!("{base}: {what}"), bound, unit, reached);
        [
            goal("resident memory, on average", Bound::Report, Unit::Megabytes, memory.map(|memory| memory.mean)),
            goal("its slope", Bound::Report, Unit::MegabytesAnHour, memory.map(|memory| memory.slope * 3600.0)),
            goal("p99 of the last quarter to that of the second", Bound::AtMost(MOST_SLOWER), Unit::Ratio, slower),
            goal("requests/s to the timetable's", Bound::AtLeast(LEAST_KEPT), Unit::Ratio, Some(self.reached / self.wanted)),
        ]
    }

    fn failures(&self, minutes: u64) -> Vec<String> {
        let base = self.base;
        let unsteady = self.steady(minutes).into_iter().filter(|goal| goal.is_met() != Some(true)).map(|goal| {
            let reached = goal.reached.map_or("not known".to_owned(), |reached| goal.unit.spell(reached));
            format!("{}: {reached}, the goal is {}", goal.measure, goal.bound())
        });
        let lost = self
            .audit
            .as_ref()
            .filter(|audit| !audit.is_complete())
            .map(|audit| format!("{base}: of the callbacks that were answered with 200, some are not there: {audit:?}"));
        let unheard = self.unheard.as_ref().map(|unheard| format!("{base}: {unheard}"));
        unsteady.chain(lost).chain(unheard).collect()
    }

    fn json(&self) -> Value {
        let Self { base, most, wanted, reached, vitals, quarters, unheard, audit } = self;
        json!({
            "base": base,
            "requests_per_second": {"alone": most, "timetable": wanted, "reached": reached},
            "quarters": quarters,
            "audit": audit,
            "unheard": unheard,
            "samples": vitals,
        })
    }
}

impl Report {
    /// What has grown, and callbacks and events that are lost.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.hubs.iter().flat_map(|hub| hub.failures(self.minutes)).collect()
    }

    /// What is to be reached, and what is.
    #[must_use]
    pub fn goals(&self) -> Goals {
        let of = |hub: &Soaked| hub.steady(self.minutes).into_iter().chain(hub.passing(self.minutes));
        Goals(self.hubs.iter().flat_map(of).collect())
    }

    #[must_use]
    pub fn json(&self) -> Value {
        let hubs: Vec<Value> = self.hubs.iter().map(Soaked::json).collect();
        json!({"minutes": self.minutes, "goals": self.goals(), "hubs": hubs})
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.goals())?;
        writeln!(f, "| database | requests/s alone | for {} minutes | p99 by quarters | answered | found |", self.minutes)?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        for Soaked { base, most, reached, quarters, audit, .. } in &self.hubs {
            let p99 = |quarter: &Option<Latency>| quarter.map_or("—".to_owned(), |latency| format!("{:.1}", latency.p99));
            let p99: Vec<String> = quarters.iter().map(p99).collect();
            let Audit { answered, found, .. } = audit.clone().unwrap_or_default();
            writeln!(f, "| {base} | {most:.0} | {reached:.0} | {} ms | {answered} | {found} |", p99.join(" / "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::trend::tests::noise;
    use super::*;

    /// Half an hour, a look every five seconds; of one that warms up for five minutes and then is as the figures say.
    fn report(megabytes: impl Fn(f64) -> f64, descriptors: impl Fn(u32) -> u32) -> Report {
        let vitals = (0..360).map(|look| {
            let seconds = f64::from(look) * 5.0;
            let cold = (1.0 - seconds / 300.0).max(0.0) * 30.0;
            let megabytes = megabytes(seconds) - cold + 2.0 * noise(look);
            Vitals { seconds, megabytes, descriptors: descriptors(look), threads: 12 }
        });
        let latency = Some(Latency { p50: 1.0, p99: 8.0, p999: 9.0 });
        let soaked = Soaked {
            base: Base::Sqlite,
            most: 4000.0,
            wanted: 2000.0,
            reached: 1999.0,
            vitals: vitals.collect(),
            quarters: vec![latency; 4],
            unheard: None,
            audit: Some(Audit { answered: 9, found: 9, broken: 0 }),
        };
        Report { minutes: 30, hubs: vec![soaked] }
    }

    /// Connections that deliver come and go.
    fn pool(look: u32) -> u32 {
        if noise(look) > 0.8 { 112 } else { 90 }
    }

    #[test]
    fn noise_pools_and_warming_up_are_no_leak() {
        let report = report(|_| 80.0, pool);
        assert_eq!(report.failures(), Vec::<String>::new());
        assert!(!report.to_string().contains("missed"), "{report}");
        assert!(report.to_string().contains("| SQLite | 4000 | 1999 | 8.0 / 8.0 / 8.0 / 8.0 ms | 9 | 9 |"), "{report}");
    }

    #[test]
    fn a_megabyte_a_minute_is_a_leak() {
        let failures = report(|seconds| 80.0 + seconds / 60.0, pool).failures();
        assert!(failures.len() == 1 && failures[0].contains("resident memory"), "{failures:?}");
    }

    #[test]
    fn a_descriptor_a_minute_is_a_leak() {
        let failures = report(|_| 80.0, |look| pool(look) + look / 12).failures();
        assert!(failures.len() == 1 && failures[0].contains("descriptors, more"), "{failures:?}");
    }

    #[test]
    fn one_lost_callback_and_what_nobody_saw_are_failures() {
        let mut report = report(|_| 80.0, pool);
        report.hubs[0].audit = Some(Audit { answered: 9, found: 8, broken: 1 });
        report.hubs[0].unheard = Some("an event never arrived".to_owned());
        assert_eq!(report.failures().len(), 2);
        report.hubs[0].vitals.clear();
        assert_eq!(report.failures().len(), 6);
    }

    #[test]
    fn a_p99_that_grows_is_only_said_to_be_missed() {
        let mut report = report(|_| 80.0, pool);
        report.hubs[0].quarters[3] = Some(Latency { p50: 1.0, p99: 13.2, p999: 20.0 });
        assert!(report.to_string().contains("| ≤ 1.50 | 1.65, missed |"), "{report}");
        assert!(report.failures().is_empty());
    }
}
