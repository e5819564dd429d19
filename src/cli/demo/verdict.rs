//! What it came to: the simulator's counts, the hub's figures, and whether each task is where it should be.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context;
use console::style;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Stage;
use super::board::Row;
use crate::simulator::{End, Summary};

pub(super) struct Verdict {
    tasks: u16,
    /// By end, as the hub's API says.
    ends: BTreeMap<String, u32>,
    /// By the road of the news of the end.
    roads: BTreeMap<String, u32>,
    wrong: Vec<Wrong>,
    summary: Summary,
    journal: Journal,
}

struct Wrong {
    task: String,
    right: &'static str,
    is: String,
}

#[derive(Deserialize)]
struct Task {
    status: String,
    settled_by: Option<String>,
}

#[derive(Deserialize)]
struct Stats {
    journal: Journal,
}

#[derive(Deserialize)]
struct Journal {
    entries: u64,
    commits: u64,
}

impl Verdict {
    /// Asks the hub about each task.
    pub(super) async fn reach(stage: &Stage, client: &reqwest::Client, rows: &[Row], summary: Summary) -> anyhow::Result<Self> {
        let (mut ends, mut roads, mut wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for row in rows {
            let Task { status, settled_by } = ask(stage, client, &format!("tasks/{}", row.task)).await?;
            *ends.entry(status.clone()).or_default() += 1;
            *roads.entry(settled_by.unwrap_or_default()).or_default() += 1;
            let right = row.end.map_or("another", End::as_str);
            if status != right {
                wrong.push(Wrong { task: row.task.clone(), right, is: status });
            }
        }
        let Stats { journal } = ask(stage, client, "stats").await?;
        Ok(Self { tasks: stage.tasks, ends, roads, wrong, summary, journal })
    }

    pub(super) fn is_right(&self) -> bool {
        self.wrong.is_empty() && self.ends.values().sum::<u32>() == u32::from(self.tasks) && self.summary.forgeries_taken == 0
    }
}

async fn ask<T: DeserializeOwned>(stage: &Stage, client: &reqwest::Client, path: &str) -> anyhow::Result<T> {
    let request = client.get(format!("{}/api/{path}", stage.url)).bearer_auth(&stage.scratch.key);
    let answer = request.send().await.and_then(reqwest::Response::error_for_status);
    let answer = answer.with_context(|| format!("the hub does not answer to {path}"))?;
    answer.json().await.with_context(|| format!("the hub's answer to {path} is not what it should be"))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tasks, ends, roads, wrong, summary, journal } = self;
        writeln!(f)?;
        if self.is_right() {
            writeln!(f, " {} Every task reached its right end.", style("✔").green())?;
        } else {
            writeln!(f, " {} Not every task reached its right end.", style("✘").red())?;
        }
        for Wrong { task, right, is } in wrong {
            writeln!(f, "   {task} is {is} and should be {right}")?;
        }
        writeln!(f)?;
        row(f, "tasks", u64::from(*tasks), &listed(ends))?;
        for (road, count) in roads {
            let remark = if road == "poll" { "rescued: the callback of their end was lost, or late" } else { "" };
            row(f, &format!("  by {road}"), u64::from(*count), remark)?;
        }
        let seconds = summary.elapsed_ms / 1_000;
        row(f, "callbacks", summary.sent, &format!("in {seconds}.{} s", summary.elapsed_ms % 1_000 / 100))?;
        row(f, "  applied", summary.applied, "")?;
        row(f, "  duplicates", summary.duplicates, "answered 200, changed nothing")?;
        row(f, "  ignored", summary.ignored.values().sum(), &listed(&summary.ignored))?;
        row(f, "  refused", summary.refused.values().sum(), &listed(&summary.refused))?;
        if !summary.other.is_empty() {
            row(f, "  other", summary.other.values().sum(), &listed(&summary.other))?;
        }
        if summary.unanswered > 0 {
            row(f, "  unanswered", summary.unanswered, "tried three times each")?;
        }
        if summary.forgeries_taken > 0 {
            row(f, "  forgeries", summary.forgeries_taken, "were taken for true")?;
        }
        row(f, "lost", summary.lost, "callbacks that were never sent")?;
        let Journal { entries, commits } = journal;
        // nothing but what was applied, known or ignored is written, and what the hub does by itself
        write!(f, "   {:14}{commits:>5}   for {entries} events", "commits")
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, count: u64, remark: &str) -> fmt::Result {
    let line = format!("   {name:14}{count:>5}   {remark}");
    writeln!(f, "{}", line.trim_end())
}

/// `17 completed, 2 failed`
fn listed<N: fmt::Display>(counts: &BTreeMap<String, N>) -> String {
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict() -> Verdict {
        Verdict {
            tasks: 2,
            ends: BTreeMap::from([("completed".to_owned(), 2)]),
            roads: BTreeMap::from([("callback".to_owned(), 1), ("poll".to_owned(), 1)]),
            wrong: Vec::new(),
            summary: Summary::default(),
            journal: Journal { entries: 20, commits: 9 },
        }
    }

    #[test]
    fn one_task_at_a_wrong_end_is_named_and_spoils_it() {
        assert!(verdict().is_right());
        let wrong = vec![Wrong { task: "demo-01".to_owned(), right: "failed", is: "completed".to_owned() }];
        let verdict = Verdict { wrong, ..verdict() };
        assert!(!verdict.is_right());
        assert!(verdict.to_string().contains("demo-01 is completed and should be failed"), "{verdict}");
    }

    #[test]
    fn rescued_tasks_are_shown() {
        assert!(verdict().to_string().contains("by poll         1   rescued"), "{}", verdict());
    }

    #[test]
    fn a_lost_task_or_a_believed_forgery_spoils_it() {
        let lost = Verdict { ends: BTreeMap::from([("completed".to_owned(), 1)]), ..verdict() };
        assert!(!lost.is_right());
        let summary = Summary { forgeries_taken: 1, ..verdict().summary };
        assert!(!Verdict { summary, ..verdict() }.is_right());
    }
}
