//! AArch64: start-up by `aarch64-rt`, the generic timer as the clock.

use aarch64_rt::{InitialPagetable, initial_pagetable};
use core::{arch::asm, ptr::addr_of};

#[doc(hidden)]
pub use aarch64_rt;

/// Makes a function `fn() -> !` the one that starts after reset.
#[macro_export]
macro_rules! aarch64_entry {
    ($main:path) => {
        $crate::arch_aarch64_rt::entry!(entry_of_reset, 40);
        fn entry_of_reset(_: u64, _: u64, _: u64, _: u64) -> ! {
            $main()
        }
    };
}
pub use aarch64_entry as entry;

/// Block descriptors for 1 GiB, as in the Arm Architecture Reference Manual (D8.3): valid,
/// accessed, and the index of the memory attribute.
const DEVICE: usize = 1 | 1 << 10 | 1 << 54;
const NORMAL: usize = 1 | 1 << 10 | 1 << 2 | 3 << 8;

// Identity mapping: the first GiB is devices, the second is memory. Attribute 0 is device nGnRE, 1
// is normal write-back memory.
initial_pagetable!(
    {
        let mut map = [0; 512];
        map[0] = DEVICE;
        map[1] = NORMAL | 0x4000_0000;
        InitialPagetable(map)
    },
    0xff04
);

/// Lowest and highest address of the stack.
pub fn stack_bounds() -> (usize, usize) {
    unsafe extern "C" {
        static boot_stack_begin: u32;
        static boot_stack_end: u32;
    }
    (addr_of!(boot_stack_begin) as usize, addr_of!(boot_stack_end) as usize)
}

/// The timer always runs.
pub fn start_clock() {}

/// Ticks since the start. There are no interrupts.
#[inline(never)]
pub fn now() -> (u64, u32) {
    let count: u64;
    // SAFETY: reads the timer.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) count) }
    (count, 0)
}

/// 2,001 instructions: one, then 1,000 rounds of two.
#[inline(always)]
pub fn ruler() {
    // SAFETY: counts a register down.
    unsafe { asm!("mov {n:w}, #1000", "1: subs {n:w}, {n:w}, #1", "b.ne 1b", n = out(reg) _) }
}

/// Waits forever.
pub fn idle() -> ! {
    loop {
        // SAFETY: no memory is accessed. The empty volatile instruction keeps the loop.
        unsafe { asm!("") }
    }
}
