//! The pass over the body.

use std::ops::Range;

use super::order::{Member, Moved, arranged};
use super::{Form, Numbers, number, text};
use crate::generator::json::MAX_DEPTH;

/// An array or object that is open.
enum Open {
    Array,
    Object {
        /// Where its inside begins in the output.
        start: u32,
        /// Of its members and their keys the first.
        members: usize,
        keys: usize,
    },
}

pub(super) struct Writer<'a> {
    rest: &'a str,
    form: Form,
    numbers: Numbers,
    out: Vec<u8>,
    open: Vec<Open>,
    /// Of all open objects, the innermost's last.
    members: Vec<Member>,
    /// The decoded keys of these.
    keys: Vec<u8>,
    moved: Vec<Moved>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(body: &'a str, form: Form, numbers: Numbers) -> Self {
        let out = Vec::with_capacity(body.len());
        Self { rest: body, form, numbers, out, open: Vec::new(), members: Vec::new(), keys: Vec::new(), moved: Vec::new() }
    }

    pub(super) fn write(mut self) -> Option<Vec<u8>> {
        loop {
            self.skip_blanks();
            let opened = match self.rest.as_bytes().first()? {
                b'{' => self.open_object()?,
                b'[' => self.open_array()?,
                b'"' => self.string(false).map(|()| false)?,
                _ => self.scalar().map(|()| false)?,
            };
            // a value is over: so may be what it lies in, and what that lies in
            if !opened && !self.go_on()? {
                break;
            }
        }
        let whole = if self.moved.is_empty() { self.out } else { arranged(&self.out, self.moved, self.form) };
        self.rest.is_empty().then_some(whole)
    }

    /// Whether a value follows: not if the brace closes at once.
    fn open_object(&mut self) -> Option<bool> {
        if self.opens_and_closes(b'{', b'}')? {
            return Some(false);
        }
        self.open.push(Open::Object { start: self.end()?, members: self.members.len(), keys: self.keys.len() });
        self.key()?;
        Some(true)
    }

    fn open_array(&mut self) -> Option<bool> {
        if self.opens_and_closes(b'[', b']')? {
            return Some(false);
        }
        self.open.push(Open::Array);
        Some(true)
    }

    /// Whether it is empty.
    fn opens_and_closes(&mut self, opening: u8, closing: u8) -> Option<bool> {
        if self.open.len() == MAX_DEPTH || !self.take(opening) {
            return None;
        }
        self.out.push(opening);
        self.skip_blanks();
        let is_empty = self.take(closing);
        if is_empty {
            self.out.push(closing);
        }
        Some(is_empty)
    }

    /// After a value: to the next one (true), or out of the whole.
    fn go_on(&mut self) -> Option<bool> {
        loop {
            self.skip_blanks();
            let is_object = match self.open.last() {
                None => return Some(false),
                Some(Open::Array) => false,
                Some(Open::Object { .. }) => true,
            };
            if is_object {
                let end = self.end()?;
                self.members.last_mut()?.text.end = end;
            }
            if self.take(b',') {
                self.out.extend_from_slice(self.form.comma());
                if is_object {
                    self.skip_blanks();
                    self.key()?;
                }
                return Some(true);
            }
            self.close(if is_object { b'}' } else { b']' })?;
        }
    }

    fn close(&mut self, bracket: u8) -> Option<()> {
        if !self.take(bracket) {
            return None;
        }
        let end = self.end()?;
        if let Some(Open::Object { start, members, keys }) = self.open.pop() {
            self.moved.extend(Moved::find(&self.members[members..], &self.keys, self.form.order, start..end));
            self.members.truncate(members);
            self.keys.truncate(keys);
        }
        self.out.push(bracket);
        Some(())
    }

    /// A key and its colon.
    fn key(&mut self) -> Option<()> {
        let (text, key) = (self.end()?, u32::try_from(self.keys.len()).ok()?);
        self.string(true)?;
        let key: Range<u32> = key..u32::try_from(self.keys.len()).ok()?;
        self.members.push(Member { key, text: text..text });
        self.skip_blanks();
        self.out.extend_from_slice(self.form.colon());
        self.take(b':').then_some(())
    }

    fn string(&mut self, is_key: bool) -> Option<()> {
        if !self.take(b'"') {
            return None;
        }
        self.out.push(b'"');
        while !self.take(b'"') {
            let (piece, rest) = text::piece(self.rest)?;
            piece.write(self.form.charset, &mut self.out);
            if is_key {
                piece.decode(&mut self.keys);
            }
            self.rest = rest;
        }
        self.out.push(b'"');
        Some(())
    }

    /// A number, or one of the words, to which Python's parser counts the numbers that are none.
    fn scalar(&mut self) -> Option<()> {
        const WORDS: [&str; 6] = ["true", "false", "null", "NaN", "Infinity", "-Infinity"];
        let words = if self.numbers == Numbers::Python { &WORDS[..] } else { &WORDS[..3] };
        if let Some(word) = words.iter().find(|word| self.rest.starts_with(**word)) {
            self.out.extend_from_slice(word.as_bytes());
            self.rest = &self.rest[word.len()..];
            return Some(());
        }
        let (literal, rest) = self.rest.split_at(number::length(self.rest.as_bytes())?);
        let printed = match self.numbers {
            Numbers::Python => number::printed(literal),
            Numbers::JavaScript => number::printed_by_javascript(literal),
        };
        self.out.extend_from_slice(printed.as_bytes());
        self.rest = rest;
        Some(())
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.rest.as_bytes().first() == Some(&byte);
        if is_there {
            self.rest = &self.rest[1..];
        }
        is_there
    }

    /// Where the output ends.
    fn end(&self) -> Option<u32> {
        u32::try_from(self.out.len()).ok()
    }
}
