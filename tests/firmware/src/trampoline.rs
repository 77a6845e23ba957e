//! Watches every call of a routine in assembly, with the feature `trampoline`, on an emulated
//! Cortex-M whose flash can be written.
//!
//! A trampoline fills the registers that a routine must keep (r4 to r11, s16 to s31), calls the
//! routine and compares. Meanwhile a timer interrupts and spoils the registers that no routine
//! keeps.
//!
//! `cargo xtask qemu` writes addresses and sizes of the routines into [`ROUTINES`]. [`install`]
//! copies each routine and puts a jump over its first eight bytes.

use crate::{Lone, console};
use core::{
    arch::naked_asm,
    ptr::{copy_nonoverlapping, read_volatile, write_volatile},
    sync::atomic::{Ordering::SeqCst, compiler_fence},
};
use cortex_m::{
    asm,
    peripheral::{Peripherals, syst::SystClkSource},
};

/// As many as there may be.
const MOST: usize = 64;
/// Address and size of each routine; size 0 after the last.
#[unsafe(no_mangle)]
static mut ROUTINES: [[u32; 2]; MOST] = [[0xffff_ffff, 0]; MOST];

/// Instructions of a jump: r12 gets the first of the two words behind them, the copy, and pc the
/// second, the trampoline. r12 is free between a call and its callee.
const SLOT: [u32; 2] = [0xc004_f8df, 0xf004_f8df];
/// A jump to the address in the next word.
const JUMP: u32 = 0xf000_f8df;

/// The copies, each with its jump behind it.
#[repr(align(16))]
struct Code([u32; 8192]);
static CODE: Lone<Code> = Lone::new(Code([0; 8192]));

/// What the trampoline works on. It knows the offsets.
#[repr(C)]
struct Watch {
    /// r4 to r11 and s16 to s31 as they are during a call
    fill: [u32; 24],
    /// The same of the caller, then lr and sp
    kept: [u32; 26],
    /// The copy at hand
    at: u32,
    calls: u32,
    /// Calls that spoiled a register
    spoiled: u32,
    /// The first routine that did, as its copy, and the register, counted as in `fill`, then sp
    first: u32,
    register: u32,
}
#[unsafe(no_mangle)]
static mut WATCH: Watch = Watch { fill: [0; 24], kept: [0; 26], at: 0, calls: 0, spoiled: 0, first: 0, register: 0 };

/// How often the timer interrupted.
static mut INTERRUPTS: u32 = 0;

/// Fills registers, calls the copy in r12, compares, and gives the caller its registers back. It
/// keeps nothing on the stack during the call: the callee finds its arguments there.
#[unsafe(naked)]
unsafe extern "C" fn trampoline() {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r0, r1}}",
        "movw r0, #:lower16:{watch}",
        "movt r0, #:upper16:{watch}",
        "str r12, [r0, #200]",
        "ldr r1, [r0, #204]",
        "adds r1, #1",
        "str r1, [r0, #204]",
        "add r1, r0, #96",
        "stmia r1!, {{r4-r11}}",
        "vstmia r1!, {{s16-s31}}",
        "str lr, [r1]",
        "add r4, sp, #8",
        "str r4, [r1, #4]",
        "ldmia r0!, {{r4-r11}}",
        "vldmia r0, {{s16-s31}}",
        "pop {{r0, r1}}",
        "blx r12",
        // r0, r1 and s0 are results; r2, r3 and r12 are free. r12 becomes the number of the first
        // register that differs, 24 for sp or for none.
        "movw r3, #:lower16:{watch}",
        "movt r3, #:upper16:{watch}",
        "ldr r2, [r3, #196]",
        "mov r12, #24",
        "cmp sp, r2",
        "bne 2f",
        "push {{r0, r1}}",
        "sub sp, #96",
        "mov r0, sp",
        "stmia r0!, {{r4-r11}}",
        "vstmia r0, {{s16-s31}}",
        "mov r12, #0",
        "mov r0, sp",
        "mov r1, r3",
        "1: ldr r2, [r0], #4",
        "ldr r4, [r1], #4",
        "cmp r2, r4",
        "bne 3f",
        "add r12, #1",
        "cmp r12, #24",
        "bne 1b",
        "3: add sp, #96",
        "pop {{r0, r1}}",
        "cmp r12, #24",
        "beq 4f",
        // Something is spoiled.
        "2: ldr r2, [r3, #208]",
        "adds r2, #1",
        "str r2, [r3, #208]",
        "cmp r2, #1",
        "bne 4f",
        "str r12, [r3, #216]",
        "ldr r2, [r3, #200]",
        "str r2, [r3, #212]",
        "4: ldr r2, [r3, #196]",
        "mov sp, r2",
        "add r2, r3, #96",
        "ldmia r2!, {{r4-r11}}",
        "vldmia r2!, {{s16-s31}}",
        "ldr lr, [r2]",
        "bx lr",
        watch = sym WATCH,
    )
}

