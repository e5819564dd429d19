use super::Text;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl ByteSize {
    #[must_use]
    pub const fn mebibytes(number: u64) -> Self {
        Self(number << 20)
    }

    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// For lengths in memory; a size that does not fit is no limit there.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Text for ByteSize {
    fn read(text: &str) -> Result<Self, String> {
        let expected = || format!("must be a size like 65536 (bytes), 512KiB, 16MiB or 1GiB, not `{text}`");
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = match unit.trim() {
            "" | "B" => 1,
            unit => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(expected)?.1,
        };
        number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).map(Self).ok_or_else(expected)
    }

    fn show(&self) -> String {
        let unit = UNITS.iter().find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit));
        unit.map_or_else(|| self.0.to_string(), |(name, unit)| format!("{}{name}", self.0 / unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in [("0", 0), ("65536", 65_536), ("512KiB", 524_288), ("16 mib", 16_777_216), ("1GiB", 1 << 30)] {
            assert_eq!(ByteSize::read(text).map(ByteSize::bytes), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1MB", "1.5MiB", "-1", "99999999999GiB"] {
            assert!(ByteSize::read(text).is_err(), "{text}");
        }
        assert_eq!(ByteSize::mebibytes(16).show(), "16MiB");
        assert_eq!(ByteSize(1_000).show(), "1000");
    }
}
