//! Planted defects, with which the checks prove that they find such defects. A feature plants them,
//! or a cfg if the kernels take part.

use core::hint::black_box;

/// Moves the first value by one bit, with the feature `planted-ulp`.
pub fn spoil(values: &mut [f32]) {
    if cfg!(feature = "planted-ulp")
        && let Some(value) = values.first_mut()
    {
        *value = value.next_up();
    }
}

/// Plants the defect of the chosen feature or cfg in the linked firmware.
#[inline(always)]
pub fn plant() {
    if cfg!(feature = "planted-panic") {
        let values = black_box([1u8, 2, 3]);
        black_box(values[black_box(0usize)]);
    }
    if cfg!(feature = "planted-double") {
        black_box(black_box(1.5f64) * black_box(2.5f64));
    }
    #[cfg(all(rosenblatt_planted_spoil, target_arch = "arm", target_abi = "eabihf"))]
    spoiled::keep();
    #[cfg(feature = "planted-alloc")]
    {
        extern crate alloc;
        // Not a `Box`: it panics if there is no memory, and another check would find that panic.
        // SAFETY: the layout has a size.
        black_box(unsafe { alloc::alloc::alloc(core::alloc::Layout::new::<u32>()) });
    }
}

/// Assembly routines that spoil registers of their callers. Nothing calls them, and the check must
/// find that too.
#[cfg(all(rosenblatt_planted_spoil, target_arch = "arm", target_abi = "eabihf"))]
mod spoiled {
    use core::arch::naked_asm;

    /// Saves nothing.
    #[unsafe(no_mangle)]
    #[unsafe(naked)]
    extern "C" fn planted_unsaved() {
        naked_asm!("ldm r0, {{r4-r11}}", "bx lr")
    }

    /// Restores other registers than it has saved.
    #[unsafe(no_mangle)]
    #[unsafe(naked)]
    extern "C" fn planted_mixed() {
        naked_asm!("push {{r4-r6, lr}}", "ldm r0, {{r4-r6}}", "pop {{r5-r7, pc}}")
    }

    /// Writes a Helium register as one of four lanes.
    #[cfg(feature = "helium")]
    #[unsafe(no_mangle)]
    #[unsafe(naked)]
    extern "C" fn planted_lanes() {
        naked_asm!(
            ".arch armv8.1-m.main",
            ".arch_extension mve.fp",
            "vpush {{d8-d13}}",
            "vctp.32 r1",
            "vpst",
            "vldrwt.u32 q7, [r0]",
            "vpop {{d8-d13}}",
            "bx lr",
            ".arch armv8-m.main",
            ".fpu fpv5-sp-d16",
        )
    }

    /// Keeps the routines in the linked firmware.
    #[inline(always)]
    pub fn keep() {
        core::hint::black_box([planted_unsaved as extern "C" fn(), planted_mixed]);
        #[cfg(feature = "helium")]
        core::hint::black_box(planted_lanes as extern "C" fn());
    }
}

/// An allocator without memory, sufficient for linking.
#[cfg(feature = "planted-alloc")]
struct Nothing;

// SAFETY: it never returns memory, which an allocator may do.
#[cfg(feature = "planted-alloc")]
unsafe impl core::alloc::GlobalAlloc for Nothing {
    // Not inlined, and its result hidden from the compiler. Otherwise the allocation would be
    // optimized away.
    #[inline(never)]
    unsafe fn alloc(&self, _: core::alloc::Layout) -> *mut u8 {
        black_box(core::ptr::null_mut())
    }
    unsafe fn dealloc(&self, _: *mut u8, _: core::alloc::Layout) {}
}

#[cfg(feature = "planted-alloc")]
#[global_allocator]
static NOTHING: Nothing = Nothing;
