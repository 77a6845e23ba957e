//! The bit-identity suite and the firmware's programs as a wasm module. `run.mjs` calls the
//! exported functions and checks their results.

#![no_std]

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use rosenblatt_kernels::Backend;
use rosenblatt_programs::{Program, programs, receipt, travel, xor};
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

/// A checkpoint of the program `travel`. `carry.mjs` writes it, and reads the next one.
static CHECKPOINT: [AtomicU8; travel::BYTES] = [const { AtomicU8::new(0) }; travel::BYTES];
static CARRIED: AtomicU64 = AtomicU64::new(0);

/// Address of the checkpoint.
#[unsafe(no_mangle)]
pub extern "C" fn carry_buffer() -> *const AtomicU8 {
    CHECKPOINT.as_ptr()
}

/// Length of the checkpoint in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn carry_bytes() -> usize {
    travel::BYTES
}

/// Goes on from the checkpoint by some steps, and replaces it. 1 if the training has ended, 0 if
/// not, −1 if the checkpoint is refused.
#[unsafe(no_mangle)]
pub extern "C" fn carry_on(steps: usize) -> i32 {
    let from = CHECKPOINT.each_ref().map(|byte| byte.load(Ordering::Relaxed));
    let (mut net, mut trainer) = (travel::Net::ZERO, travel::NetTrainer::ZERO);
    let mut to = [0; travel::BYTES];
    let done =
        travel::carry(Backend::detect(), &mut net, &mut trainer, &from, steps, &mut to, |_| {});
    CHECKPOINT.iter().zip(to).for_each(|(old, new)| old.store(new, Ordering::Relaxed));
    CARRIED.store(net.hash(), Ordering::Relaxed);
    done.map_or(-1, i32::from)
}

/// The hash of the network after `carry_on`.
#[unsafe(no_mangle)]
pub extern "C" fn carry_hash() -> u64 {
    CARRIED.load(Ordering::Relaxed)
}

/// A receipt of the program `receipt`, which `replay.mjs` writes.
static RECEIPT: [AtomicU8; receipt::BYTES] = [const { AtomicU8::new(0) }; receipt::BYTES];
static REPLAYED: AtomicU64 = AtomicU64::new(0);

/// Address of the receipt.
#[unsafe(no_mangle)]
pub extern "C" fn receipt_buffer() -> *const AtomicU8 {
    RECEIPT.as_ptr()
}

/// Length of the receipt in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn receipt_bytes() -> usize {
    receipt::BYTES
}

/// Replays the receipt. 1 if the training is the same, 0 if it departs, −1 if the receipt is
/// refused.
#[unsafe(no_mangle)]
pub extern "C" fn receipt_replay() -> i32 {
    let bytes = RECEIPT.each_ref().map(|byte| byte.load(Ordering::Relaxed));
    let (mut net, mut trainer) = (xor::Net::ZERO, xor::NetTrainer::ZERO);
    let verdict = receipt::replay(Backend::detect(), &mut net, &mut trainer, &bytes);
    REPLAYED.store(net.hash(), Ordering::Relaxed);
    verdict.map_or(-1, |verdict| verdict.is_same().into())
}

/// The hash of the network after `receipt_replay`.
#[unsafe(no_mangle)]
pub extern "C" fn receipt_hash() -> u64 {
    REPLAYED.load(Ordering::Relaxed)
}

/// A panic traps. node then prints the stack with the functions' names.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
