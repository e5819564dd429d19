use std::time::Duration;

use super::Text;

const DAY: u64 = 86_400;
/// Longer ones are slips, and would overflow where they are multiplied.
const LONGEST: Duration = Duration::from_secs(36_500 * DAY);

/// Reads a duration as settings write it, for the command line.
///
/// # Errors
/// What it should look like.
pub fn duration(text: &str) -> Result<Duration, String> {
    Duration::read(text)
}

impl Text for Duration {
    fn read(text: &str) -> Result<Self, String> {
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let millis = match unit.trim().to_ascii_lowercase().as_str() {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => DAY * 1_000,
            _ => return Err(expected(text)),
        };
        let duration = times(number, millis).ok_or_else(|| expected(text))?;
        if duration > LONGEST { Err(format!("must be at most 36500d, not `{text}`")) } else { Ok(duration) }
    }

    /// In seconds, as they are mostly written, but for whole days and for fractions.
    fn show(&self) -> String {
        let seconds = self.as_secs();
        if self.subsec_nanos() > 0 {
            format!("{}ms", self.as_millis())
        } else if seconds > DAY && seconds.is_multiple_of(DAY) {
            format!("{}d", seconds / DAY)
        } else {
            format!("{seconds}s")
        }
    }
}

fn times(number: &str, millis: u64) -> Option<Duration> {
    if number.contains('.') {
        let seconds = number.parse::<f64>().ok()? * Duration::from_millis(millis).as_secs_f64();
        return Duration::try_from_secs_f64(seconds).ok();
    }
    number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}

fn expected(text: &str) -> String {
    format!("must be a duration like 30 (seconds), 500ms, 10s, 5m, 12h or 7d, not `{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        let cases = [("30", 30_000), ("500ms", 500), ("8s", 8_000), ("5m", 300_000), ("2 h", 7_200_000), ("1.5s", 1_500)];
        for (text, millis) in cases {
            assert_eq!(Duration::read(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1", "5 weeks", "1.2.3", "40000d", "99999999999999999999", "99999999999999999d"] {
            assert!(Duration::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_are_read() {
        for text in ["0s", "30s", "1800s", "86400s", "30d", "1500ms"] {
            assert_eq!(Duration::read(text).unwrap().show(), text);
        }
    }
}
