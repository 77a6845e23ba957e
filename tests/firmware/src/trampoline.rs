//! Checks every call of an assembly routine, with the feature `trampoline`, on an emulated Cortex-M
//! whose flash is writable.
//!
//! A trampoline fills the registers that a routine must keep (r4 to r11, s16 to s31), calls the
//! routine and compares them. Meanwhile a timer interrupts and overwrites the registers that a
//! routine need not keep.
//!
//! `cargo xtask qemu` writes the routines' addresses and sizes into [`ROUTINES`]. [`install`]
//! copies each routine and overwrites its first eight bytes with a jump.

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

/// The greatest number of routines.
const MOST: usize = 64;
/// Address and size of each routine. The entry after the last has size 0.
#[unsafe(no_mangle)]
static mut ROUTINES: [[u32; 2]; MOST] = [[0xffff_ffff, 0]; MOST];

/// Instructions of a jump. They load r12 and pc from the two words after them: r12 with the address
/// of the copy, pc with that of the trampoline. A call may change r12.
const SLOT: [u32; 2] = [0xc004_f8df, 0xf004_f8df];
/// A jump to the address in the next word.
const JUMP: u32 = 0xf000_f8df;

/// The copies, each followed by its jump.
#[repr(align(16))]
struct Code([u32; 8192]);
static CODE: Lone<Code> = Lone::new(Code([0; 8192]));

/// Data of the trampoline, which contains the offsets of the fields.
#[repr(C)]
struct Watch {
    /// Values of r4 to r11 and s16 to s31 during a call
    fill: [u32; 24],
    /// The caller's values of the same registers, then lr and sp
    kept: [u32; 26],
    /// Address of the called copy
    at: u32,
    calls: u32,
    /// Number of calls that spoiled a register
    spoiled: u32,
    /// Address of the first copy that did, and the register's index in `fill`; sp has the index
    /// after the last
    first: u32,
    register: u32,
}
#[unsafe(no_mangle)]
static mut WATCH: Watch =
    Watch { fill: [0; 24], kept: [0; 26], at: 0, calls: 0, spoiled: 0, first: 0, register: 0 };

/// Number of interrupts of the timer.
static mut INTERRUPTS: u32 = 0;

/// Fills registers, calls the copy in r12, compares, and restores the caller's registers. It keeps
/// nothing on the stack during the call, because the routine finds its arguments there.
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
        // r0, r1 and s0 are results; r2, r3 and r12 are free. r12 becomes the index of the first
        // register that differs. 24 means sp or none.
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
        // A register was spoiled.
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

/// Overwrites the registers that a routine need not keep, and the floating-point settings: round to
/// zero, flush, default NaN.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn SysTick() {
    #[cfg(not(feature = "helium"))]
    macro_rules! spoil {
        () => {
            "vmov s0, r0\nvmov s1, r0\nvmov s2, r0\nvmov s3, r0\n\
             vmov s4, r0\nvmov s5, r0\nvmov s6, r0\nvmov s7, r0\n\
             vmov s8, r0\nvmov s9, r0\nvmov s10, r0\nvmov s11, r0\n\
             vmov s12, r0\nvmov s13, r0\nvmov s14, r0\nvmov s15, r0"
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

/// Ticks between two interrupts, 500 to 650 instructions in the emulator. It is a prime number, so
/// that it does not synchronize with a loop.
const PERIOD: u32 = 4001;

/// Installs the trampoline in front of every routine, and starts the timer.
/// # Safety
/// Must be called only once, before any routine is called.
pub unsafe fn install() {
    // SAFETY: the caller calls this once.
    let code = unsafe { CODE.take() };
    let mut free = code.0.as_mut_ptr();
    for i in 0..24 {
        // SAFETY: there is one thread, and no routine uses the values.
        unsafe {
            (&raw mut WATCH.fill)
                .cast::<u32>()
                .add(i)
                .write_volatile(0xa5c3_0000 + 0x0101 * i as u32)
        };
    }
    for i in 0..MOST {
        // SAFETY: i < MOST. The read is volatile, because another program has written the value.
        let [start, size] =
            unsafe { read_volatile((&raw const ROUTINES).cast::<[u32; 2]>().add(i)) };
        if size == 0 {
            break;
        }
        let words = size.div_ceil(4) as usize;
        // SAFETY: the routine's bytes are code in memory that is writable in the emulator.
        // `cargo xtask qemu` checks that the copies fit into CODE.
        unsafe {
            let from = start as *mut u32;
            copy_nonoverlapping(from, free, words);
            let copy = free as u32 | 1;
            free = free.add(words);
            let slot = free;
            for (i, word) in
                [SLOT[0], SLOT[1], copy, trampoline as *const () as u32 | 1].into_iter().enumerate()
            {
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
    // SAFETY: nothing else uses the peripherals.
    let mut clock = unsafe { Peripherals::steal() }.SYST;
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(PERIOD);
    clock.clear_current();
    clock.enable_interrupt();
    clock.enable_counter();
}

/// Prints the results.
pub fn report() {
    // SAFETY: nothing else uses the peripherals.
    unsafe { Peripherals::steal() }.SYST.disable_interrupt();
    // SAFETY: the trampoline is not running.
    let watch = unsafe { read_volatile(&raw const WATCH) };
    console::line("calls", watch.calls);
    // SAFETY: the interrupt is off.
    console::line("interrupts", unsafe { read_volatile(&raw const INTERRUPTS) });
    console::line("spoiled", watch.spoiled);
    console::line("register", watch.register);
    // Finds the routine's index by the address of its copy.
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
