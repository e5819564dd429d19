//! What a process holds of the machine, looked at again and again, where the system tells.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior};

use crate::bench::memory::resident;

const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// After so many looks the caller is told of one.
const LOOKS_A_MINUTE: usize = 12;

/// At one look.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Vitals {
    /// Since the beginning.
    pub seconds: f64,
    /// Resident.
    pub megabytes: f64,
    /// Open ones, of files and connections.
    pub descriptors: u32,
    pub threads: u32,
}

impl Vitals {
    fn look(process: u32, seconds: f64) -> Option<Self> {
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
        let threads = threads(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)?;
        Some(Self { seconds, megabytes: resident(process)?, descriptors: u32::try_from(descriptors).ok()?, threads })
    }
}

/// What comes of the work, and how the process was meanwhile; each minute `tell` hears it.
pub async fn during<T>(process: u32, work: impl Future<Output = T>, tell: impl Fn(&Vitals)) -> (T, Vec<Vitals>) {
    let (began, mut seen) = (Instant::now(), Vec::new());
    let mut looks = tokio::time::interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return (done, seen),
            _ = looks.tick() => {
                seen.extend(Vitals::look(process, began.elapsed().as_secs_f64()));
                if let Some(last) = seen.last().filter(|_| seen.len().is_multiple_of(LOOKS_A_MINUTE)) {
                    tell(last);
                }
            }
        }
    }
}

fn threads(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_read_from_the_status() {
        assert_eq!(threads("Name:\thub\nVmRSS:\t   10000 kB\nThreads:\t13\n"), Some(13));
        assert_eq!(threads("Name:\tThreads: 4\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_open_file_is_a_descriptor() {
        let process = std::process::id();
        let files: Vec<_> = (0..200).map(|_| tempfile::tempfile().expect("a file")).collect();
        let vitals = Vitals::look(process, 1.0).expect("Linux tells");
        assert!(vitals.descriptors >= 200 && vitals.threads > 0 && vitals.megabytes > 1.0, "{vitals:?}, {files:?}");
    }

    #[tokio::test]
    async fn the_work_is_awaited() {
        let (done, seen) = during(std::process::id(), async { 42 }, |_| ()).await;
        assert!(done == 42 && seen.len() <= 1);
    }
}
