//! Measures the depth of the stack: unused words are filled with a pattern, and changed words were
//! used.

use crate::arch::stack_bounds;
use core::ptr::{read_volatile, write_volatile};

const PAINT: u32 = 0x5ab1_ed57;

/// Bytes below this function's own frame that are not filled.
const MARGIN: usize = 64;

/// Fills the unused part of the stack with the pattern.
#[inline(never)]
pub fn paint() {
    let (bottom, _) = stack_bounds();
    let here = core::hint::black_box(&raw const bottom) as usize;
    let mut at = bottom;
    while at < (here & !3) - MARGIN {
        // SAFETY: nothing is stored between the stack's lowest address and this function's frame.
        unsafe { write_volatile(at as *mut u32, PAINT) };
        at += 4;
    }
}

/// The largest number of stack bytes in use since [`paint`].
#[inline(never)]
pub fn peak() -> usize {
    let (bottom, top) = stack_bounds();
    let mut at = bottom;
    // SAFETY: the words of the stack can be read.
    while at < top && unsafe { read_volatile(at as *const u32) } == PAINT {
        at += 4;
    }
    top - at
}
