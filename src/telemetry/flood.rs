//! Lines of which thousands may come in a second: the first ones of each second are written, the others are counted.

use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
pub struct Flood {
    /// Lines a second.
    most: u32,
    now: Mutex<Second>,
}

#[derive(Debug, Default)]
struct Second {
    number: i64,
    lines: u32,
    left_out: u64,
}

impl Flood {
    #[must_use]
    pub fn of(most: u32) -> Self {
        Self { most, now: Mutex::default() }
    }

    /// If this line is to be written: how many before it were not.
    pub fn admit(&self, second: i64) -> Option<u64> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.number != second {
            (now.number, now.lines) = (second, 0);
        }
        if now.lines < self.most {
            now.lines += 1;
            Some(std::mem::take(&mut now.left_out))
        } else {
            now.left_out += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_second_the_first_lines_are_written_and_the_others_counted() {
        let flood = Flood::of(2);
        let said: Vec<_> = [1, 1, 1, 1, 2, 3, 3, 3, 2].into_iter().map(|second| flood.admit(second)).collect();
        // a clock that is set back begins another second
        assert_eq!(said, [Some(0), Some(0), None, None, Some(2), Some(0), Some(0), None, Some(1)]);
    }
}
