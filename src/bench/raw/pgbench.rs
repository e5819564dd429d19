//! PostgreSQL's own measure, where it is installed: `pgbench -M prepared`, 64 clients, one UPDATE in each transaction.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, ensure};
use sea_orm::ConnectionTrait;
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::bench::fill::connect;

const PROGRAM: &str = "pgbench";
const CLIENTS: usize = 64;

pub struct Pgbench {
    url: String,
    script: NamedTempFile,
}

impl Pgbench {
    /// With as many rows, as wide as its own are; none where it is not installed.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn new(url: String, rows: usize) -> anyhow::Result<Option<Self>> {
        if Command::new(PROGRAM).arg("--version").output().await.is_err() {
            return Ok(None);
        }
        let connection = connect(&url).await?;
        let fill = format!(
            "CREATE TABLE accounts (aid integer PRIMARY KEY, bid integer, abalance integer, filler char(84));
             INSERT INTO accounts SELECT n, 1, 0, '' FROM generate_series(1, {rows}) AS n;
             ANALYZE accounts"
        );
        connection.execute_unprepared(&fill).await?;
        connection.close().await?;
        let mut script = NamedTempFile::new()?;
        writeln!(script, "\\set aid random(1, {rows})\n\\set delta random(-5000, 5000)")?;
        writeln!(script, "UPDATE accounts SET abalance = abalance + :delta WHERE aid = :aid;")?;
        Ok(Some(Self { url, script }))
    }

    /// Transactions a second, for so long.
    ///
    /// # Errors
    /// When it fails, or says something else.
    pub async fn run(&self, time: Duration) -> anyhow::Result<f64> {
        let mut command = Command::new(PROGRAM);
        command.args(["-n", "-M", "prepared", "-j", "2", "-c", &CLIENTS.to_string()]);
        command.args(["-T", &time.as_secs().max(1).to_string()]).arg("-f").arg(self.script.path()).arg(&self.url);
        let output = command.output().await?;
        ensure!(output.status.success(), "{PROGRAM}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        parse(&text).with_context(|| format!("{PROGRAM} says {text}"))
    }
}

fn parse(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_what_it_says_without_connecting() {
        let text = "number of failed transactions: 0 (0.000%)\ntps = 8123.5 (without initial connection time)\n";
        assert_eq!(parse(text), Some(8123.5));
        assert_eq!(parse("pgbench: error"), None);
    }
}
