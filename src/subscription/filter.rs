//! Filters: an expression over the letter that says whether a webhook wants it.

use minijinja::Value;

use super::expression::{Expression, LONGEST};
use super::tokens::tokens;
use super::tree::Node;

/// The members of a letter.
const VARIABLES: [&str; 4] = ["event", "data", "timestamp", "metadata"];

/// `data.generator == "replicate" and data.error.code != "NSFW"`: what is not there counts as false, and equals nothing.
#[derive(Debug)]
pub struct Filter(Expression);

impl Filter {
    /// # Errors
    /// What is wrong with it, and where; to be read after its name.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let compiled = tokens(text).and_then(|(tokens, end)| match end {
            end if end < text.len() => Err((end, "holds `}}`, which has no meaning here".to_owned())),
            _ => Expression::compile(text, &tokens, &VARIABLES),
        });
        compiled.map(Self).map_err(|(at, says)| format!("{says} (at character {})", text[..at].chars().count() + 1))
    }

    /// # Errors
    /// Why it cannot be said.
    pub fn matches(&self, letter: &Value) -> Result<bool, String> {
        self.0.evaluate(letter).map(|value| value.is_true())
    }
}

/// A letter for filters to look into.
#[must_use]
pub fn open(letter: &str) -> Value {
    Node::read(letter).map_or_else(Value::default, Value::from_dyn_object)
}
