//! Cortex-M: start-up by `cortex-m-rt`, SysTick as the clock.

use core::{
    arch::asm,
    ptr::{addr_of, read_volatile},
};
use cortex_m::peripheral::{Peripherals, SYST, syst::SystClkSource};
// Links the vectors and the reset handler.
use cortex_m_rt as _;

/// Makes a function `fn() -> !` the one that starts after reset.
#[macro_export]
macro_rules! cortex_m_entry {
    ($main:path) => {
        #[unsafe(export_name = "main")]
        extern "C" fn entry_of_reset() -> ! {
            $main()
        }
    };
}
pub use cortex_m_entry as entry;

/// Lowest and highest address of the stack.
pub fn stack_bounds() -> (usize, usize) {
    unsafe extern "C" {
        static _stack_end: u32;
        static _stack_start: u32;
    }
    (addr_of!(_stack_end) as usize, addr_of!(_stack_start) as usize)
}

/// The clock counts down in 24 bits.
const RELOAD: u32 = 0x00ff_ffff;

/// How often the clock has restarted.
#[cfg_attr(not(feature = "bare"), unsafe(no_mangle))]
static mut CLOCK_INTERRUPTS: u32 = 0;

/// Counts in five instructions, which `cargo xtask qemu` subtracts.
#[cfg(not(any(feature = "bare", feature = "trampoline")))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn SysTick() {
    core::arch::naked_asm!(
        "ldr r0, 1f",
        "ldr r1, [r0]",
        "adds r1, #1",
        "str r1, [r0]",
        "bx lr",
        ".balign 4",
        "1: .word {count}",
        count = sym CLOCK_INTERRUPTS,
    )
}

/// Starts the clock.
pub fn start_clock() {
    // SAFETY: nothing else uses the peripherals.
    let mut clock = unsafe { Peripherals::steal() }.SYST;
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(RELOAD);
    clock.clear_current();
    clock.enable_interrupt();
    clock.enable_counter();
}

/// Ticks since the start, and the number of interrupts.
#[inline(never)]
pub fn now() -> (u64, u32) {
    loop {
        // SAFETY: one word that only the interrupt handler writes.
        let before = unsafe { read_volatile(&raw const CLOCK_INTERRUPTS) };
        let left = SYST::get_current();
        // SAFETY: as above.
        let after = unsafe { read_volatile(&raw const CLOCK_INTERRUPTS) };
        if before == after {
            return (u64::from(after) * u64::from(RELOAD + 1) + u64::from(RELOAD - left), after);
        }
    }
}

/// 2,001 instructions: one that loads a small number on every core, then 250 rounds of eight.
#[inline(always)]
pub fn ruler() {
    // SAFETY: counts a register down.
    unsafe {
        asm!(
            "movs {n}, #250",
            "1:",
            ".rept 6",
            "nop",
            ".endr",
            "subs {n}, #1",
            "bne 1b",
            n = out(reg) _
        )
    }
}

/// Waits forever.
pub fn idle() -> ! {
    loop {
        // SAFETY: no memory is accessed. The empty volatile instruction keeps the loop.
        unsafe { asm!("") }
    }
}
