//! What a load takes of the machine's processors, where the system tells.

use serde::Serialize;

/// Linux counts processor time in hundredths of a second, whatever the kernel's own clock does (proc(5)).
const TICK: f64 = 0.01;

/// One load's.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Effort {
    /// Processor time of the hub for each callback, in microseconds.
    pub per_callback: Option<f64>,
    /// The part of all processors' time in which they had nothing to do: of those of the load and of the database, too.
    pub idle: Option<f64>,
}

/// Reads the clocks before a load, and after it.
pub struct Stopwatch<'a> {
    processes: &'a [u32],
    used: Option<u64>,
    machine: Option<Machine>,
}

/// In ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Machine {
    idle: u64,
    all: u64,
}

impl<'a> Stopwatch<'a> {
    #[must_use]
    pub fn start(processes: &'a [u32]) -> Self {
        Self { processes, used: used(processes), machine: machine() }
    }

    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "measurements, not counts")]
    pub fn stop(self, callbacks: usize) -> Effort {
        let used = used(self.processes).zip(self.used).map(|(after, before)| after.saturating_sub(before) as f64);
        let idle = machine().zip(self.machine).and_then(|(after, before)| {
            let all = after.all.checked_sub(before.all).filter(|all| *all > 0)?;
            Some(after.idle.saturating_sub(before.idle) as f64 / all as f64)
        });
        Effort { per_callback: used.map(|ticks| ticks * TICK * 1e6 / callbacks.max(1) as f64), idle }
    }
}

fn used(processes: &[u32]) -> Option<u64> {
    processes.iter().map(|process| ticks(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)).sum()
}

fn machine() -> Option<Machine> {
    processors(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// In user mode and in the kernel: the 14th and the 15th field. The second one is a name in parentheses, and may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

/// The first line: user, nice, system, idle, waiting for a disk, interrupts, soft interrupts, stolen. What guests take is in
/// the first two.
fn processors(stat: &str) -> Option<Machine> {
    let fields: Vec<u64> =
        stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let (idle, waiting) = (fields.get(3)?, fields.get(4)?);
    Some(Machine { idle: idle + waiting, all: fields.iter().take(8).sum() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_behind_its_name() {
        let stat = "42 (a hub) of) S 1 42 42 0 -1 4194560 2 0 0 0 300 45 0 0 20 0 7 0 99 1000 8";
        assert_eq!(ticks(stat), Some(345));
        assert_eq!(ticks("42 (hub"), None);
    }

    #[test]
    fn the_machine_is_the_first_line() {
        let stat = "cpu  10 1 9 60 15 2 1 2 5 0\ncpu0 1 2 3\n";
        assert_eq!(processors(stat), Some(Machine { idle: 75, all: 100 }));
        assert_eq!(processors("cpu"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_load_that_works_takes_time() {
        let processes = [std::process::id()];
        let watch = Stopwatch::start(&processes);
        let begun = used(&processes).unwrap();
        let mut sum = 0_u64;
        while used(&processes).unwrap() < begun + 3 {
            sum = std::hint::black_box(sum).wrapping_add(1);
        }
        let effort = watch.stop(10);
        assert!(effort.per_callback.is_some_and(|micros| micros >= 3000.0), "{effort:?}");
        assert!(effort.idle.is_some_and(|idle| (0.0..=1.0).contains(&idle)), "{effort:?}");
    }
}
