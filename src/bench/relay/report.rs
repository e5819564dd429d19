//! What was measured of the relay, as two Markdown tables, and where it takes too long.

use std::fmt;
use std::time::Duration;

use crate::bench::table::median;

/// From the callback to its subscriber, for 99 of 100.
pub const LONGEST: Duration = Duration::from_millis(100);
/// Whom others are compared with.
pub const CEILING: &str = "no database";

/// One database's times in one round, from when each callback was to be sent.
pub struct Latency {
    pub database: &'static str,
    /// Callbacks a second.
    pub rate: u32,
    pub answered: Vec<Duration>,
    pub delivered: Vec<Duration>,
}

/// What one subject has brought in one round.
pub struct Throughput {
    pub subject: &'static str,
    pub webhooks: usize,
    pub per_second: f64,
}

/// Displays as Markdown; the rounds of all subjects are in the same order.
#[derive(Default)]
pub struct Report {
    pub latencies: Vec<Latency>,
    pub throughputs: Vec<Throughput>,
}

impl Throughput {
    pub(super) fn new(subject: &'static str, webhooks: usize, deliveries: usize, taken: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "rates, not counts")]
        let per_second = deliveries as f64 / taken.as_secs_f64();
        Self { subject, webhooks, per_second }
    }
}

impl Latency {
    /// In milliseconds.
    fn answered(&self, percent: usize) -> f64 {
        quantile(&self.answered, percent)
    }

    fn delivered(&self, percent: usize) -> f64 {
        quantile(&self.delivered, percent)
    }
}

impl Report {
    /// Databases on which events take too long.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let too_long = |database: &&'static str| {
            let took = self.median(database, |latency| latency.delivered(99));
            let longest = LONGEST.as_millis();
            (took > LONGEST.as_secs_f64() * 1000.0)
                .then(|| format!("{database}: 99 of 100 events take up to {took:.0} ms to their subscriber, at most {longest}"))
        };
        self.databases().iter().filter_map(too_long).collect()
    }

    fn databases(&self) -> Vec<&'static str> {
        distinct(self.latencies.iter().map(|latency| latency.database))
    }

    fn median(&self, database: &str, figure: impl Fn(&Latency) -> f64) -> f64 {
        let own = self.latencies.iter().filter(|latency| latency.database == database);
        median(own.map(figure)).unwrap_or_default()
    }

    fn rates(&self, subject: &str, webhooks: usize) -> impl Iterator<Item = f64> {
        let own = self.throughputs.iter().filter(move |it| it.subject == subject && it.webhooks == webhooks);
        own.map(|it| it.per_second)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [self.answered(50), self.answered(99), self.delivered(50), self.delivered(99)];
        let [answered, most_answered, delivered, most_delivered] = figures;
        write!(f, "{:<12} {:>5} callbacks/s  ", self.database, self.rate)?;
        write!(f, "answered {answered:>6.1} / {most_answered:>6.1} ms  delivered {delivered:>6.1} / {most_delivered:>6.1} ms")
    }
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {:>2} webhooks  {:>8.0} deliveries/s", self.subject, self.webhooks, self.per_second)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| database | callbacks/s | answered, p50 | p99 | delivered, p50 | p99 |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        for database in self.databases() {
            let rate = self.median(database, |latency| f64::from(latency.rate));
            let [answered, delivered] = [Latency::answered, Latency::delivered]
                .map(|figure| [50, 99].map(|percent| self.median(database, |latency| figure(latency, percent))));
            write!(f, "| {database} | {rate:.0} | {:.1} ms | {:.1} ms ", answered[0], answered[1])?;
            writeln!(f, "| {:.1} ms | {:.1} ms |", delivered[0], delivered[1])?;
        }
        writeln!(f, "\n| webhooks | subject | deliveries/s | of no database |")?;
        writeln!(f, "| ---: | --- | ---: | ---: |")?;
        for webhooks in distinct(self.throughputs.iter().map(|it| it.webhooks)) {
            for subject in distinct(self.throughputs.iter().map(|it| it.subject)) {
                let rate = median(self.rates(subject, webhooks)).unwrap_or_default();
                let pairs = self.rates(subject, webhooks).zip(self.rates(CEILING, webhooks));
                let ratio = median(pairs.map(|(own, ceiling)| own / ceiling)).unwrap_or_default();
                writeln!(f, "| {webhooks} | {subject} | {rate:.0} | {ratio:.2} |")?;
            }
        }
        Ok(())
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut found, value| {
        if !found.contains(&value) {
            found.push(value);
        }
        found
    })
}

/// What so many of a hundred do not exceed, in milliseconds.
fn quantile(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(millis: impl Iterator<Item = u64>) -> Latency {
        Latency { database: "SQLite", rate: 500, answered: Vec::new(), delivered: millis.map(Duration::from_millis).collect() }
    }

    #[test]
    fn one_of_a_hundred_may_take_longer() {
        let all = latency((1..=100).rev());
        assert_eq!((all.delivered(50), all.delivered(99), all.delivered(100)), (50.0, 99.0, 100.0));
        let failures = |late: usize| {
            let times = std::iter::repeat_n(20, 100 - late).chain(std::iter::repeat_n(2_000, late));
            Report { latencies: vec![latency(times)], throughputs: Vec::new() }.failures().len()
        };
        assert_eq!((failures(0), failures(1), failures(2)), (0, 0, 1));
    }

    #[test]
    fn rates_are_compared_within_their_round() {
        let throughput = |subject, per_second| Throughput { subject, webhooks: 1, per_second };
        let rounds = [(CEILING, 100.0), ("SQLite", 50.0), (CEILING, 1000.0), ("SQLite", 500.0)];
        let throughputs = rounds.map(|(subject, rate)| throughput(subject, rate)).into();
        let shown = Report { latencies: Vec::new(), throughputs }.to_string();
        assert!(shown.contains("| 1 | SQLite | 275 | 0.50 |"), "{shown}");
    }
}
