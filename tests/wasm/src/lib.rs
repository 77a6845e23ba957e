//! The bit-identity suite and the programs of the firmware as a wasm module. `run.mjs` calls what this exports and judges it.

#![no_std]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rosenblatt_kernels::{Level, identity};
use rosenblatt_programs::{Program, programs};

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

/// Runs a program on the fastest backend.
fn end<P: Program>() -> u64 {
    let (mut net, mut trainer) = (P::NET, P::TRAINER);
    P::run(Level::detect(), &mut net, &mut trainer, |_| {})
}

/// A program: its name, and what runs it.
struct Choice {
    name: &'static str,
    run: fn() -> u64,
}

/// The program of a number from 0.
fn program(index: usize) -> Option<Choice> {
    let mut before = 0..index;
    macro_rules! choose {
        ($name:literal, $program:ty) => {
            if before.next().is_none() {
                return Some(Choice { name: <$program>::NAME, run: end::<$program> });
            }
        };
    }
    programs!(choose);
    None
}

/// Where the name of a program begins in memory.
#[unsafe(no_mangle)]
pub extern "C" fn program_name(index: usize) -> *const u8 {
    program(index).map_or("", |program| program.name).as_ptr()
}

/// How many bytes the name of a program has; 0 beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn program_name_length(index: usize) -> usize {
    program(index).map_or(0, |program| program.name.len())
}

/// Runs a program: the hash it ends in.
#[unsafe(no_mangle)]
pub extern "C" fn program_hash(index: usize) -> u64 {
    program(index).map_or(0, |program| (program.run)())
}

/// A panic traps; node then prints the stack with the functions' names.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
