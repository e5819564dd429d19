//! Templates: the JSON document that a webhook gets instead of the letter.
//!
//! A string that is one `{{ expression }}` and nothing else becomes the expression's value, of whatever type; in longer
//! strings placeholders are filled in as text. Everything else is sent as it is written, and so are names of members.
//!
//! | variable | is |
//! | --- | --- |
//! | `event` `data` `timestamp` `metadata` | the members of the letter |
//! | `task_id` | `data.task_id`, where there is a task |
//! | `result_json` | `data.result`: its value, or within a text its JSON text |
//! | `file_url` | the first URL of the result, see [`super::scene::URLS`] |
//! | `meta_info` | `data.metadata`: what the task's client has added |

use minijinja::Value;

use super::expression::{Expression, Path};
use super::json::Capped;
use super::letter::SAMPLE;
use super::scene::{Scene, VARIABLES};
use super::source::{self, Piece};
use super::tokens::{Fault, tokens};
use super::tree::string;

/// In bytes.
pub const LONGEST: usize = 64 << 10;

/// Placeholders of one template: each has fuel of its own.
const MOST_HOLES: usize = 100;

/// What a template may add to the letter, which it may hold twice.
const ROOM: usize = 1 << 20;

#[derive(Debug)]
pub struct Template {
    length: usize,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Json(String),
    Value(Hole),
    Text(Vec<Bit>),
}

#[derive(Debug)]
enum Bit {
    Text(String),
    Hole(Hole),
}

/// A placeholder. What is only handed on keeps its numbers as they were written.
#[derive(Debug)]
enum Hole {
    Path(Path),
    Computed(Expression),
}

impl Template {
    /// # Errors
    /// What is wrong with it, and where; to be read after its name.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let mut holes = 0;
        let mut parts = Vec::new();
        for piece in source::pieces(text)? {
            parts.push(match piece {
                Piece::Json(json) => Part::Json(json),
                Piece::Leaf { literal, place } => {
                    let part = leaf(literal).map_err(|says| format!("{says} (in {literal} at {place})"))?;
                    holes += part.holes();
                    part
                }
            });
        }
        if holes > MOST_HOLES {
            return Err(format!("holds {holes} placeholders, and {MOST_HOLES} are the most"));
        }
        Ok(Self { length: text.len(), parts })
    }

    /// The body, made of a letter.
    ///
    /// # Errors
    /// Why it cannot be made: a value that is not what the template takes it for, or far too much of it.
    pub fn render(&self, letter: &str) -> Result<String, String> {
        let scene = Scene::of(letter).ok_or("the letter is no JSON object")?;
        let mut body = Capped::new(2 * letter.len() + self.length + ROOM);
        for part in &self.parts {
            match part {
                Part::Json(json) => body.push(json)?,
                Part::Value(hole) => hole.value(&scene, &mut body)?,
                Part::Text(bits) => {
                    let mut text = body.rest();
                    bits.iter().try_for_each(|bit| bit.write(&scene, &mut text))?;
                    body.string(&text.text())?;
                }
            }
        }
        Ok(body.text())
    }

    /// What it makes of a task that was completed, for its author to look at.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn preview(&self) -> Result<String, String> {
        self.render(SAMPLE)
    }
}

/// A string that holds placeholders.
fn leaf(literal: &str) -> Result<Part, String> {
    let text = string(literal);
    let mut bits = bits(&text)?;
    Ok(match bits.as_mut_slice() {
        [Bit::Hole(_)] => match bits.pop() {
            Some(Bit::Hole(hole)) => Part::Value(hole),
            _ => Part::Text(bits),
        },
        _ => Part::Text(bits),
    })
}

fn bits(text: &str) -> Result<Vec<Bit>, String> {
    let (mut bits, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.is_empty() {
            bits.push(Bit::Text(before.to_owned()));
        }
        let (hole, after) = hole(after)?;
        bits.push(Bit::Hole(hole));
        rest = after;
    }
    if !rest.is_empty() {
        bits.push(Bit::Text(rest.to_owned()));
    }
    Ok(bits)
}

/// What follows `{{`, and what follows its `}}`.
fn hole(after: &str) -> Result<(Hole, &str), String> {
    let fault = |(_, says): Fault| format!("has a placeholder that {says}");
    let (tokens, end) = tokens(after).map_err(fault)?;
    let rest = after[end..].strip_prefix("}}").ok_or("has a `{{` without its `}}`")?;
    let expression = Expression::compile(&after[..end], &tokens, &VARIABLES).map_err(fault)?;
    let path = Path::of(&tokens).filter(|path| path.variable != "file_url");
    Ok((path.map_or(Hole::Computed(expression), Hole::Path), rest))
}

impl Part {
    fn holes(&self) -> usize {
        match self {
            Self::Json(_) => 0,
            Self::Value(_) => 1,
            Self::Text(bits) => bits.iter().filter(|bit| matches!(bit, Bit::Hole(_))).count(),
        }
    }
}

impl Hole {
    fn value(&self, scene: &Scene, body: &mut Capped) -> Result<(), String> {
        match self {
            Self::Path(path) => body.push(scene.raw(path).unwrap_or("null")),
            Self::Computed(expression) => {
                body.value(&expression.evaluate(&scene.value())?)?;
                scene.check()
            }
        }
    }
}

impl Bit {
    /// Within a text nothing stands for null, but the result is JSON whatever it is.
    fn write(&self, scene: &Scene, text: &mut Capped) -> Result<(), String> {
        match self {
            Self::Text(own) => text.push(own),
            Self::Hole(Hole::Path(path)) => {
                let is_result = path.variable == "result_json" && path.steps.is_empty();
                match scene.raw(path).unwrap_or("null") {
                    raw if is_result => text.push(raw),
                    "null" => Ok(()),
                    raw if raw.starts_with('"') => text.push(&string(raw)),
                    raw => text.push(raw),
                }
            }
            Self::Hole(Hole::Computed(expression)) => {
                plain(&expression.evaluate(&scene.value())?, text)?;
                scene.check()
            }
        }
    }
}

fn plain(value: &Value, text: &mut Capped) -> Result<(), String> {
    match value.as_str() {
        Some(string) => text.push(string),
        None if value.is_none() || value.is_undefined() => Ok(()),
        None => text.value(value),
    }
}
