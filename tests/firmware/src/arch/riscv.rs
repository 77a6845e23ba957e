//! RISC-V: start-up by `riscv-rt`, the counter of retired instructions as the clock.

use core::{arch::asm, ptr::addr_of};

// Links the reset code, which also enables the floating-point unit.
use riscv_rt as _;

/// Makes a function `fn() -> !` the one that starts after reset.
#[macro_export]
macro_rules! riscv_entry {
    ($main:path) => {
        #[unsafe(export_name = "main")]
        extern "C" fn entry_of_reset() -> ! {
            $main()
        }
    };
}
pub use riscv_entry as entry;

/// Lowest and highest address of the stack.
pub fn stack_bounds() -> (usize, usize) {
    unsafe extern "C" {
        static __estack: u32;
        static _stack_start: u32;
    }
    // The crate's symbol `_stack_start` is the highest address.
    (addr_of!(__estack) as usize, addr_of!(_stack_start) as usize)
}

/// The counter always runs.
pub fn start_clock() {}

/// Instructions since the start. There are no interrupts.
#[inline(never)]
pub fn now() -> (u64, u32) {
    let count: u32;
    // SAFETY: reads a register of the machine mode, in which the firmware runs.
    unsafe { asm!("csrr {}, minstret", out(reg) count) }
    (count.into(), 0)
}

/// 2,001 instructions: one, then 1,000 rounds of two.
#[inline(always)]
pub fn ruler() {
    // SAFETY: counts a register down.
    unsafe { asm!("li {n}, 1000", "1: addi {n}, {n}, -1", "bnez {n}, 1b", n = out(reg) _) }
}

/// Waits forever.
pub fn idle() -> ! {
    loop {
        // SAFETY: no memory is accessed. The empty volatile instruction keeps the loop.
        unsafe { asm!("") }
    }
}
