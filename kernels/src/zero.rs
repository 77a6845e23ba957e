//! Values that are zero bits at the start, made where they are to stay.

use crate::plain::Plain;

/// A type of which a value is all zero bits: that value can lie in `.bss`, or be made on the heap without passing the stack.
///
/// Types of one's own get it by [`zero_bits!`](crate::zero_bits), which looks at every field.
///
/// # Safety
/// A value whose bytes are all 0 must be valid.
pub unsafe trait ZeroBits: Sized {}

// SAFETY: `Plain` promises that every bit pattern is valid.
unsafe impl<P: Plain> ZeroBits for P {}

// SAFETY: 0 is a number.
unsafe impl ZeroBits for u32 {}

// SAFETY: the fields are a length, of which 0 is one, and room for values that need not be there.
unsafe impl<T, L: heapless::LenType, const N: usize> ZeroBits for heapless::Vec<T, N, L> {}

/// Says that a struct of fields that are [`ZeroBits`](crate::zero::ZeroBits) is so, too: `zero_bits!([generics] Type: { fields } where bounds)`.
///
/// It names every field, and does not compile where one is missing or is not zero bits.
///
/// ```
/// struct Counter { steps: u32, sums: [f32; 4] }
/// rosenblatt_kernels::zero_bits!([] Counter: { steps, sums });
/// ```
///
/// ```compile_fail,E0277
/// struct Name { text: &'static str }
/// rosenblatt_kernels::zero_bits!([] Name: { text });
/// ```
///
/// ```compile_fail,E0027
/// struct Pair { a: u32, b: &'static str }
/// rosenblatt_kernels::zero_bits!([] Pair: { a });
/// ```
#[macro_export]
macro_rules! zero_bits {
    ([$($generics:tt)*] $type:ty: { $($field:ident),+ $(,)? } $(where $($bounds:tt)+)?) => {
        // SAFETY: every field is zero bits, as the method below makes the compiler check; padding may be anything.
        unsafe impl<$($generics)*> $crate::zero::ZeroBits for $type $(where $($bounds)+)? {}

        const _: () = {
            trait Fields {
                fn all_are_zero_bits(&self);
            }
            impl<$($generics)*> Fields for $type $(where $($bounds)+)? {
                fn all_are_zero_bits(&self) {
                    fn is<T: $crate::zero::ZeroBits>(_: &T) {}
                    let Self { $($field),+ } = self;
                    $(is($field);)+
                }
            }
        };
    };
}

/// A value of zero bits on the heap; nothing of it passes the stack, in a debug build either.
///
/// ```
/// let big = rosenblatt_kernels::zero::boxed::<[[f32; 1024]; 4096]>(); // 16 MiB
/// assert_eq!(big[4095][1023], 0.0);
/// ```
#[cfg(feature = "alloc")]
#[must_use]
pub fn boxed<T: ZeroBits>() -> alloc::boxed::Box<T> {
    use alloc::alloc::{Layout, alloc_zeroed, handle_alloc_error};
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        // SAFETY: a value of no bytes, which `ZeroBits` promises to be valid, may lie anywhere that is aligned.
        return unsafe { alloc::boxed::Box::from_raw(core::ptr::NonNull::dangling().as_ptr()) };
    }
    // SAFETY: the layout has a size. The memory is zero bits, which `ZeroBits` promises to be a value, and has the layout
    // that a `Box<T>` gives back.
    unsafe {
        let p = alloc_zeroed(layout).cast::<T>();
        if p.is_null() {
            handle_alloc_error(layout);
        }
        alloc::boxed::Box::from_raw(p)
    }
}