/// Spoils what no callee keeps, and how to compute: round to zero, flush, default NaN.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn SysTick() {
    #[cfg(not(feature = "helium"))]
    macro_rules! spoil {
        () => {
            "vmov s0, r0\nvmov s1, r0\nvmov s2, r0\nvmov s3, r0\nvmov s4, r0\nvmov s5, r0\nvmov s6, r0\nvmov s7, r0\n\
            vmov s8, r0\nvmov s9, r0\nvmov s10, r0\nvmov s11, r0\nvmov s12, r0\nvmov s13, r0\nvmov s14, r0\nvmov s15, r0"
        };
    }
    #[cfg(feature = "helium")]
    macro_rules! spoil {
        () => {
            "vdup.32 q0, r0\nvdup.32 q1, r0\nvdup.32 q2, r0\nvdup.32 q3, r0\nvmsr vpr, r0"
        };
    }
    naked_asm!(
        ".fpu fpv4-sp-d16",
        #[cfg(feature = "helium")]
        ".arch armv8.1-m.main\n.arch_extension mve.fp",
        "movw r0, #:lower16:{interrupts}",
        "movt r0, #:upper16:{interrupts}",
        "ldr r1, [r0]",
        "adds r1, #1",
        "str r1, [r0]",
        "mvn r0, #0x5a",
        spoil!(),
        "mov r0, #0x03c00000",
        "vmsr fpscr, r0",
        "mov r1, r0",
        "mov r2, r0",
        "mov r3, r0",
        "mov r12, r0",
        "bx lr",
        #[cfg(feature = "helium")]
        ".arch armv8-m.main\n.fpu fpv5-sp-d16",
        interrupts = sym INTERRUPTS,
    )
}

/// Ticks from an interrupt to the next, 500 to 650 instructions in the emulator. A prime number,
/// which is in step with no loop.
const PERIOD: u32 = 4001;

/// Puts the trampoline before every routine, and starts the timer.
/// # Safety
/// Only once, before any routine is called.
pub unsafe fn install() {
    // SAFETY: the caller calls this once.
    let code = unsafe { CODE.take() };
    let mut free = code.0.as_mut_ptr();
    for i in 0..24 {
        // SAFETY: the one thread; the values are no routine's.
        unsafe { (&raw mut WATCH.fill).cast::<u32>().add(i).write_volatile(0xa5c3_0000 + 0x0101 * i as u32) };
    }
    for i in 0..MOST {
        // SAFETY: i < MOST. Another program has written what is read, hence volatile.
        let [start, size] = unsafe { read_volatile((&raw const ROUTINES).cast::<[u32; 2]>().add(i)) };
        if size == 0 {
            break;
        }
        let words = size.div_ceil(4) as usize;
        // SAFETY: the routine's bytes are code in memory that the emulator lets be written; the
        // copies take less than CODE has (the tool looks).
        unsafe {
            let from = start as *mut u32;
            copy_nonoverlapping(from, free, words);
            let copy = free as u32 | 1;
            free = free.add(words);
            let slot = free;
            for (i, word) in [SLOT[0], SLOT[1], copy, trampoline as *const () as u32 | 1].into_iter().enumerate() {
                write_volatile(slot.add(i), word);
            }
            free = free.add(4);
            write_volatile(from, JUMP);
            write_volatile(from.add(1), slot as u32 | 1);
        }
    }
    compiler_fence(SeqCst);
    asm::dsb();
    asm::isb();
    // SAFETY: nobody else has the peripherals.
    let mut clock = unsafe { Peripherals::steal() }.SYST;
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(PERIOD);
    clock.clear_current();
    clock.enable_interrupt();
    clock.enable_counter();
}

/// Says what was seen.
pub fn report() {
    // SAFETY: nobody else has the peripherals.
    unsafe { Peripherals::steal() }.SYST.disable_interrupt();
    // SAFETY: the trampoline is not at work.
    let watch = unsafe { read_volatile(&raw const WATCH) };
    console::line("calls", watch.calls);
    // SAFETY: the interrupt is off.
    console::line("interrupts", unsafe { read_volatile(&raw const INTERRUPTS) });
    console::line("spoiled", watch.spoiled);
    console::line("register", watch.register);
    // The number of the routine, by its copy.
    let mut at = CODE.0.get() as u32 | 1;
    let mut number = u32::MAX;
    for i in 0..MOST {
        // SAFETY: i < MOST.
        let [_, size] = unsafe { read_volatile((&raw const ROUTINES).cast::<[u32; 2]>().add(i)) };
        if watch.first == at {
            number = i as u32;
        }
        at += size.div_ceil(4) * 4 + 16;
    }
    console::line("routine", number);
}
