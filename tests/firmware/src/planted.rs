//! Defects that a feature plants, so that the checks can show that they would find them.

use core::hint::black_box;

/// Moves the first value by one bit, with the feature `planted-ulp`.
pub fn spoil(values: &mut [f32]) {
    if cfg!(feature = "planted-ulp")
        && let Some(value) = values.first_mut()
    {
        *value = value.next_up();
    }
}

/// Leaves what the chosen feature plants in the linked firmware.
#[inline(always)]
pub fn plant() {
    if cfg!(feature = "planted-panic") {
        let values = black_box([1u8, 2, 3]);
        black_box(values[black_box(0usize)]);
    }
    if cfg!(feature = "planted-double") {
        black_box(black_box(1.5f64) * black_box(2.5f64));
    }
    #[cfg(feature = "planted-alloc")]
    {
        extern crate alloc;
        // Not a `Box`, which panics where there is no memory, and so would be caught by another check.
        // SAFETY: the layout has a size.
        black_box(unsafe { alloc::alloc::alloc(core::alloc::Layout::new::<u32>()) });
    }
}

/// An allocator that has nothing to give: enough to link with.
#[cfg(feature = "planted-alloc")]
struct Nothing;

// SAFETY: it never gives memory out, which an allocator may do.
#[cfg(feature = "planted-alloc")]
unsafe impl core::alloc::GlobalAlloc for Nothing {
    // Not to be inlined, nor its result to be foreseen: nothing would be left to be found.
    #[inline(never)]
    unsafe fn alloc(&self, _: core::alloc::Layout) -> *mut u8 {
        black_box(core::ptr::null_mut())
    }
    unsafe fn dealloc(&self, _: *mut u8, _: core::alloc::Layout) {}
}

#[cfg(feature = "planted-alloc")]
#[global_allocator]
static NOTHING: Nothing = Nothing;
