//! When keys were fetched, how that went, and when it is their turn again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::schedule::Pace;
use crate::domain::time::Timestamp;

/// While all is well.
const DAILY: Duration = Duration::from_secs(24 * 3600);
/// Strangers can give hints, too: more often than this nobody makes the hub ask.
const WANTED: Duration = Duration::from_secs(60);
const AFTER_FAILURES: Pace = Pace { interval: WANTED, growth: 2.0, max: Duration::from_secs(3600) };

/// By URL.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<String, Page>);

#[derive(Debug, Default)]
struct Page {
    /// When fetching began last.
    tried_at: Option<Timestamp>,
    /// Since it worked last.
    failures_in_a_row: u32,
    figures: Figures,
}

/// How fetching a generator's keys goes, since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// When it worked last.
    pub fetched_at: Option<Timestamp>,
    pub failures: u64,
    /// What went wrong last, if it was the last time.
    pub fault: Option<String>,
}

impl Ledger {
    /// Whether it is the URL's turn, which is used up by the question. `is_wanted`: a signature waits for newer keys.
    pub(super) fn take_turn(&mut self, url: &str, is_wanted: bool, now: Timestamp) -> bool {
        let page = self.page(url);
        let is_due = page.tried_at.is_none_or(|tried| now >= tried.plus(page.pause(is_wanted)));
        if is_due {
            page.tried_at = Some(now);
        }
        is_due
    }

    pub(super) fn fetched(&mut self, url: &str, now: Timestamp) {
        let page = self.page(url);
        page.failures_in_a_row = 0;
        page.figures.fetched_at = Some(now);
        page.figures.fault = None;
    }

    pub(super) fn failed(&mut self, url: &str, fault: String) {
        let page = self.page(url);
        page.failures_in_a_row = page.failures_in_a_row.saturating_add(1);
        page.figures.failures += 1;
        page.figures.fault = Some(fault);
    }

    pub(super) fn figures(&self, url: &str) -> Figures {
        self.0.get(url).map(|page| page.figures.clone()).unwrap_or_default()
    }

    fn page(&mut self, url: &str) -> &mut Page {
        self.0.entry(url.to_owned()).or_default()
    }
}

impl Page {
    fn pause(&self, is_wanted: bool) -> Duration {
        match self.failures_in_a_row {
            _ if is_wanted => WANTED,
            0 => DAILY,
            failures => AFTER_FAILURES.interval(failures - 1),
        }
    }
}
