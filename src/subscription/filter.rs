//! Filters: an expression over the letter that says whether a webhook wants it.
//!
//! They run while an event is being written, and everybody waits for that: all filters of an event share what time there is.

use std::sync::Arc;

use minijinja::Value;

use super::expression::{Expression, LONGEST};
use super::language::{MOST_STEPS, Said};
use super::meter::Meter;
use super::tokens::tokens;
use super::tree::Node;

/// The members of a letter.
const VARIABLES: [&str; 4] = ["event", "data", "timestamp", "metadata"];

/// Steps for the filters of one event: so that those of a large letter can be looked through by some of them, and a small
/// one by all, however many they are.
const FOR_EACH_BYTE: u64 = 8;
const FOR_EACH_FILTER: u64 = 8_000;
const FOR_ALL: u64 = 2_000_000;
/// So many that fail may take all there is.
const FAILING: u64 = 32;

/// `data.generator == "replicate" and data.error.code != "NSFW"`: what is not there counts as false, and equals nothing.
#[derive(Debug)]
pub struct Filter {
    expression: Expression,
    words: u64,
}

impl Filter {
    /// # Errors
    /// What is wrong with it, and where; to be read after its name.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let compiled = tokens(text).and_then(|(tokens, end)| match end {
            end if end < text.len() => Err((end, "holds `}}`, which has no meaning here".to_owned())),
            _ => {
                let expression = Expression::compile(text, &tokens, &VARIABLES)?.measured()?;
                Ok(Self { expression, words: tokens.len() as u64 })
            }
        });
        compiled.map_err(|(at, says)| format!("{says} (at character {})", text[..at].chars().count() + 1))
    }

    /// # Errors
    /// Why it cannot be said.
    pub fn matches(&self, letter: &Opened) -> Result<bool, String> {
        letter.meter.check()?;
        let value = self.expression.evaluate(&letter.value);
        letter.meter.check()?;
        let said = value.map(|value| value.downcast_object_ref::<Said>().map(|said| (said.yes, said.steps)).unwrap_or_default());
        // what fails does not say what it took: each word looks at everything once, or it runs out of fuel; and mostly it took
        // much less, so that no single one takes the others' part
        let most = || self.words.saturating_mul(letter.length + 64).min(MOST_STEPS).min(letter.meter.budget() / FAILING);
        letter.meter.spend(said.as_ref().map_or_else(|_| most(), |(_, steps)| *steps));
        said.map(|(yes, _)| yes)
    }
}

/// A letter that filters look into.
pub struct Opened {
    value: Value,
    length: u64,
    meter: Arc<Meter>,
}

impl Opened {
    /// For so many filters.
    #[must_use]
    pub fn new(letter: &str, filters: usize) -> Self {
        let length = letter.len() as u64;
        let budget = FOR_ALL + length.saturating_mul(FOR_EACH_BYTE) + FOR_EACH_FILTER.saturating_mul(filters as u64);
        let meter = Arc::new(Meter::new(budget));
        Self { value: Value::from_object(Node::of_letter(letter, meter.clone())), length, meter }
    }

    /// What its filters have taken so far, each about a nanosecond.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.meter.spent()
    }
}
