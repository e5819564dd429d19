//! Signatures are compared in constant time: the same number of instructions whichever byte is wrong and whoever matches.
//!
//! Instructions are counted, not seconds, in a program of one thread (`benches/constant_time.rs`), optimised as in a release:
//! an early exit might come from the optimiser too.

use std::sync::OnceLock;

use crate::harness::instructions::Program;

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
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| Program::build(["--bench", "constant_time"], &[]));
    let place = [secrets, 3, secret, claim].map(|number| number.to_string());
    let [secrets, claims, at_secret, at_claim] = place.each_ref().map(String::as_str);
    let words = [which, secrets, claims, at_secret, at_claim, spoilt];
    let counted = program.count(Some("constant_time::measured*"), &words);
    assert_eq!(counted.said, if spoilt == "none" { "true" } else { "false" }, "whether the signature holds");
    counted.instructions
}
