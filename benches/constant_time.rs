//! What `tests/it/constant_time.rs` counts the instructions of: one comparison of claimed signatures with those that the
//! secrets give. One thread, no runtime, no socket: the count is the same in every run.
//!
//! `constant_time <ours|early-exit> <secrets> <claims> <matches at secret> <matches at claim> <none|first|last>`: the last
//! word says which byte of that claim is spoilt.

use std::hint::black_box;
use std::process::ExitCode;

use callback_hub::generator::scalar;
use mac::KeyedMac;
use scalar::Algorithm;

/// The hub's own source file, compiled a second time as a part of this program: so it can be optimised as in a release
/// without building every dependency of the hub anew.
#[expect(dead_code, reason = "the hub's source, of which one function is measured")]
#[path = "../src/generator/mac.rs"]
mod mac;

const CONTENT: &[u8] = br#"{"event":"completed","result":{"url":"https://example.com/video.mp4"}}"#;

struct Case {
    early_exit: bool,
    secrets: Vec<KeyedMac>,
    claims: Vec<Vec<u8>>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let Some(case) = Case::parse(&words) else {
        eprintln!("constant_time <ours|early-exit> <secrets> <claims> <at secret> <at claim> <none|first|last>");
        return ExitCode::from(2);
    };
    // the first of everything costs more: allocations, feature detection
    black_box(compare(black_box(&case)));
    let found = measured(black_box(&case));
    println!("{found}");
    ExitCode::SUCCESS
}

impl Case {
    fn parse(words: &[String]) -> Option<Self> {
        let [which, secrets, claims, at_secret, at_claim, spoilt] = words else { return None };
        let keyed = |number: usize| KeyedMac::new(Algorithm::Sha256, format!("secret-{number:02}-of-a-decent-length").as_bytes());
        let secrets: Vec<_> = (0..secrets.parse().ok()?).map(keyed).collect();
        let mut claims: Vec<Vec<u8>> = (0..claims.parse().ok()?).map(|number| vec![number; 32]).collect();
        let mut claim = secrets.get(at_secret.parse::<usize>().ok()?)?.tag(&[CONTENT]);
        let byte = match spoilt.as_str() {
            "none" => None,
            "first" => claim.first_mut(),
            "last" => claim.last_mut(),
            _ => return None,
        };
        if let Some(byte) = byte {
            *byte ^= 1;
        }
        *claims.get_mut(at_claim.parse::<usize>().ok()?)? = claim;
        let early_exit = match which.as_str() {
            "ours" => false,
            "early-exit" => true,
            _ => return None,
        };
        Some(Self { early_exit, secrets, claims })
    }
}

/// Counting starts where this function is entered, and ends where it is left.
#[inline(never)]
fn measured(case: &Case) -> bool {
    compare(case)
}

#[inline(never)]
fn compare(case: &Case) -> bool {
    if case.early_exit {
        early_exit(&case.secrets, &[CONTENT], &case.claims)
    } else {
        mac::any_matches(&case.secrets, &[CONTENT], &case.claims).into()
    }
}

/// How not to do it: the check has to find this out.
fn early_exit(secrets: &[KeyedMac], content_parts: &[&[u8]], claimed: &[Vec<u8>]) -> bool {
    for secret in secrets {
        let right = secret.tag(content_parts);
        for claim in claimed {
            if right.len() == claim.len() && right.iter().zip(claim).all(|(right, claimed)| right == claimed) {
                return true;
            }
        }
    }
    false
}
