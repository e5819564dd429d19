//! A file together with what it extends: the tables of all of them laid over each other, the nearest on top.
//!
//! Every value keeps its place, so that a mistake that only shows in the whole still names a file and a line.

use std::ops::Range;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, Deserializer};
use toml::{Spanned, Table};

use super::file::{File, Places};
use super::mistake::{CatalogError, Page, Text, is_missing, nearest};
use super::written::Written;

/// What a file says about itself alone.
const OWN: [&str; 5] = ["name", "about", "sources", "experimental", "extends"];

/// What is written with one bracket, or, if it is one of [`LISTS`], with two.
const TABLES: [&str; 15] = [
    "event",
    "event.map",
    "poll",
    "poll.map",
    "submit",
    "submit.example",
    "cancel",
    "reply",
    "handshake",
    "content",
    "content.fields",
    "sender",
    "sign",
    "event.rule",
    "poll.rule",
];
const LISTS: [&str; 3] = ["sign", "event.rule", "poll.rule"];

/// All texts that there are.
pub(super) struct Library<'a> {
    pub built_in: &'a [Text<'a>],
    /// Those that count: of two with the same name the operator's.
    pub texts: Vec<Text<'a>>,
}

impl<'a> Library<'a> {
    /// The text, then what it extends, what that extends, and so on.
    ///
    /// # Errors
    /// A file that extends one that is not there, or, by a detour, itself.
    pub(super) fn lineage<'t>(&self, text: Text<'t>) -> Result<Page<'t>, CatalogError>
    where
        'a: 't,
    {
        let mut page = Page(vec![text]);
        while let Some(name) = page.0.last().and_then(extended) {
            let (at, name) = (page.moved(&name), name.into_inner());
            let last = page.0.last().map_or(text, |last| *last);
            let Some(next) = self.extended_by(last, &name) else {
                if last.stem() == name {
                    return Err(page.mistake(&at, "extends", "names the file itself, and none of this name is built in"));
                }
                let known: Vec<&str> = self.texts.iter().map(Text::stem).collect();
                let near = nearest(&name, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(page.mistake(&at, "extends", format!("names `{name}`, and there is no such generator{near}")));
            };
            if page.0.contains(&next) {
                return Err(page.mistake(&at, "extends", "leads back to a file that it began with"));
            }
            page.0.push(next);
        }
        Ok(page)
    }

    /// A file that takes the place of a built-in one may extend that.
    fn extended_by(&self, text: Text<'a>, name: &str) -> Option<Text<'a>> {
        let named = |list: &[Text<'a>]| list.iter().find(|text| text.stem() == name).copied();
        if text.stem() == name && !text.built_in { named(self.built_in) } else { named(&self.texts) }
    }
}

/// Which generator a text extends. What cannot be read is no matter here: the reading of the whole will say so.
fn extended(text: &Text<'_>) -> Option<Spanned<String>> {
    let table = DeTable::parse(text.text).ok()?.into_inner();
    let value = table.get("extends")?;
    Some(Spanned::new(value.span(), value.get_ref().as_str()?.to_owned()))
}

/// # Errors
/// The mistakes that can be told without each other, with their places.
pub(super) fn read(page: &Page<'_>) -> Result<(File, Written), CatalogError> {
    // behind so many spaces a text's places are those that it has in the page
    let texts: Vec<String> = page.0.iter().enumerate().map(|(at, text)| " ".repeat(page.start(at)) + text.text).collect();
    let mut whole: Option<Spanned<DeTable<'_>>> = None;
    for text in &texts {
        let mut table = DeTable::parse(text).map_err(|error| page.unreadable(error))?;
        match &mut whole {
            None => whole = Some(table),
            Some(whole) => {
                OWN.into_iter().for_each(|key| drop(table.get_mut().remove(key)));
                lay(whole.get_mut(), table.into_inner());
            }
        }
    }
    let whole = whole.unwrap_or_else(|| Spanned::new(0..0, DeTable::new()));
    check_shape(page, whole.get_ref())?;
    let written = Table::deserialize(Deserializer::from(whole.clone())).map_err(|error| page.unreadable(error))?;
    let places = places(whole.get_ref());
    let mut file = typed(page, whole)?;
    for (sign, places) in file.sign.iter_mut().zip(places) {
        sign.get_mut().places = places;
    }
    Ok((file, Written(written)))
}

/// More of them would hardly be read.
const MOST_MISTAKES: usize = 10;

/// What cannot be read is told and taken out, and the rest is read again.
fn typed(page: &Page<'_>, mut whole: Spanned<DeTable<'_>>) -> Result<File, CatalogError> {
    let mut mistakes = Vec::new();
    loop {
        let error = match File::deserialize(Deserializer::from(whole.clone())) {
            Ok(file) if mistakes.is_empty() => return Ok(file),
            Ok(_) => break,
            Err(error) => error,
        };
        let at = error.span().unwrap_or_default();
        // what is missing may have been taken out before
        if mistakes.is_empty() || !is_missing(&error) {
            mistakes.push(page.unreadable(error));
        }
        if mistakes.len() == MOST_MISTAKES || !take_out(whole.get_mut(), &at) {
            break;
        }
    }
    Err(CatalogError::joined(mistakes))
}

/// The key at this place, the one whose value is there, the table that is, or the list of which one is. False: there is none.
fn take_out(table: &mut DeTable<'_>, at: &Range<usize>) -> bool {
    let holds = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Table(_) => value.span() == *at,
        DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
            items.iter().any(|item| item.span() == *at)
        }
        _ => value.span().start <= at.start && at.end <= value.span().end,
    };
    let found = table.iter().find(|(key, value)| key.span() == *at || holds(value));
    if let Some(key) = found.map(|(key, _)| key.get_ref().to_string()) {
        return table.remove(key.as_str()).is_some();
    }
    let inside = |value: &mut DeValue<'_>| if let DeValue::Table(table) = value { take_out(table, at) } else { false };
    table.iter_mut().any(|(_, value)| match value.get_mut() {
        DeValue::Array(items) => items.iter_mut().any(|item| inside(item.get_mut())),
        value => inside(value),
    })
}

