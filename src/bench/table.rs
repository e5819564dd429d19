//! Figures as a Markdown table: medians over the rounds, and the ratio to the ceiling of the same round.

use std::fmt;

use super::{MOST_COMMITS, Measured, Sample};

/// Everything that was measured; displays as Markdown.
pub struct Report {
    pub measured: Vec<Measured>,
    pub connections: Vec<usize>,
}

impl Report {
    /// Subjects whose journal commits too often at 64 connections.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let journals = self.measured.iter().filter(|measured| measured.name.ends_with("journal"));
        let too_many = journals.filter_map(|measured| {
            let commits = median(measured.at(64).filter_map(|sample| sample.commits))?;
            (commits > MOST_COMMITS).then(|| {
                format!("{}: {commits:.3} commits per callback at 64 connections, at most {MOST_COMMITS}", measured.name)
            })
        });
        too_many.collect()
    }

    /// The median over the rounds of this subject's rate by the other's in the same round.
    fn ratio(&self, measured: &Measured, other: &Measured, connections: usize) -> Option<f64> {
        let pairs = measured.at(connections).zip(other.at(connections));
        median(pairs.map(|(sample, other)| sample.per_second / other.per_second))
    }
}

impl Measured {
    fn at(&self, connections: usize) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.connections == connections)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| connections | subject | callbacks/s | of no database | × one by one | commits per callback |")?;
        writeln!(f, "| ---: | --- | ---: | ---: | ---: | ---: |")?;
        let ceiling = self.measured.first();
        for &connections in &self.connections {
            for measured in &self.measured {
                let rate = median(measured.at(connections).map(|sample| sample.per_second)).unwrap_or_default();
                let of_ceiling = ceiling.and_then(|ceiling| self.ratio(measured, ceiling, connections));
                let rival = self.measured.iter().find(|other| other.name == measured.name.replace("journal", "one by one"));
                let rival = rival.filter(|other| other.name != measured.name);
                let gain = rival.and_then(|other| self.ratio(measured, other, connections));
                let commits = median(measured.at(connections).filter_map(|sample| sample.commits));
                let cell =
                    |value: Option<f64>, digits: usize| value.map_or("—".to_owned(), |value| format!("{value:.digits$}"));
                writeln!(
                    f,
                    "| {connections} | {} | {rate:.0} | {} | {} | {} |",
                    measured.name,
                    cell(of_ceiling, 2),
                    cell(gain, 1),
                    cell(commits, 3)
                )?;
            }
        }
        Ok(())
    }
}

pub(in crate::bench) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(commits: f64) -> Report {
        let sample = Sample { round: 0, connections: 64, per_second: 1000.0, commits: Some(commits) };
        Report { measured: vec![Measured { name: "SQLite, journal", samples: vec![sample] }], connections: vec![64] }
    }

    #[test]
    fn too_many_commits_per_callback_are_a_failure() {
        assert!(journal(0.19).failures().is_empty());
        assert_eq!(journal(0.21).failures().len(), 1);
    }

    #[test]
    fn a_median_is_the_middle_or_between_the_middles() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }
}
