//! The bit-identity suite and the firmware's programs as a wasm module. `run.mjs` calls the
//! exported functions and checks their results.

#![no_std]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rosenblatt_kernels::Backend;
use rosenblatt_programs::{Program, programs};
use rosenblatt_suite::identity;

static CHECKS: AtomicU32 = AtomicU32::new(0);
static MISMATCHES: AtomicU32 = AtomicU32::new(0);
static HASH: AtomicU64 = AtomicU64::new(0);

/// Runs the suite on the fastest backend. Afterwards `checks`, `mismatches` and `hash` give its
/// results.
#[unsafe(no_mangle)]
pub extern "C" fn run() {
    let outcome = identity::run(Backend::detect());
    CHECKS.store(outcome.checks, Ordering::Relaxed);
    MISMATCHES.store(outcome.mismatches, Ordering::Relaxed);
    HASH.store(outcome.hash, Ordering::Relaxed);
}

/// The number of comparisons with the scalar backend.
#[unsafe(no_mangle)]
pub extern "C" fn checks() -> u32 {
    CHECKS.load(Ordering::Relaxed)
}

/// The number of comparisons in which a bit differed.
#[unsafe(no_mangle)]
pub extern "C" fn mismatches() -> u32 {
    MISMATCHES.load(Ordering::Relaxed)
}

/// A hash of all results.
#[unsafe(no_mangle)]
pub extern "C" fn hash() -> u64 {
    HASH.load(Ordering::Relaxed)
}

/// Address of the backend's name.
#[unsafe(no_mangle)]
pub extern "C" fn backend_name() -> *const u8 {
    Backend::detect().name().as_ptr()
}

/// Length of the backend's name in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn backend_name_length() -> usize {
    Backend::detect().name().len()
}

/// Runs a program on the fastest backend.
fn end<P: Program>() -> u64 {
    let (mut net, mut trainer) = (P::NET, P::TRAINER);
    P::run(Backend::detect(), &mut net, &mut trainer, |_| {})
}

/// A program: its name, and the function that runs it.
struct Choice {
    name: &'static str,
    run: fn() -> u64,
}

/// The program with an index from 0.
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

/// Address of a program's name.
#[unsafe(no_mangle)]
pub extern "C" fn program_name(index: usize) -> *const u8 {
    program(index).map_or("", |program| program.name).as_ptr()
}

/// Length of a program's name in bytes; 0 beyond the last program.
#[unsafe(no_mangle)]
pub extern "C" fn program_name_length(index: usize) -> usize {
    program(index).map_or(0, |program| program.name.len())
}

/// Runs a program and gives its hash.
#[unsafe(no_mangle)]
pub extern "C" fn program_hash(index: usize) -> u64 {
    program(index).map_or(0, |program| (program.run)())
}

/// A panic traps. node then prints the stack with the functions' names.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
