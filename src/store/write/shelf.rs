//! The stored texts that a batch needs at hand: those that it brings itself, and those that it had to fetch.

use std::borrow::Cow;
use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::event::Found;
use crate::domain::plan::Command;
use crate::domain::review::Act;
use crate::domain::task::State;
use crate::store::commit::{Entry, Papers};

pub(super) struct Shelf<'a> {
    texts: HashMap<Uuid, Cow<'a, [u8]>>,
    announcements: HashMap<Uuid, Announced<'a>>,
}

/// What a custom event tells, and what its publisher has added.
struct Announced<'a> {
    data: Option<&'a str>,
    remarks: Option<&'a str>,
}

impl<'a> Shelf<'a> {
    pub(super) fn of(entries: &'a [Entry]) -> Self {
        let mut shelf = Self { texts: HashMap::new(), announcements: HashMap::new() };
        for entry in entries {
            shelf.add_papers(entry);
        }
        shelf
    }

    fn add_papers(&mut self, entry: &'a Entry) {
        let mut add = |id: Option<Uuid>, text: Option<&'a [u8]>| {
            self.texts.extend(id.zip(text).map(|(id, text)| (id, Cow::Borrowed(text))));
        };
        match (&entry.item.command, &entry.papers) {
            (Command::Create(new), Papers::Documents { input, params, metadata, .. }) => {
                add(new.documents.input, input.as_deref());
                add(new.documents.params, params.as_deref());
                add(new.documents.metadata, metadata.as_deref());
            }
            (Command::Patch(patch), Papers::Documents { metadata, .. }) => add(patch.metadata, metadata.as_deref()),
            (Command::Review(Act::Edit { document, .. }), Papers::Document(text)) => add(Some(*document), Some(text)),
            (Command::Announce(announcement), Papers::Announcement { data, remarks }) => {
                let announced = Announced { data: text(data), remarks: remarks.as_deref().and_then(text) };
                self.announcements.insert(announcement.id, announced);
            }
            (command, Papers::Receipt(draft)) => {
                if let Some((places, _)) = command.happening() {
                    add(Some(places.receipt), draft.body.as_deref());
                    if let Some(Found::Rewritten(text)) = &draft.result {
                        add(Some(places.result), Some(text.as_bytes()));
                    }
                }
                if let Some((receipt, custom)) = command.told() {
                    let found = match &custom.data {
                        Found::Rewritten(text) => Some(&**text),
                        Found::InBody(span) => draft.body.as_deref().and_then(|body| body.get(span.clone())).and_then(text),
                    };
                    self.announcements.insert(receipt, Announced { data: found, remarks: None });
                }
            }
            _ => {}
        }
    }

    pub(super) fn has(&self, id: Uuid) -> bool {
        self.texts.contains_key(&id)
    }

    /// What is there already stays.
    pub(super) fn add(&mut self, id: Uuid, bytes: Vec<u8>) {
        self.texts.entry(id).or_insert(Cow::Owned(bytes));
    }

    pub(super) fn text(&self, id: Uuid) -> Option<&str> {
        self.texts.get(&id).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// Of a completed task.
    pub(super) fn result(&self, state: &State) -> Option<&str> {
        let State::Completed { result, .. } = state else { return None };
        let bytes = self.texts.get(&result.payload)?.get(result.span.clone())?;
        std::str::from_utf8(bytes).ok()
    }

    /// Data and remarks of a custom event of this batch.
    pub(super) fn announcement(&self, id: Uuid) -> Option<(Option<&str>, Option<&str>)> {
        self.announcements.get(&id).map(|announced| (announced.data, announced.remarks))
    }
}

fn text(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Option<&str> {
    std::str::from_utf8(bytes.as_ref()).ok()
}
