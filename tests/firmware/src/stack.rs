//! How deep the stack was: it is painted, and what lost its paint was used.

use crate::arch::stack_bounds;
use core::ptr::{read_volatile, write_volatile};

const PAINT: u32 = 0x5ab1_ed57;

/// Left unpainted below this function's own frame.
const MARGIN: usize = 64;

/// Paints all of the stack that is not in use.
#[inline(never)]
pub fn paint() {
    let (bottom, _) = stack_bounds();
    let here = core::hint::black_box(&raw const bottom) as usize;
    let mut at = bottom;
    while at < (here & !3) - MARGIN {
        // SAFETY: between the stack's end and this function's frame nothing lives.
        unsafe { write_volatile(at as *mut u32, PAINT) };
        at += 4;
    }
}

/// The most bytes of stack in use since it was painted.
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
