//! Figures as Markdown tables.

use std::fmt;

use super::report::{Report, middle, rate};
use super::sample::{Base, Role, Sample};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n{}", self.machine, self.goals())?;
        self.closed(f)?;
        self.by_timetable(f)?;
        self.audited(f)
    }
}

impl Report {
    fn closed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| connections | database | subject | callbacks/s | of no database | × one by one | commits per callback | p50 | p99 | CPU of the hub | idle |"
        )?;
        writeln!(f, "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for &base in &self.bases {
            for &connections in &self.connections {
                const ROLES: [Role; 8] = [
                    Role::Ceiling,
                    Role::Journal,
                    Role::OneByOne,
                    Role::Raw,
                    Role::Pgbench,
                    Role::Replicas,
                    Role::Completed,
                    Role::Heard,
                ];
                for role in ROLES {
                    self.row(f, (base, role), connections)?;
                }
            }
        }
        writeln!(f)
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, who: (Base, Role), connections: usize) -> fmt::Result {
        let Some(per_second) = self.median(who, connections, rate) else { return Ok(()) };
        let (base, role) = who;
        let of_ceiling = self.ratio(who, Role::Ceiling, connections, rate);
        let gain = self.ratio(who, Role::OneByOne, connections, rate).filter(|_| !matches!(role, Role::Ceiling | Role::OneByOne));
        let commits = self.median(who, connections, |sample| sample.commits);
        let (middle, p99) = (self.median(who, connections, middle), self.median(who, connections, p99));
        write!(f, "| {connections} | {base} | {role} | {per_second:.0} | {} | {} ", cell(of_ceiling, 2), cell(gain, 1))?;
        let micros = self.median(who, connections, |sample| sample.effort.per_callback).map(|micros| format!("{micros:.0} µs"));
        let idle = self.median(who, connections, |sample| sample.effort.idle).map(|idle| format!("{:.0} %", idle * 100.0));
        let [micros, idle] = [micros, idle].map(|cell| cell.unwrap_or("—".to_owned()));
        writeln!(f, "| {} | {} | {} | {micros} | {idle} |", cell(commits, 3), millis(middle), millis(p99))
    }

    fn by_timetable(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| database, half rate by a timetable | callbacks/s | p50 | p99 | p99.9 |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: |")?;
        for &base in &self.bases {
            let Some(sample) = self.samples.iter().find(|sample| sample.base == base && sample.role == Role::HalfRate) else {
                continue;
            };
            let median = |figure: fn(&Sample) -> Option<f64>| self.median((base, Role::HalfRate), sample.connections, figure);
            let per_second = cell(median(rate), 0);
            let [p50, p99, p999] = [middle, p99, p999].map(|figure| millis(median(figure)));
            writeln!(f, "| {base} | {per_second} | {p50} | {p99} | {p999} |")?;
        }
        writeln!(f)
    }

    fn audited(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered: usize = self.audits.iter().map(|(_, _, audit)| audit.answered).sum();
        let found: usize = self.audits.iter().map(|(_, _, audit)| audit.found).sum();
        write!(f, "Of {answered} callbacks that were answered with 200, {found} are in the database.")
    }
}

fn p99(sample: &Sample) -> Option<f64> {
    sample.latency.map(|latency| latency.p99)
}

fn p999(sample: &Sample) -> Option<f64> {
    sample.latency.map(|latency| latency.p999)
}

pub(super) fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or("—".to_owned(), |value| format!("{value:.digits$}"))
}

fn millis(value: Option<f64>) -> String {
    value.map_or("—".to_owned(), |value| format!("{value:.1} ms"))
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

    #[test]
    fn a_median_is_the_middle_or_between_the_middles() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }
}
