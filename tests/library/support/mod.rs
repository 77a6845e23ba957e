//! What the tests share: which backends there are, inputs and targets, the data sets, a network's parameters as bits.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod data;
pub mod judge;
pub mod slopes;

use rosenblatt::{
    Level, Rng,
    kernels::{Plain, level::NAMES},
};
use std::sync::OnceLock;

/// The backends of this CPU, slowest first. The others are named on stdout; one that the environment variable `REQUIRE_BACKEND`
/// (names, separated by commas) lists must be there.
pub fn backends() -> Vec<Level> {
    static FOUND: OnceLock<Vec<Level>> = OnceLock::new();
    let find = || {
        let required = std::env::var("REQUIRE_BACKEND").unwrap_or_default();
        pick(&required, |name| name.parse().ok())
    };
    FOUND.get_or_init(find).clone()
}

/// Those of all backends that `find` knows; fails if a required one is not among them.
pub fn pick(required: &str, find: impl Fn(&str) -> Option<Level>) -> Vec<Level> {
    let required: Vec<_> = required.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &required {
        assert!(NAMES.contains(name), "REQUIRE_BACKEND: no backend is named {name}");
    }
    let mut found = Vec::new();
    for name in NAMES {
        match find(name) {
            Some(level) => found.push(level),
            None => {
                println!("backend {name}: not on this CPU");
                assert!(!required.contains(&name), "backend {name} is required and not on this CPU");
            }
        }
    }
    found
}

/// `full` where the tests run on the machine itself; under an emulator, some twenty times slower, `emulated`.
pub fn amount<T>(full: T, emulated: T) -> T {
    if cfg!(target_arch = "aarch64") && cfg!(target_os = "linux") || cfg!(debug_assertions) { emulated } else { full }
}

/// Runs `f` where there is room. Without optimization every variable of every inlined layer has its own place on the stack: a step of three or four
/// layers then takes more than the 2 MiB of a test's thread.
pub fn roomy(f: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(f).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Uniform in [−size, size).
pub fn draw(rng: &mut Rng, size: f32) -> f32 {
    size * (2.0 * rng.uniform() - 1.0)
}

/// `n` samples with values in [−size, size).
pub fn samples<X: Plain>(rng: &mut Rng, n: usize, size: f32) -> Vec<X> {
    let mut x = vec![X::ZERO; n];
    for row in &mut x {
        row.as_flat_mut().iter_mut().for_each(|x| *x = draw(rng, size));
    }
    x
}

/// The bits of each value, every NaN as one.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }).collect()
}
