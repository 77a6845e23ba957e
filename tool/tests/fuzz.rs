//! A short run of the targets of `fuzz/`: the same bytes each time, changed at random.
//!
//! `ROSENBLATT_FUZZ=1000000` sets the number of inputs for each target. `cargo xtask fuzz` searches
//! with libFuzzer.

#[path = "../fuzz/targets.rs"]
mod targets;

use rosenblatt::Rng;
use std::env;
use targets::{TARGETS, seeds};

/// Some changes of a seed: bits, bytes, numbers, cuts, copies of parts.
fn changed(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    const NUMBERS: [u32; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000];
    let mut below = |n: usize| rng.next_u32() as usize % n.max(1);
    let mut bytes = seeds[below(seeds.len())].clone();
    for _ in 0..1 + below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = below(bytes.len());
        match below(7) {
            0 => bytes[at] ^= 1 << below(8),
            1 => bytes[at] = below(256) as u8,
            2 => {
                let number = NUMBERS[below(8)].to_le_bytes();
                let len = [1, 2, 4][below(3)].min(bytes.len() - at);
                bytes[at..at + len].copy_from_slice(&number[..len]);
            }
            3 => bytes.truncate(at),
            4 => {
                let end = (at + below(64)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = below(bytes.len());
                bytes.splice(to..to, part);
            }
            5 => {
                let end = (at + below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let other = &seeds[below(seeds.len())];
                let from = below(other.len());
                let end = (from + below(256)).min(other.len());
                let len = (end - from).min(bytes.len() - at);
                bytes[at..at + len].copy_from_slice(&other[from..from + len]);
            }
        }
    }
    bytes
}

#[test]
fn no_input_makes_a_reader_panic() {
    let runs: u32 =
        env::var("ROSENBLATT_FUZZ").map_or(3000, |runs| runs.parse().expect("a number"));
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        seeds.iter().for_each(|seed| target(seed));
        let mut rng = Rng::new(rosenblatt::Seed(1957));
        for run in 0..runs {
            let input = changed(&mut rng, &seeds);
            let outcome = std::panic::catch_unwind(|| target(&input));
            if outcome.is_err() {
                let path = env::temp_dir().join(format!("rosenblatt-{name}-{run}"));
                std::fs::write(&path, &input).expect("a folder for what was found");
                panic!("target {name}, input {run}: {}", path.display());
            }
        }
    }
}
