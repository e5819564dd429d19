//! The table that lives: one line a task, as many as the terminal has room for, drawn as a whole.

use std::fmt::Write;

use console::{Alignment, Style, Term, measure_text_width, pad_str, truncate_str};

use super::board::Row;

/// What surrounds the rows: the header, a line without text, the footer, and the cursor's line.
const SURROUNDINGS: u16 = 4;
/// What a line needs beside the task's id and the bar.
const BESIDE_BAR: usize = 62;
const SHORTEST_BAR: usize = 8;
const LONGEST_BAR: usize = 40;

pub(super) struct Live {
    term: Term,
    header: String,
    slots: Vec<Slot>,
    /// Columns of the task's id, and of the bar.
    id: usize,
    bar: usize,
    /// Lines above the cursor that are the table's.
    drawn: usize,
}

/// A line of the table. Where there are more tasks than lines, one that is done gives its line away.
#[derive(Clone, Default)]
struct Slot {
    text: String,
    job: Option<u32>,
    done: bool,
}

impl Live {
    pub(super) fn new(tasks: u32) -> Self {
        let term = Term::buffered_stdout();
        let (height, width) = term.size();
        let id = "demo-".len() + tasks.to_string().len().max(2);
        let bar = usize::from(width).saturating_sub(BESIDE_BAR + id).clamp(SHORTEST_BAR, LONGEST_BAR);
        let progress = pad_str("progress", bar + " 100 %".len(), Alignment::Left, None);
        let names = format!(" {:id$}  {:10}  {progress}  applied  twice  ignored  refused  lost", "task", "state");
        let header = Style::new().dim().apply_to(names).to_string();
        let lines = usize::from(height.saturating_sub(SURROUNDINGS).max(1)).min(usize::try_from(tasks).unwrap_or(usize::MAX));
        Self { term, header, slots: vec![Slot::default(); lines], id, bar, drawn: 0 }
    }

    /// Seen with the next [`Live::draw`].
    pub(super) fn show(&mut self, row: &Row) {
        let text = self.line(row);
        if let Some(slot) = self.slot(row.number) {
            *slot = Slot { text, job: Some(row.number), done: row.is_done() };
        }
    }

    /// Above the table.
    pub(super) fn remark(&mut self, text: &str) {
        self.paint(&[text]);
        self.drawn = 0;
    }

    pub(super) fn draw(&mut self, footer: &str) {
        let (header, slots) = (self.header.clone(), self.slots.clone());
        let rows = slots.iter().map(|slot| slot.text.as_str());
        let lines: Vec<&str> = [header.as_str()].into_iter().chain(rows).chain(["", footer]).collect();
        self.paint(&lines);
    }

    /// Writes over what is there, and leaves the cursor below it. A terminal that cannot be drawn on is no reason to end.
    fn paint(&mut self, lines: &[&str]) {
        let width = usize::from(self.term.size().1);
        let _ = self.term.move_cursor_up(self.drawn);
        for line in lines {
            // line by line: some terminals keep a screen that is cleared as a whole in their history
            let _ = self.term.clear_line();
            let _ = self.term.write_line(&truncate_str(line, width, "…"));
        }
        let _ = self.term.flush();
        self.drawn = lines.len();
    }

    fn line(&self, row: &Row) -> String {
        let (id, style) = (self.id, style(&row.state));
        let state = style.apply_to(format!("{:10}", row.state));
        let mut line = format!(" {:id$}  {state}  {} {:3} %", row.task, bar(row.percent, self.bar, &style), row.percent);
        for (count, width) in [(row.applied, 9), (row.duplicates, 7), (row.ignored, 9), (row.refused, 9), (row.lost, 6)] {
            let _ = match count {
                0 => write!(line, "{}", Style::new().dim().apply_to(format!("{:>width$}", "·"))),
                count => write!(line, "{count:width$}"),
            };
        }
        if row.by.as_deref() == Some("poll") {
            let _ = write!(line, "  {}", Style::new().yellow().apply_to("polled"));
        }
        line
    }

    /// The job's own line, else the one that it would have if all had one, else any that can be had.
    fn slot(&mut self, job: u32) -> Option<&mut Slot> {
        let own = self.slots.iter().position(|slot| slot.job == Some(job));
        let proper = usize::try_from(job).unwrap_or(usize::MAX).wrapping_sub(1);
        let proper = self.slots.get(proper).is_some_and(|slot| slot.job.is_none()).then_some(proper);
        let index = own.or(proper).or_else(|| self.slots.iter().position(|slot| slot.done))?;
        self.slots.get_mut(index)
    }
}

fn bar(percent: u32, width: usize, style: &Style) -> String {
    let full = usize::try_from(percent.min(100)).map_or(0, |percent| width * percent / 100);
    let tip = if full < width && percent > 0 { "╸" } else { "" };
    let done = format!("{}{tip}", "━".repeat(full));
    let rest = "─".repeat(width.saturating_sub(measure_text_width(&done)));
    format!("{}{}", style.apply_to(done), Style::new().dim().apply_to(rest))
}

fn style(state: &str) -> Style {
    match state {
        "completed" => Style::new().green(),
        "failed" | "timed_out" => Style::new().red(),
        "cancelled" => Style::new().yellow(),
        "processing" => Style::new().cyan(),
        _ => Style::new().dim(),
    }
}
