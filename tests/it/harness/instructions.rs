//! Instructions, not seconds, counted by callgrind: repeatable where a program has one thread, no runtime, no socket and no
//! database.

use std::process::Command;

use serde_json::Value;

/// A program of `benches/`. It is built as tests are, so that no dependency is built again, but for itself and the hub's files
/// that it holds: these are optimised as in a release.
pub(crate) struct Program(String);

pub(crate) struct Counted {
    pub(crate) instructions: u64,
    /// What the program has printed.
    pub(crate) said: String,
}

impl Program {
    /// `target`: as cargo's options name it, `--bench` or `--example` and its name.
    pub(crate) fn build(target: [&str; 2], codegen: &[&str]) -> Self {
        let built = Command::new(env!("CARGO"))
            .args(["rustc", "--quiet"])
            .args(target)
            .args(["--message-format=json", "--", "-Copt-level=3"])
            .args(codegen)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo is there, it built this test");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let messages = String::from_utf8_lossy(&built.stdout);
        let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let programs = artifacts.filter(|artifact| artifact["target"]["name"] == target[1]);
        let mut paths = programs.filter_map(|artifact| artifact["executable"].as_str().map(str::to_owned));
        Self(paths.next().expect("cargo names what it built"))
    }

    /// All instructions, or those between entering and leaving the functions that `within` matches.
    pub(crate) fn count(&self, within: Option<&str>, words: &[&str]) -> Counted {
        let counted = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .args(within.map(|function| format!("--toggle-collect={function}")))
            .arg(&self.0)
            .args(words)
            .output()
            .expect("valgrind is needed to count instructions (`tests/run` installs it; on Debian: apt-get install valgrind)");
        let report = String::from_utf8_lossy(&counted.stderr);
        assert!(counted.status.success(), "{report}");
        let collected = report.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
        let instructions = collected.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count in {report}"));
        assert!(instructions > 0, "the measured function has lost its name: {report}");
        Counted { instructions, said: String::from_utf8_lossy(&counted.stdout).trim().to_owned() }
    }
}
