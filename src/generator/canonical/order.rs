//! Members that change places.

use std::ops::Range;

use super::{Form, Order};

/// A member of an object that is being written.
pub(super) struct Member {
    /// The decoded key, in the buffer of keys.
    pub key: Range<u32>,
    /// Key, colon and value, in the output.
    pub text: Range<u32>,
}

/// An object whose members do not stay as they are: where its inside lies, and what is to stand there.
pub(super) struct Moved {
    inside: Range<u32>,
    members: Vec<Range<u32>>,
}

impl Moved {
    /// None if everything may stay where it is.
    pub(super) fn find(members: &[Member], keys: &[u8], order: Order, inside: Range<u32>) -> Option<Self> {
        let key = |member: &Member| &keys[span(&member.key)];
        if members.is_sorted_by(|one, next| key(one) < key(next)) {
            return None;
        }
        let mut by_key: Vec<usize> = (0..members.len()).collect();
        // stable: equal keys stay in the body's order
        by_key.sort_by(|&one, &other| key(&members[one]).cmp(key(&members[other])));
        // the place of a key's first member, the text of its last
        let mut kept: Vec<(usize, Range<u32>)> = by_key
            .chunk_by(|&one, &other| key(&members[one]) == key(&members[other]))
            .filter_map(|equal| Some((*equal.first()?, members[*equal.last()?].text.clone())))
            .collect();
        if order == Order::Kept {
            if kept.len() == members.len() {
                return None;
            }
            kept.sort_by_key(|(place, _)| *place);
        }
        Some(Self { inside, members: kept.into_iter().map(|(_, text)| text).collect() })
    }
}

pub(super) fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// What is still to be written.
enum Rest<'a> {
    Text(Range<u32>),
    Members(&'a [Range<u32>]),
}

/// The output with everything in its new place. Every byte is copied at most once.
pub(super) fn arranged(out: &[u8], mut moved: Vec<Moved>, form: Form) -> Vec<u8> {
    moved.sort_by_key(|object| object.inside.start);
    let mut arranged = Vec::with_capacity(out.len());
    let mut rest = vec![Rest::Text(0..u32::try_from(out.len()).unwrap_or(u32::MAX))];
    while let Some(next) = rest.pop() {
        match next {
            Rest::Text(text) => {
                // an object's first member begins where its inside does, and does not hold it
                let object = moved.get(moved.partition_point(|object| object.inside.start <= text.start));
                match object.filter(|object| object.inside.start < text.end) {
                    Some(Moved { inside, members }) => {
                        arranged.extend_from_slice(&out[span(&(text.start..inside.start))]);
                        rest.extend([Rest::Text(inside.end..text.end), Rest::Members(members)]);
                    }
                    None => arranged.extend_from_slice(&out[span(&text)]),
                }
            }
            Rest::Members([]) => {}
            Rest::Members([first, others @ ..]) => {
                if !others.is_empty() {
                    rest.push(Rest::Members(others));
                }
                rest.push(Rest::Text(first.clone()));
                // a comma goes before each but the first, which follows its brace
                if arranged.last() != Some(&b'{') {
                    arranged.extend_from_slice(form.comma());
                }
            }
        }
    }
    arranged
}
