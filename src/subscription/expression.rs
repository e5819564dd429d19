//! One expression: compiled once, evaluated over many letters.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::{Error, Expression as Compiled, Value};

use super::language::{LANGUAGE, MEASURED};
use super::tokens::{self, Fault, Token, Word};

/// In bytes.
pub const LONGEST: usize = 4096;

pub struct Expression {
    text: String,
    compiled: Compiled<'static, 'static>,
}

impl Expression {
    /// # Errors
    /// What is wrong with it, to be read after its name, and the byte where.
    pub fn compile(text: &str, tokens: &[Token<'_>], variables: &[&'static str]) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err((0, format!("is longer than {LONGEST} bytes")));
        }
        if tokens.is_empty() {
            return Err((0, "is empty".to_owned()));
        }
        tokens::check(tokens, variables)?;
        let compiled = LANGUAGE.compile_expression_owned(text.to_owned()).map_err(|error| {
            let at = error.range().map_or(0, |range| range.start).min(text.len());
            (at, format!("is no expression: {}", sentence(&error)))
        })?;
        Ok(Self { text: text.to_owned(), compiled })
    }

    /// Whether it is true, and what it took to say so, as one value: [`Said`](super::language::Said).
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn measured(self) -> Result<Self, Fault> {
        // it has been compiled as it is: no bracket in it closes one of these
        let compiled = LANGUAGE.compile_expression_owned(format!("(not not ({}))|{MEASURED}", self.text));
        let compiled = compiled.map_err(|error| (0, format!("is no expression: {}", sentence(&error))))?;
        Ok(Self { compiled, ..self })
    }

    /// # Errors
    /// Why it has no value.
    pub fn evaluate(&self, letter: &Value) -> Result<Value, String> {
        // users' texts meet an engine that is not ours, while everybody waits: no mistake in it may end the process
        let evaluate = AssertUnwindSafe(|| self.compiled.eval(letter.clone()));
        let evaluated = catch_unwind(evaluate).map_err(|_| "it cannot be evaluated".to_owned())?;
        evaluated.map_err(|error| sentence(&error))
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Without its place, which is said elsewhere.
pub fn sentence(error: &Error) -> String {
    const SHOWN: usize = 200;
    let whole = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    whole.chars().take(SHOWN).collect()
}

/// A path from a variable to a part of it: `data.images[0].url`.
#[derive(Debug, PartialEq, Eq)]
pub struct Path {
    pub variable: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Name(String),
    Index(usize),
}

impl Path {
    /// None: the expression is more than that.
    #[must_use]
    pub fn of(tokens: &[Token<'_>]) -> Option<Self> {
        let words: Vec<Word<'_>> = tokens.iter().map(|token| token.word).collect();
        let (Word::Name(variable), mut rest) = words.split_first().map(|(first, rest)| (*first, rest))? else { return None };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = match rest {
                [Word::Sign('.'), Word::Name(name), after @ ..] => (Step::Name((*name).to_owned()), after),
                [Word::Sign('.'), Word::Number(index), after @ ..] => (Step::Index(index.parse().ok()?), after),
                [Word::Sign('['), Word::Number(index), Word::Sign(']'), after @ ..] => (Step::Index(index.parse().ok()?), after),
                [Word::Sign('['), Word::Text(name), Word::Sign(']'), after @ ..] if !name.contains('\\') => {
                    (Step::Name((*name).to_owned()), after)
                }
                _ => return None,
            };
            steps.push(step);
            rest = after;
        }
        Some(Self { variable: variable.to_owned(), steps })
    }
}
