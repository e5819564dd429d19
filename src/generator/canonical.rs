//! A body written anew as Python's `json.dumps`, or JavaScript's `JSON.stringify`, would write it: what some generators sign
//! instead of the bytes they send.
//!
//! One pass over the body writes everything in the body's order, and notes the members of those objects in which members
//! change places; a second pass, where there are any, puts them there. No tree and no recursion: the time is near-linear
//! in the length, the memory a small multiple of it.

use std::str::FromStr;

use super::scalar::choice;

mod number;
mod order;
mod text;
mod writer;

choice!(
    /// Of an object's members; sorted is by code point, and nested objects are sorted too.
    Order { Kept = "kept", Sorted = "sorted" }
);
choice!(
    /// `,` and `:`, or `, ` and `: `.
    Separators { Compact = "compact", Spaced = "spaced" }
);
choice!(
    /// Whether what is not ASCII is escaped.
    Charset { Ascii = "ascii", Utf8 = "utf8" }
);

/// How a generator spells the JSON that it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub order: Order,
    pub separators: Separators,
    pub charset: Charset,
}

impl Form {
    const fn comma(self) -> &'static [u8] {
        match self.separators {
            Separators::Compact => b",",
            Separators::Spaced => b", ",
        }
    }

    const fn colon(self) -> &'static [u8] {
        match self.separators {
            Separators::Compact => b":",
            Separators::Spaced => b": ",
        }
    }
}

impl FromStr for Form {
    type Err = String;

    /// `sorted,compact,ascii`.
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let [order, separators, charset] = words[..] else {
            return Err(format!("has `{{json:{text}}}`; a re-serialisation is ORDER,SEPARATORS,CHARSET: `sorted,compact,ascii`"));
        };
        Ok(Self { order: order.parse()?, separators: separators.parse()?, charset: charset.parse()? })
    }
}

/// What `json.dumps(json.loads(body), …)` of Python 3.11 gives, but for integers, which may have any number of digits. Of
/// equal keys the last one's value stands in the place of the first.
///
/// `None`: the body is not UTF-8 JSON, or is nested deeper than [`super::json::MAX_DEPTH`]; or it holds a lone surrogate,
/// which cannot be written in UTF-8.
#[must_use]
pub fn rewritten(body: &[u8], form: Form) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    spelled(writer::Writer::new(text, form, Numbers::Python))
}

/// What `JSON.stringify(JSON.parse(body))` of JavaScript gives, but for objects with numbers as keys, which JavaScript puts
/// first. `None` as above.
#[must_use]
pub fn stringified(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let form = Form { order: Order::Kept, separators: Separators::Compact, charset: Charset::Utf8 };
    spelled(writer::Writer::new(text, form, Numbers::JavaScript))
}

fn spelled(writer: writer::Writer<'_>) -> Option<Vec<u8>> {
    // lone surrogates have no UTF-8
    String::from_utf8(writer.write()?).ok().map(String::into_bytes)
}

/// Whose way to print a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    Python,
    JavaScript,
}
