//! A callback costs no more instructions than it did: verify → decode → decide → plan, counted in a program of one thread
//! (`benches/callback_cost.rs`), a number for each kind of callback, compared with `benches/callback_cost.json`.
//!
//! Another toolchain makes other code of the same source: it has a baseline of its own, or asks for one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::instructions::Program;

const KINDS: [&str; 4] = ["progress", "completed", "failed", "standard-webhooks"];

/// One batch after another …
const ROUNDS: u64 = 4;
/// … of so many callbacks.
const BATCH: u64 = 64;

/// More than this is a growth, in hundredths of the baseline.
const ALLOWED: u64 = 5;

const RECORD: &str = "RECORD_CALLBACK_COST=1 cargo test --test it callback_cost";

/// Instructions per callback, by its kind.
type Costs = BTreeMap<String, u64>;

#[test]
fn a_callback_costs_no_more_instructions_than_it_did() {
    let program = Program::build(["--example", "callback_cost"], &["-Ccodegen-units=1"]);
    let costs: Costs = KINDS.iter().map(|kind| ((*kind).to_owned(), cost(&program, kind))).collect();
    println!("instructions per callback: {costs:?}");
    let (toolchain, mut baseline) = (toolchain(), baseline());
    if std::env::var("RECORD_CALLBACK_COST").is_ok_and(|word| word == "1") {
        baseline.insert(toolchain, costs);
        record(&baseline);
        return;
    }
    match judged(baseline.get(&toolchain), &costs) {
        Ok(remarks) if remarks.is_empty() => {}
        Ok(remarks) => say(&format!("callback_cost, {toolchain}: {remarks}To record what it costs now: {RECORD}\n")),
        Err(grown) => panic!("{toolchain}: {grown}If that is meant: {RECORD}"),
    }
}

/// What the program needs to begin with is in both counts.
fn cost(program: &Program, kind: &str) -> u64 {
    let [few, many] = [ROUNDS, 2 * ROUNDS].map(|rounds| {
        let counted = program.count(None, &[kind, &rounds.to_string()]);
        assert_eq!(counted.said, (rounds * BATCH).to_string(), "{kind}: each callback changes its task");
        counted.instructions
    });
    (many - few) / (ROUNDS * BATCH)
}

/// What makes the code, and what counts it.
fn toolchain() -> String {
    let said = |program: &str, option: &str| {
        let output = Command::new(program).arg(option).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        String::from_utf8_lossy(&output.unwrap_or_else(|error| panic!("{program}: {error}")).stdout).trim().to_owned()
    };
    let rustc = said("rustc", "-vV");
    let line = |key: &str| rustc.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim();
    let commit = line("commit-hash:");
    let commit = commit.get(..9).unwrap_or(commit);
    format!("rustc {} ({commit}), {}, opt-level 3, {}", line("release:"), line("host:"), said("valgrind", "--version"))
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/callback_cost.json")
}

/// By toolchain.
fn baseline() -> BTreeMap<String, Costs> {
    let text = std::fs::read_to_string(file()).expect("benches/callback_cost.json is there");
    serde_json::from_str(&text).expect("benches/callback_cost.json is a baseline")
}

fn record(baseline: &BTreeMap<String, Costs>) {
    let text = serde_json::to_string_pretty(baseline).expect("a baseline is JSON");
    std::fs::write(file(), text + "\n").expect("benches/callback_cost.json can be written");
}

/// Past the test's captured output: it is to be seen although the test passes.
fn say(remarks: &str) {
    std::io::stderr().write_all(remarks.as_bytes()).expect("standard error is open");
}

/// Remarks, a line each, or, as an error, what has grown.
fn judged(baseline: Option<&Costs>, costs: &Costs) -> Result<String, String> {
    let Some(baseline) = baseline else { return Ok("no baseline for this toolchain. ".to_owned()) };
    let (mut remarks, mut grown) = (String::new(), String::new());
    for (kind, &cost) in costs {
        let Some(&before) = baseline.get(kind) else {
            let _ = write!(remarks, "no baseline for {kind}. ");
            continue;
        };
        if cost * 100 > before * (100 + ALLOWED) {
            let _ = write!(grown, "{kind} costs {cost} instructions, and {before} before: that is more than {ALLOWED} % more. ");
        } else if cost * 100 < before * (100 - ALLOWED) {
            let _ = write!(remarks, "{kind} costs {cost} instructions, and {before} before: it might grow back unseen. ");
        }
    }
    if grown.is_empty() { Ok(remarks) } else { Err(grown) }
}

fn costs(pairs: &[(&str, u64)]) -> Costs {
    pairs.iter().map(|(kind, cost)| ((*kind).to_owned(), *cost)).collect()
}

#[test]
fn what_has_grown_by_more_than_5_percent_fails() {
    let now = costs(&[("progress", 10_000), ("failed", 20_000)]);
    let lower = |percent: u64| Some(costs(&[("progress", 10_000), ("failed", 20_000 * (100 - percent) / 100)]));
    assert_eq!(judged(lower(0).as_ref(), &now), Ok(String::new()));
    assert_eq!(judged(lower(4).as_ref(), &now), Ok(String::new()));
    let grown = judged(lower(6).as_ref(), &now).expect_err("it has grown by 6.4 %");
    assert!(grown.contains("failed costs 20000 instructions, and 18800 before") && !grown.contains("progress"), "{grown}");
}

#[test]
fn what_has_shrunk_or_was_never_counted_is_remarked_on() {
    let now = costs(&[("progress", 10_000), ("failed", 20_000)]);
    let shrunk = judged(Some(&costs(&[("progress", 11_000), ("failed", 20_500)])), &now).expect("nothing has grown");
    assert!(shrunk.contains("progress costs 10000") && !shrunk.contains("failed"), "{shrunk}");
    let new = judged(Some(&costs(&[("progress", 10_000)])), &now).expect("nothing has grown");
    assert_eq!(new, "no baseline for failed. ");
    let elsewhere = judged(None, &now).expect("nothing is known to have grown");
    assert_eq!(elsewhere, "no baseline for this toolchain. ");
}
