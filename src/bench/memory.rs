//! What a process holds of the machine's memory, where the system tells.

use std::time::Duration;

use serde::Serialize;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// One hub's, in megabytes: before any load, at most under full load, and some time after it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    pub idle: Option<f64>,
    pub load: Option<f64>,
    pub after: Option<f64>,
}

/// In megabytes.
#[must_use]
pub fn resident(process: u32) -> Option<f64> {
    parse(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// What comes of the work, and the most that the process held meanwhile.
pub async fn most_during<T>(process: u32, work: impl Future<Output = T>) -> (T, Option<f64>) {
    let mut most: Option<f64> = None;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return (done, most),
            () = tokio::time::sleep(BETWEEN_LOOKS) => most = larger(most, resident(process)),
        }
    }
}

pub(super) fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

fn parse(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_resident_is_read_from_the_status() {
        assert_eq!(parse("Name:\thub\nVmRSS:\t   10000 kB\nThreads:\t3\n"), Some(10.24));
        assert_eq!(parse("Name:\tkthreadd\n"), None);
        assert_eq!(larger(Some(1.0), None), Some(1.0));
        assert_eq!(larger(Some(1.0), Some(2.0)), Some(2.0));
    }
}
