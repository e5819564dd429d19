//! What the rounds took, as a Markdown table, and where it is too much.

use std::fmt;
use std::time::Duration;

use super::Errand;
use crate::bench::table::median;

/// What a step may cost among the most open tasks, by what it costs among the fewest.
pub const MOST: f64 = 1.5;
/// The same where nothing is due: that takes so short a time that it varies more.
pub const MOST_IDLE: f64 = 3.0;
/// The time of each round of one errand on one database.
pub struct Series {
    pub database: &'static str,
    pub errand: Errand,
    pub open: u64,
    pub rounds: Vec<Duration>,
}

/// Displays as Markdown.
pub struct Report(pub Vec<Series>);

impl Errand {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Submit => "submit",
            Self::Idle => "idle",
        }
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Series {
    /// In seconds.
    fn median(&self) -> f64 {
        median(self.rounds.iter().map(Duration::as_secs_f64)).unwrap_or_default()
    }
}

impl Report {
    /// The median over the rounds of this series' time by that among the fewest open tasks in the same round.
    fn ratio(&self, series: &Series) -> Option<f64> {
        let same = |other: &&Series| other.database == series.database && other.errand == series.errand;
        let fewest = self.0.iter().filter(same).min_by_key(|other| other.open)?;
        let pairs = series.rounds.iter().zip(&fewest.rounds);
        median(pairs.map(|(time, other)| time.as_secs_f64() / other.as_secs_f64()))
    }

    /// Where a step costs more because more tasks are open.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let too_much = |series: &Series| {
            let most = if series.errand == Errand::Idle { MOST_IDLE } else { MOST };
            let ratio = self.ratio(series).filter(|ratio| *ratio > most)?;
            let Series { database, errand, open, .. } = series;
            Some(format!("{database}, {errand}: {ratio:.2} times the cost among {open} open tasks, at most {most}"))
        };
        self.0.iter().filter_map(too_much).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| database | step | open tasks | ms | of the fewest |")?;
        writeln!(f, "| --- | --- | ---: | ---: | ---: |")?;
        for series in &self.0 {
            let (time, ratio) = (series.median() * 1000.0, self.ratio(series).unwrap_or_default());
            let Series { database, errand, open, .. } = series;
            writeln!(f, "| {database} | {errand} | {open} | {time:.2} | {ratio:.2} |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(errand: Errand, open: u64, millis: [u64; 3]) -> Series {
        Series { database: "SQLite", errand, open, rounds: millis.map(Duration::from_millis).into() }
    }

    #[test]
    fn a_step_that_costs_more_because_more_is_open_is_a_failure() {
        let report = |errand, most| Report(vec![series(errand, 1000, [10, 20, 10]), series(errand, 100_000, most)]);
        assert!(report(Errand::Ask, [14, 28, 100]).failures().is_empty());
        assert_eq!(report(Errand::Ask, [16, 32, 10]).failures().len(), 1);
        assert!(report(Errand::Idle, [16, 32, 10]).failures().is_empty());
        assert_eq!(report(Errand::Idle, [110, 220, 110]).failures().len(), 1);
    }
}
