//! Whose trace something is a part of, as W3C Trace Context says it in the header `traceparent`. The hub reads version 00 and
//! nothing else: a guess at what a later version means would tie one trace to another.

use std::fmt;

/// The header of a request, and the span that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceParent {
    pub const HEADER: &'static str = "traceparent";

    /// `00-{32 hex digits}-{16 hex digits}-{2 hex digits}`, in lower case; ids of nothing but zeros name nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != "00" || parts.next().is_some() {
            return None;
        }
        let flags = u8::try_from(digits(flags, 2)?).ok()?;
        Self::of((digits(trace, 32)?, u64::try_from(digits(span, 16)?).ok()?, flags))
    }

    /// That of a request; none of one with several, which nobody can choose from.
    #[must_use]
    pub fn among<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Option<Self> {
        let mut found = headers.filter(|(name, _)| name.eq_ignore_ascii_case(Self::HEADER)).map(|(_, value)| value);
        let first = found.next()?;
        if found.next().is_some() { None } else { Self::parse(std::str::from_utf8(first).ok()?) }
    }

    /// Of a trace's id, a span's id and flags.
    #[must_use]
    pub const fn of((trace, span, flags): (u128, u64, u8)) -> Option<Self> {
        if trace == 0 || span == 0 { None } else { Some(Self { trace, span, flags }) }
    }

    /// The trace's id, the span's id, and flags.
    #[must_use]
    pub const fn parts(self) -> (u128, u64, u8) {
        (self.trace, self.span, self.flags)
    }
}

/// As the header has it: what was parsed comes out as it went in.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// `from_str_radix` alone would take signs and capitals.
fn digits(text: &str, length: usize) -> Option<u128> {
    let is_hex = text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex { u128::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            GOOD,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000001-0000000000000001-ff",
            "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-a0",
        ] {
            let read = TraceParent::parse(text).expect(text);
            assert_eq!(read.to_string(), text);
            assert_eq!(TraceParent::of(read.parts()), Some(read));
        }
        let (trace, span, flags) = TraceParent::parse(GOOD).expect("it is good").parts();
        assert_eq!((trace, span, flags), (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7, 1));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "00",
            "---",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0G",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47366-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-+0f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
            "00-4bf92f3577b34da6a3ce929d0e0e47３6-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_request_has_one_or_none() {
        let among = |headers: &[(&str, &str)]| {
            TraceParent::among(headers.iter().map(|(name, value)| (*name, value.as_bytes()))).map(|found| found.to_string())
        };
        assert_eq!(among(&[("accept", "*/*"), ("TraceParent", GOOD)]).as_deref(), Some(GOOD));
        assert_eq!(among(&[("accept", "*/*"), ("tracestate", GOOD)]), None);
        assert_eq!(among(&[("traceparent", GOOD), ("traceparent", GOOD)]), None);
        assert_eq!(TraceParent::among([("traceparent", b"\xff".as_slice())].into_iter()), None);
    }
}
