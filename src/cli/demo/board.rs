//! What is known of each task, and how it is shown while it happens: as a table that lives, or, where nobody watches a
//! terminal, as a line for each task that has said its last word.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Instant;

use super::live::Live;
use super::say;
use crate::simulator::{Announced, End, Line, Sent};

/// A task's row.
pub(super) struct Row {
    pub task: String,
    /// From 1.
    pub job: u32,
    /// The right end.
    pub end: End,
    pub state: String,
    pub percent: u32,
    pub sent: usize,
    pub sendings: usize,
    pub applied: u32,
    pub duplicates: u32,
    pub ignored: u32,
    pub refused: u32,
    /// Neither of these: no answer, or another one.
    pub other: u32,
}

pub(super) struct Board {
    rows: BTreeMap<String, Row>,
    tasks: u16,
    settled: u32,
    callbacks: u32,
    begun: Instant,
    /// None: nobody watches.
    live: Option<Live>,
}

impl Board {
    pub(super) fn new(tasks: u16) -> Self {
        let live = std::io::stdout().is_terminal().then(|| Live::new(tasks));
        Self { rows: BTreeMap::new(), tasks, settled: 0, callbacks: 0, begun: Instant::now(), live }
    }

    pub(super) fn hear(&mut self, line: &Line) {
        match line {
            Line::Task(announced) => self.announce(announced),
            Line::Sent(sent) => self.sent(sent),
            Line::Lost { .. } => self.remark(&format!(" {line}")),
            Line::Summary(_) => {}
        }
    }

    /// Shows what was heard since the last time.
    pub(super) fn draw(&mut self) {
        let Self { live: Some(live), settled, tasks, callbacks, begun, .. } = self else { return };
        let seconds = begun.elapsed().as_secs_f32();
        live.draw(&format!(" {settled} of {tasks} tasks settled, {callbacks} callbacks, {seconds:.1} s"));
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        self.rows.into_values().collect()
    }

    fn announce(&mut self, announced: &Announced) {
        let Announced { job, task, end, sendings } = announced.clone();
        let row = Row::new(task.clone(), job, end, sendings);
        if let Some(live) = &mut self.live {
            live.show(&row);
        }
        self.rows.insert(task, row);
    }

    fn sent(&mut self, sent: &Sent) {
        let Some(row) = self.rows.get_mut(&sent.task) else { return };
        let settled = row.is_settled();
        row.take(sent);
        self.callbacks += 1;
        self.settled += u32::from(!settled && row.is_settled());
        match &mut self.live {
            Some(live) => live.show(row),
            None if row.is_done() => say(row.plain()),
            None => {}
        }
    }

    fn remark(&mut self, text: &str) {
        match &mut self.live {
            Some(live) => live.remark(text),
            None => say(text),
        }
    }
}

impl Row {
    fn new(task: String, job: u32, end: End, sendings: usize) -> Self {
        let state = "submitted".to_owned();
        let [applied, duplicates, ignored, refused, other] = [0; 5];
        Self { task, job, end, state, percent: 0, sent: 0, sendings, applied, duplicates, ignored, refused, other }
    }

    fn take(&mut self, sent: &Sent) {
        self.sent += 1;
        let count = match (sent.answer.outcome.as_deref(), &sent.answer.code) {
            (Some("applied"), _) => &mut self.applied,
            (Some("duplicate"), _) => &mut self.duplicates,
            (Some("ignored"), _) => &mut self.ignored,
            (None, Some(_)) => &mut self.refused,
            _ => &mut self.other,
        };
        *count += 1;
        if let Some(state) = sent.answer.state.as_deref().filter(|_| sent.is_taken()) {
            // answers overtake one another too: settled stays settled
            if !self.is_settled() {
                state.clone_into(&mut self.state);
            }
            let percent = if state == "completed" { Some(100) } else { sent.percent };
            self.percent = self.percent.max(percent.unwrap_or(0));
        }
    }

    /// Everything was sent.
    pub(super) const fn is_done(&self) -> bool {
        self.sent >= self.sendings
    }

    fn is_settled(&self) -> bool {
        !matches!(self.state.as_str(), "pending" | "submitted" | "processing")
    }

    fn plain(&self) -> String {
        let Self { task, state, sent, applied, duplicates, ignored, refused, .. } = self;
        format!(
            " {task}  {state:10} {sent:3} callbacks: {applied:2} applied, {duplicates:2} duplicates, {ignored:2} ignored, {refused:2} refused"
        )
    }
}
