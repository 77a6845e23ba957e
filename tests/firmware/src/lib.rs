//! Shared by the firmware's programs: start-up, output, counting of instructions, measurement of
//! the stack.
//!
//! A program prints lines `name value` with values in hexadecimal, and ends the emulator.
//! `cargo xtask qemu` checks them.
#![no_std]

mod arch;
#[cfg(target_arch = "aarch64")]
#[doc(hidden)]
pub use arch::aarch64_rt as arch_aarch64_rt;
pub mod console;
pub mod planted;
pub mod stack;
#[cfg(all(feature = "trampoline", target_arch = "arm", target_abi = "eabihf"))]
mod trampoline;

pub use arch::entry;
pub use semihosting;

use core::{cell::UnsafeCell, hint::black_box};
use rosenblatt::Backend;
use rosenblatt_programs::Program;

/// A value in a `static` of exactly its own size. The firmware has only one thread.
#[repr(transparent)]
pub struct Lone<T>(UnsafeCell<T>);

// SAFETY: the firmware has one thread, and its one interrupt handler touches no `Lone`.
unsafe impl<T> Sync for Lone<T> {}

impl<T> Lone<T> {
    /// Stores the value.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value, mutable.
    /// # Safety
    /// Must be called only once.
    #[allow(clippy::mut_from_ref, reason = "the caller promises to ask once")]
    pub unsafe fn take(&self) -> &mut T {
        // SAFETY: there is one thread, and the caller calls this once.
        unsafe { &mut *self.0.get() }
    }
}

/// Runs a program and reports its results.
pub fn run<P: Program>(net: &'static mut P::Net, trainer: &'static mut P::Trainer) -> ! {
    planted::plant();
    if cfg!(feature = "bare") {
        black_box(P::run(Backend::baseline(), net, trainer, |_| {}));
        arch::idle();
    }
    stack::paint();
    #[cfg(all(feature = "trampoline", target_arch = "arm", target_abi = "eabihf"))]
    // SAFETY: this function is called once, and no routine has been called yet.
    unsafe {
        trampoline::install();
    }
    let hash = P::run(Backend::baseline(), net, trainer, planted::spoil);
    #[cfg(all(feature = "trampoline", target_arch = "arm", target_abi = "eabihf"))]
    trampoline::report();
    let peak = stack::peak();
    console::line64("hash", hash);
    console::line("stack", peak as u32);
    console::line("net", size_of::<P::Net>() as u32);
    console::line("trainer", size_of::<P::Trainer>() as u32);
    arch::start_clock();
    let empty = ticks(|| true).0;
    let counted = |name, (ticks, interrupts, there): (u64, u32, bool)| {
        if there {
            console::line64(name, ticks - empty);
            console::line("interrupts", interrupts);
        }
    };
    // A known number of instructions, to check the emulator's clock.
    counted(
        "ruler",
        ticks(|| {
            arch::ruler();
            true
        }),
    );
    // An emulator translates code on its first run. The count does not change: the first and later
    // runs give the same.
    counted("infer", ticks(|| P::infer(black_box(net))));
    counted("step", ticks(|| P::step(black_box(net), black_box(trainer))));
    semihosting::process::exit(0)
}

/// The number of ticks of the emulator's clock that a call takes, and of its interrupts meanwhile.
#[inline(never)]
fn ticks(f: impl FnOnce() -> bool) -> (u64, u32, bool) {
    let (start, before) = arch::now();
    let there = black_box(f());
    let (end, after) = arch::now();
    (end - start, after - before, there)
}

/// The statics and the entry of a program that cannot panic. A panic would be a link error.
#[macro_export]
macro_rules! program {
    ($program:ty) => {
        $crate::statics!($program);

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            unsafe extern "C" {
                fn this_firmware_can_panic() -> !;
            }
            // SAFETY: the function does not exist. The program links only if no panic is left, and
            // then this is never run.
            unsafe { this_firmware_can_panic() }
        }
    };
}

/// The statics and the entry of a test suite, which panics if a test fails.
#[macro_export]
macro_rules! suite {
    ($program:ty) => {
        $crate::statics!($program);

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            $crate::console::text("panic\n");
            $crate::semihosting::process::exit(1)
        }
    };
}

/// Shared by [`program`] and [`suite`].
#[macro_export]
macro_rules! statics {
    ($program:ty) => {
        use rosenblatt_programs::Program;

        // `cargo xtask qemu` finds their sizes and sections by these names.
        #[unsafe(no_mangle)]
        static NET: $crate::Lone<<$program as Program>::Net> =
            $crate::Lone::new(<$program as Program>::NET);
        #[unsafe(no_mangle)]
        static TRAINER: $crate::Lone<<$program as Program>::Trainer> =
            $crate::Lone::new(<$program as Program>::TRAINER);

        $crate::entry!(main);
        fn main() -> ! {
            // SAFETY: the start-up code calls this once.
            let (net, trainer) = unsafe { (NET.take(), TRAINER.take()) };
            $crate::run::<$program>(net, trainer)
        }
    };
}
