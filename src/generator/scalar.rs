//! The small values of a generator's file: words with a fixed choice, durations, sizes, networks, one or many.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::domain::event::Event;

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl $name {
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::generator::mistake::unknown_word(text, &[$($word),+])),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(super) use choice;

choice!(
    /// What proves the sender.
    Trust { Verify = "verify", Token = "token", None = "none" }
);
choice!(
    /// Whether a good token is needed beside a good signature.
    Bind { No = "", Token = "token" }
);
choice!(
    /// Whether a callback's word is enough, or is only a reason to ask the generator.
    Confirm { Never = "never", Terminal = "terminal", Always = "always" }
);
choice!(
    /// Where its callbacks arrive.
    Ingress { Task = "task", Shared = "shared" }
);
choice!(
    /// What is answered to a callback that comes before its task is known.
    Early { Reject = "reject", Retry = "retry", Park = "park" }
);
choice!(
    /// How a callback may be sent.
    Method { Post = "POST", Put = "PUT" }
);
choice!(Scheme { Hmac = "hmac", Ed25519 = "ed25519", Token = "token", None = "none" });
choice!(Algorithm { Sha256 = "sha256", Sha1 = "sha1", Sha512 = "sha512" });
choice!(Encoding { Hex = "hex", Base64 = "base64" });
choice!(
    /// How a configured secret becomes key bytes; `prefixed` is base64 where the prefix is there, else the text itself.
    /// `jwks`: public keys that the generator publishes.
    KeyForm { Utf8 = "utf8", Base64 = "base64", Prefixed = "prefixed", Jwks = "jwks" }
);
choice!(ClockUnit { Seconds = "s", Millis = "ms" });
choice!(TimeUnit { Seconds = "s", Millis = "ms", Rfc3339 = "rfc3339" });
choice!(Scale { Fraction = "0-1", Hundred = "0-100", Percent = "percent" });
choice!(
    /// What a word that nobody mapped means; `event`: no task's business, and handed on as it is.
    Otherwise { Refuse = "refuse", Ignore = "ignore", Progress = "progress", Completed = "completed", Event = "event" }
);

impl Confirm {
    /// Whether an event counts only once the generator has confirmed it.
    #[must_use]
    pub const fn doubts(self, event: &Event) -> bool {
        match event {
            Event::Completed(_) | Event::Failed(_) | Event::Cancelled => !matches!(self, Self::Never),
            Event::Progress(_) => matches!(self, Self::Always),
            _ => false,
        }
    }
}

/// Whole seconds, or a text with a unit: `ms`, `s`, `m`, `h`, `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl FromStr for Period {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = number_and_unit(text).ok_or(Self::WANTED)?;
        let millis: u64 = match unit {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(Self::WANTED),
        };
        number.checked_mul(millis).map(|millis| Self(Duration::from_millis(millis))).ok_or(Self::WANTED)
    }
}

impl Period {
    const WANTED: &str = "must be whole seconds, or a number with ms, s, m, h or d";
}

/// Bytes, or a text with `KiB` or `MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "must be whole bytes, or a number with KiB or MiB";
        let (number, unit) = number_and_unit(text).ok_or(wanted)?;
        let bytes: usize = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            _ => return Err(wanted),
        };
        usize::try_from(number).ok().and_then(|number| number.checked_mul(bytes)).map(Self).ok_or(wanted)
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
}

/// How far a signed timestamp may lie ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Future {
    Within(Duration),
    Any,
}

impl FromStr for Future {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "any" {
            return Ok(Self::Any);
        }
        text.parse::<Period>().map(|period| Self::Within(period.0)).map_err(|wanted| format!("{wanted}, or `any`"))
    }
}

/// A text without line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(pub String);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.contains(['\n', '\r']) { Err(D::Error::custom("must be one line")) } else { Ok(Self(text)) }
    }
}

/// A network, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| address()).map(Self).map_err(|_| format!("holds `{text}`, which is no address and no network"))
    }
}

macro_rules! from_text_or_number {
    ($($name:ident),+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(TextOrNumber(PhantomData))
            }
        }
    )+};
}

from_text_or_number!(Period, Size, Future);

struct TextOrNumber<T>(PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or a text")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// One text or a list of them; an empty text is an empty list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several<T>(pub Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}

/// One of a list, parsed where it stands, so that a mistake has its line.
struct Item<T>(T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber(PhantomData)).map(Self)
    }
}

struct OneOrMany<T>(PhantomData<T>);

impl<'de, T: FromStr<Err: Display>> Visitor<'de> for OneOrMany<T> {
    type Value = Several<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Several<T>, E> {
        if text.is_empty() {
            return Ok(Several(Vec::new()));
        }
        text.parse().map(|value| Several(vec![value])).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Several<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(Item(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Several(values))
    }
}
