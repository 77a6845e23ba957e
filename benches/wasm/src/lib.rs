//! The workloads of `benches/counts` as a wasm module, timed. `run.mjs` starts it under node.

use rosenblatt::Backend;
use rosenblatt_counts::{Meter, all};

// What `run.mjs` gives to the module.
//
// SAFETY: both functions exist in `run.mjs` with these types, or the module is not instantiated.
// `report` only reads the name.
unsafe extern "C" {
    /// Milliseconds since some moment.
    safe fn now() -> f64;
    /// Prints a workload's name, of so many bytes, and its nanoseconds.
    safe fn report(name: *const u8, length: usize, nanoseconds: f64);
}

/// Rounds of a workload; the median counts.
const ROUNDS: usize = 9;
/// The shortest round in milliseconds. Clocks of browsers and node tick every few microseconds.
const SHORTEST: f64 = 10.0;

struct Clock;

impl Meter for Clock {
    fn measure(&mut self, name: &str, mut f: impl FnMut()) {
        let mut time = |calls: u32| {
            let start = now();
            for _ in 0..calls {
                f();
            }
            now() - start
        };
        // The engine compiles the module anew while it runs: these calls also wait for that.
        let mut calls = 1;
        while time(calls) < SHORTEST {
            calls *= 2;
        }
        let mut rounds = [0.0; ROUNDS];
        for round in &mut rounds {
            *round = time(calls) / f64::from(calls);
        }
        rounds.sort_by(f64::total_cmp);
        report(name.as_ptr(), name.len(), 1e6 * rounds[ROUNDS / 2]);
    }
}

/// Times every workload on the backend with which the module was built.
#[unsafe(no_mangle)]
pub extern "C" fn run() {
    all(Backend::detect(), &mut Clock);
}
