//! Whether a figure grows, and how far it varies.

use crate::bench::table::median;

/// Of a figure over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    pub mean: f64,
    /// From the least to the most.
    pub spread: f64,
    /// A second.
    pub slope: f64,
    /// From the first look to the last one, as the slope has it.
    pub growth: f64,
}

impl Trend {
    /// Of seconds and what was seen then, in this order. Nothing, where there are no two looks.
    #[must_use]
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let (first, last) = (points.first()?, points.last()?);
        let slope = slope(points)?;
        let figures = || points.iter().map(|(_, figure)| *figure);
        let (least, most) = (figures().reduce(f64::min)?, figures().reduce(f64::max)?);
        #[expect(clippy::cast_precision_loss, reason = "a mean, not a count")]
        let mean = figures().sum::<f64>() / points.len() as f64;
        Some(Self { mean, spread: most - least, slope, growth: slope * (last.0 - first.0) })
    }
}

/// The median of the slopes between all pairs of points (Theil and Sen): nearly a third of the looks may be at bursts, and
/// it still says how the others lie. A line of least squares would follow the bursts.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let pairs = points.iter().enumerate().flat_map(|(index, one)| points[index + 1..].iter().map(move |other| (one, other)));
    let apart = pairs.filter(|(one, other)| other.0 > one.0);
    median(apart.map(|(one, other)| (other.1 - one.1) / (other.0 - one.0)))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::load::scattered;

    /// From -1 to 1, the same each time, and without any order.
    pub fn noise(look: u32) -> f64 {
        let number = u32::try_from(scattered(u64::from(look) + 1, 2001)).expect("a small number");
        f64::from(number) / 1000.0 - 1.0
    }

    /// A look every five seconds.
    fn looks(figure: impl Fn(u32, f64) -> f64) -> Vec<(f64, f64)> {
        (0..270).map(|look| (look, f64::from(look) * 5.0)).map(|(look, second)| (second, figure(look, second))).collect()
    }

    #[test]
    fn a_line_is_what_it_is() {
        let trend = Trend::of(&looks(|_, second| 60.0 + second / 60.0)).expect("looks");
        let near = |is: f64, should: f64| (is - should).abs() < 1e-6;
        assert!(near(trend.slope, 1.0 / 60.0) && near(trend.growth, 1345.0 / 60.0), "{trend:?}");
        assert!(near(trend.spread, 1345.0 / 60.0) && near(trend.mean, 60.0 + 1345.0 / 120.0), "{trend:?}");
        assert_eq!(Trend::of(&[(1.0, 5.0)]), None);
        assert_eq!(Trend::of(&[]), None);
    }

    #[test]
    fn noise_does_not_hide_a_leak_and_is_none() {
        let leak = Trend::of(&looks(|look, second| 60.0 + second / 60.0 + 3.0 * noise(look))).expect("looks");
        assert!((leak.growth - 22.4).abs() < 1.5, "{leak:?}");
        let none = Trend::of(&looks(|look, _| 60.0 + 3.0 * noise(look))).expect("looks");
        assert!(none.growth.abs() < 1.5 && none.spread > 4.0, "{none:?}");
    }

    #[test]
    fn bursts_are_no_leak_wherever_they_are() {
        let late = Trend::of(&looks(|look, _| if look > 220 { 110.0 } else { 60.0 + noise(look) })).expect("looks");
        assert!(late.growth.abs() < 3.0 && late.spread > 40.0, "{late:?}");
    }
}
