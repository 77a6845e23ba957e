//! Shared by the tests: the available backends, inputs and targets, the data sets, a network's
//! parameters as bits.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod data;
pub mod judge;
pub mod slopes;

use rosenblatt::{
    Backend, Rng,
    kernels::{F32Array, backend::NAMES},
};
use std::sync::OnceLock;

/// The backends of this CPU, slowest first. The missing ones are printed. The backends that the
/// environment variable `REQUIRE_BACKEND` lists (separated by commas) must be present.
pub fn backends() -> Vec<Backend> {
    static FOUND: OnceLock<Vec<Backend>> = OnceLock::new();
    let find = || {
        let required = std::env::var("REQUIRE_BACKEND").unwrap_or_default();
        pick(&required, |name| name.parse().ok())
    };
    FOUND.get_or_init(find).clone()
}

/// Those of all backends that `find` returns; fails if a required one is missing.
pub fn pick(required: &str, find: impl Fn(&str) -> Option<Backend>) -> Vec<Backend> {
    let required: Vec<_> =
        required.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &required {
        assert!(NAMES.contains(name), "REQUIRE_BACKEND: no backend is named {name}");
    }
    let mut found = Vec::new();
    for name in NAMES {
        match find(name) {
            Some(backend) => found.push(backend),
            None => {
                println!("backend {name}: not on this CPU");
                assert!(
                    !required.contains(&name),
                    "backend {name} is required and not on this CPU"
                );
            }
        }
    }
    found
}

/// `emulated` in a debug build and on AArch64 Linux, where the tests run under an emulator, about
/// twenty times slower; `full` elsewhere.
pub fn amount<T>(full: T, emulated: T) -> T {
    if cfg!(target_arch = "aarch64") && cfg!(target_os = "linux") || cfg!(debug_assertions) {
        emulated
    } else {
        full
    }
}

/// Runs `f` on a thread with a large stack. Without optimization every variable of every inlined
/// layer has its own place on the stack. A step of three or four layers then needs more than the 2
/// MiB of a test's thread.
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
pub fn samples<X: F32Array>(rng: &mut Rng, n: usize, size: f32) -> Vec<X> {
    let mut x = vec![X::ZERO; n];
    for row in &mut x {
        row.as_flat_mut().iter_mut().for_each(|x| *x = draw(rng, size));
    }
    x
}

/// The bits of each value. All NaN have the same bits.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }).collect()
}

/// Samples and targets of one number as a dataset.
#[allow(dead_code, reason = "tests/golden has no use of it")]
pub fn dataset<'a, X, T>(x: &'a [X], t: &'a [T]) -> rosenblatt::Dataset<'a, X, T> {
    rosenblatt::Dataset::new(x, t).expect("as many targets as samples")
}