/// Of each `[[sign]]` where its keys stand.
fn places(whole: &DeTable<'_>) -> Vec<Places> {
    let signs = whole.get("sign").and_then(|sign| sign.get_ref().as_array()).into_iter().flat_map(|signs| signs.iter());
    let keys = |table: &DeTable<'_>| table.keys().map(|key| (key.get_ref().to_string(), key.span())).collect();
    signs.filter_map(|sign| sign.get_ref().as_table()).map(keys).collect()
}

/// The reader would take a list for a table, by the order of its members.
fn check_shape(page: &Page<'_>, whole: &DeTable<'_>) -> Result<(), CatalogError> {
    for path in TABLES {
        let Some(value) = reached(whole, path) else { continue };
        let right = match value.get_ref() {
            DeValue::Array(items) if LISTS.contains(&path) => items.iter().all(|item| item.get_ref().is_table()),
            DeValue::Table(_) => !LISTS.contains(&path),
            _ => false,
        };
        if !right {
            let wanted = if LISTS.contains(&path) {
                "must be a list of tables, each with two brackets: `[[…]]`"
            } else {
                "must be a table"
            };
            return Err(page.mistake(&value.span(), path, wanted));
        }
    }
    Ok(())
}

fn reached<'t, 'i>(whole: &'t DeTable<'i>, path: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    match path.split_once('.') {
        None => whole.get(path),
        Some((first, rest)) => reached(whole.get(first)?.get_ref().as_table()?, rest),
    }
}

/// What is below shows where nothing is above it.
fn lay<'i>(above: &mut DeTable<'i>, below: DeTable<'i>) {
    for (key, value) in below {
        match above.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut) {
            None => drop(above.insert(key, value)),
            Some(DeValue::Table(above)) => {
                if let DeValue::Table(below) = value.into_inner() {
                    lay(above, below);
                }
            }
            Some(_) => {}
        }
    }
}
