//! What is known of each task, and how it is shown while it happens: as a table that lives, or, where nobody watches a
//! terminal, as a line for each task that has said its last word.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Instant;

use super::live::Live;
use super::say;
use crate::simulator::{End, Errand, Finished, Line, Sent, Taken};

/// A task's row.
pub(super) struct Row {
    pub task: String,
    /// From 1.
    pub number: u32,
    /// The right end, once the generator has the job.
    pub end: Option<End>,
    pub state: String,
    /// The road of the news of its end.
    pub by: Option<String>,
    pub percent: u32,
    sendings: Option<usize>,
    pub sent: usize,
    pub applied: u32,
    pub duplicates: u32,
    pub ignored: u32,
    pub refused: u32,
    /// Neither of these: no answer, or another one.
    pub other: u32,
    /// Never sent.
    pub lost: u32,
}

pub(super) struct Board {
    /// By task.
    rows: BTreeMap<String, Row>,
    /// The task of each job.
    jobs: BTreeMap<String, String>,
    callbacks: u32,
    begun: Instant,
    /// None: nobody watches.
    live: Option<Live>,
}

impl Board {
    pub(super) fn new(errand: &Errand) -> Self {
        let rows = (1..=errand.tasks).map(|number| Row::new(errand.task(number), number));
        let rows: BTreeMap<String, Row> = rows.map(|row| (row.task.clone(), row)).collect();
        let mut live = std::io::stdout().is_terminal().then(|| Live::new(errand.tasks));
        if let Some(live) = &mut live {
            rows.values().for_each(|row| live.show(row));
        }
        Self { rows, jobs: BTreeMap::new(), callbacks: 0, begun: Instant::now(), live }
    }

    pub(super) fn hear(&mut self, line: &Line) {
        match line {
            Line::Job(Taken { id, task: Some(task), end, sendings, .. }) => {
                self.jobs.insert(id.clone(), task.clone());
                self.change(&task.clone(), |row| {
                    row.end = *end;
                    row.sendings = Some(*sendings);
                });
            }
            Line::Sent(sent) => {
                self.callbacks += 1;
                self.change_job(&sent.task, |row| row.take(sent));
            }
            Line::Unsent(unsent) => self.change_job(&unsent.task, |row| row.lost += 1),
            Line::Lost { task, .. } => {
                self.rows.remove(task);
                self.remark(&format!(" {line}"));
            }
            Line::Task(_) | Line::Summary(_) | Line::Ready { .. } | Line::Job(_) | Line::Settled(_) => {}
        }
    }

    /// The hub says that a task has ended.
    pub(super) fn finish(&mut self, finished: &Finished) {
        let Finished { task, status, by, .. } = finished;
        self.change(task, |row| {
            row.be(status);
            row.by = Some(by.clone());
        });
    }

    /// All tasks have ended, and nothing more will be sent.
    pub(super) fn is_done(&self) -> bool {
        self.rows.values().all(Row::is_done)
    }

    /// Shows what was heard since the last time.
    pub(super) fn draw(&mut self) {
        let Self { live: Some(live), rows, callbacks, begun, .. } = self else { return };
        let seconds = begun.elapsed().as_secs_f32();
        let settled = rows.values().filter(|row| row.by.is_some()).count();
        let rescued = rows.values().filter(|row| row.by.as_deref() == Some("poll")).count();
        let (tasks, lost) = (rows.len(), rows.values().map(|row| row.lost).sum::<u32>());
        live.draw(&format!(
            " {settled} of {tasks} tasks settled, {rescued} rescued, {callbacks} callbacks, {lost} lost, {seconds:.1} s"
        ));
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        self.rows.into_values().collect()
    }

    fn change_job(&mut self, job: &str, change: impl FnOnce(&mut Row)) {
        if let Some(task) = self.jobs.get(job).cloned() {
            self.change(&task, change);
        }
    }

    fn change(&mut self, task: &str, change: impl FnOnce(&mut Row)) {
        let Some(row) = self.rows.get_mut(task) else { return };
        change(row);
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
    fn new(task: String, number: u32) -> Self {
        let (state, sendings) = ("pending".to_owned(), None);
        let [percent, applied, duplicates, ignored, refused, other, lost] = [0; 7];
        Self {
            task,
            number,
            end: None,
            state,
            by: None,
            percent,
            sendings,
            sent: 0,
            applied,
            duplicates,
            ignored,
            refused,
            other,
            lost,
        }
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
            self.be(state);
            self.percent = self.percent.max(sent.percent.unwrap_or(0));
        }
    }

    /// Answers overtake one another too: settled stays settled.
    fn be(&mut self, state: &str) {
        if matches!(self.state.as_str(), "pending" | "submitted" | "processing") {
            state.clone_into(&mut self.state);
        }
        if state == "completed" {
            self.percent = 100;
        }
    }

    /// It has ended, and everything was sent or lost.
    pub(super) fn is_done(&self) -> bool {
        self.by.is_some() && self.sendings.is_none_or(|sendings| self.sent + self.lost as usize >= sendings)
    }

    fn plain(&self) -> String {
        let Self { task, state, sent, applied, duplicates, ignored, refused, lost, by, .. } = self;
        let by = by.as_deref().unwrap_or_default();
        format!(
            " {task}  {state:10} {sent:3} callbacks: {applied:2} applied, {duplicates:2} duplicates, {ignored:2} ignored, {refused:2} refused, {lost:2} lost; settled by {by}"
        )
    }
}
