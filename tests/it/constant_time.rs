//! Signatures are compared in constant time: the same number of instructions whichever byte is wrong and whoever matches.
//!
//! Instructions, not seconds, are counted, by callgrind, in a program of one thread (`benches/constant_time.rs`). It is
//! built as tests are, so that no dependency is built again, but for itself and the hub's file that it holds: these are
//! optimised as in a release, since an early exit might come from the optimiser too.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

const SPOILT: [&str; 3] = ["none", "first", "last"];

#[test]
fn neither_the_first_nor_the_last_wrong_byte_shows() {
    let counts = counts_by_byte("ours");
    println!("instructions for 4 secrets x 3 claims, a signature wrong in no, the first, the last byte: {counts:?}");
    assert_constant(&counts).expect("the comparison takes the same time for all signatures");
}

#[test]
fn the_check_finds_an_early_exit() {
    let counts = counts_by_byte("early-exit");
    println!("the same with an early exit: {counts:?}");
    let [right, first, last] = counts[..] else { panic!("three counts") };
    assert!(assert_constant(&counts).is_err(), "an early exit went unnoticed: {counts:?}");
    assert!(right < first && first < last, "it exits at once where it matches, and later the later a byte is wrong: {counts:?}");
}

#[test]
fn which_secret_and_which_claim_match_does_not_show() {
    let pairs = (0..4).flat_map(|secret| (0..3).map(move |claim| (secret, claim)));
    let counts: Vec<u64> = pairs.map(|(secret, claim)| count("ours", 4, (secret, claim), "none")).collect();
    assert_constant(&counts).expect("a match stops nothing");
}

#[test]
fn every_secret_costs_the_same() {
    let counts: Vec<u64> = (1..=4).map(|secrets| count("ours", secrets, (0, 0), "none")).collect();
    let steps: Vec<u64> = counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("instructions for 1 to 4 secrets, the first of which matches: {counts:?}, a secret more: {steps:?}");
    assert_constant(&steps).expect("each secret is hashed and compared, though the first one matched");
    assert!(steps[0] > counts[0] / 2, "a further secret costs about as much as the first: {counts:?}");
}

fn assert_constant(counts: &[u64]) -> Result<(), String> {
    if counts.windows(2).all(|pair| pair[0] == pair[1]) { Ok(()) } else { Err(format!("the counts differ: {counts:?}")) }
}

fn counts_by_byte(which: &str) -> Vec<u64> {
    SPOILT.iter().map(|spoilt| count(which, 4, (1, 1), spoilt)).collect()
}

/// Instructions between entering and leaving the measured function.
fn count(which: &str, secrets: usize, (secret, claim): (usize, usize), spoilt: &str) -> u64 {
    let place = [secrets, 3, secret, claim].map(|number| number.to_string());
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=constant_time::measured*"])
        .arg(program())
        .arg(which)
        .args(place)
        .arg(spoilt)
        .output()
        .expect("valgrind is needed to count instructions (`tests/run` installs it; on Debian: apt-get install valgrind)");
    let report = String::from_utf8_lossy(&counted.stderr);
    assert!(counted.status.success(), "{report}");
    let found = if spoilt == "none" { "true" } else { "false" };
    assert_eq!(String::from_utf8_lossy(&counted.stdout).trim(), found, "whether the signature holds");
    let collected = report.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    let collected: u64 = collected.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count in {report}"));
    assert!(collected > 0, "the measured function has lost its name: {report}");
    collected
}

/// Built once a run.
fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["rustc", "--quiet", "--bench", "constant_time", "--message-format=json", "--", "-Copt-level=3"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo is there, it built this test");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let messages = String::from_utf8_lossy(&built.stdout);
        let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let programs = artifacts.filter(|artifact| artifact["target"]["name"] == "constant_time");
        let mut paths = programs.filter_map(|artifact| artifact["executable"].as_str().map(str::to_owned));
        paths.next().expect("cargo names what it built")
    })
}
