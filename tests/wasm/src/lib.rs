//! The bit-identity suite as a wasm module. `run.mjs` calls what this exports and judges it.

#![no_std]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rosenblatt_kernels::{Level, identity};

static CHECKS: AtomicU32 = AtomicU32::new(0);
static MISMATCHES: AtomicU32 = AtomicU32::new(0);
static HASH: AtomicU64 = AtomicU64::new(0);

/// Runs the suite on the fastest backend; `checks`, `mismatches` and `hash` then tell what came of it.
#[unsafe(no_mangle)]
pub extern "C" fn run() {
    let outcome = identity::run(Level::detect());
    CHECKS.store(outcome.checks, Ordering::Relaxed);
    MISMATCHES.store(outcome.mismatches, Ordering::Relaxed);
    HASH.store(outcome.hash, Ordering::Relaxed);
}

/// How many comparisons with the scalar backend were made.
#[unsafe(no_mangle)]
pub extern "C" fn checks() -> u32 {
    CHECKS.load(Ordering::Relaxed)
}

/// How many of them differed in a bit.
#[unsafe(no_mangle)]
pub extern "C" fn mismatches() -> u32 {
    MISMATCHES.load(Ordering::Relaxed)
}

/// A hash of all results.
#[unsafe(no_mangle)]
pub extern "C" fn hash() -> u64 {
    HASH.load(Ordering::Relaxed)
}

/// Where the backend's name begins in memory.
#[unsafe(no_mangle)]
pub extern "C" fn level_name() -> *const u8 {
    Level::detect().name().as_ptr()
}

/// How many bytes the backend's name has.
#[unsafe(no_mangle)]
pub extern "C" fn level_name_length() -> usize {
    Level::detect().name().len()
}

/// A panic traps; node then prints the stack with the functions' names.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
