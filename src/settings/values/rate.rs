use std::num::NonZeroU32;
use std::time::Duration;

use super::Text;

/// So many requests in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: NonZeroU32,
    pub per: Duration,
}

const UNITS: [(&str, Duration); 3] =
    [("s", Duration::from_secs(1)), ("m", Duration::from_secs(60)), ("h", Duration::from_secs(3_600))];

impl Text for RateLimit {
    fn read(text: &str) -> Result<Self, String> {
        let limit = text.split_once('/').and_then(|(requests, unit)| {
            let (_, per) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
            Some(Self { requests: requests.trim().parse().ok()?, per: *per })
        });
        limit.ok_or_else(|| format!("must be `off` or a rate like 100/s, 6000/m or 10000/h, not `{text}`"))
    }

    fn show(&self) -> String {
        let unit = UNITS.iter().find(|(_, per)| *per == self.per).map_or("s", |(name, _)| name);
        format!("{}/{unit}", self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_number_per_second_minute_or_hour() {
        for text in ["100/s", "6000/m", "10000/h"] {
            assert_eq!(RateLimit::read(text).unwrap().show(), text);
        }
        for text in ["100", "0/s", "100/week", "/s", "many/s"] {
            assert!(RateLimit::read(text).is_err(), "{text}");
        }
    }
}
