//! Where the figures are from: they say little of other machines.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::table::median;

/// Of a page.
const SYNCS: usize = 50;

#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cores: usize,
    /// What the processor can do for SHA-256, on Linux.
    pub sha_instructions: Option<bool>,
    /// The median time until a page that was written to a temporary file is on the disk.
    pub sync_millis: Option<f64>,
}

impl Machine {
    #[must_use]
    pub fn look() -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").ok();
        let has = |text: &String| text.split_whitespace().any(|word| matches!(word, "sha_ni" | "sha2"));
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            sha_instructions: cpu.as_ref().map(has),
            sync_millis: syncs().ok().and_then(|times| median(times.iter().map(|time| time.as_secs_f64() * 1000.0))),
        }
    }
}

fn syncs() -> std::io::Result<Vec<Duration>> {
    let mut file = tempfile::tempfile()?;
    let mut sync = || {
        file.write_all(&[1; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        Ok(began.elapsed())
    };
    (0..SYNCS).map(|_| sync()).collect()
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores, shared by the load and what is measured", self.cores)?;
        if let Some(has) = self.sha_instructions {
            write!(f, "; {} instructions for SHA-256", if has { "with" } else { "without" })?;
        }
        if let Some(millis) = self.sync_millis {
            write!(f, "; a sync takes {millis:.2} ms")?;
        }
        write!(f, ".")
    }
}
