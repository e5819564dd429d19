//! Says on standard error how far a measurement is: a line for each step, and a bar below them on a terminal.

use std::fmt::Display;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

pub struct Teller {
    bar: Option<ProgressBar>,
}

impl Teller {
    /// Of so many steps.
    #[must_use]
    pub fn new(steps: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {elapsed}, {eta} to go");
        let bar = style.ok().filter(|_| std::io::stderr().is_terminal()).map(|style| {
            let bar = ProgressBar::new(steps as u64).with_style(style);
            bar.tick();
            bar
        });
        Self { bar }
    }

    pub fn say(&self, line: impl Display) {
        match &self.bar {
            Some(bar) => bar.println(line.to_string()),
            None => eprintln!("{line}"),
        }
    }

    /// The same, and a step is done.
    pub fn done(&self, line: impl Display) {
        self.say(line);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
