//! Values that start as zero bits, made at their final place.

use crate::array::F32Array;

/// A type for which all zero bits are a valid value. That value can lie in `.bss`, or be made on
/// the heap without using the stack.
///
/// [`zero_bits!`](crate::zero_bits) implements it for other types and checks every field.
///
/// # Safety
/// A value whose bytes are all 0 must be valid.
pub unsafe trait ZeroBits: Sized {}

// SAFETY: `F32Array` promises that every bit pattern is valid.
unsafe impl<P: F32Array> ZeroBits for P {}

// SAFETY: 0 is a number.
unsafe impl ZeroBits for u32 {}

// SAFETY: the fields are a length, which may be 0, and memory for values that may be uninitialized.
unsafe impl<T, L: heapless::LenType, const N: usize> ZeroBits for heapless::Vec<T, N, L> {}

/// Implements [`ZeroBits`](crate::zero::ZeroBits) for a struct whose fields all implement it:
/// `zero_bits!([generics] Type: { fields } where bounds)`.
///
/// The macro names every field. It does not compile if a field is missing or is not `ZeroBits`.
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
        // SAFETY: every field is `ZeroBits`, which the method below makes the compiler check;
        // padding may be anything.
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

/// A value of zero bits on the heap. It never passes through the stack, not even in a debug build.
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
        // SAFETY: a value of no bytes, which `ZeroBits` promises to be valid, may have any aligned
        // address.
        return unsafe { alloc::boxed::Box::from_raw(core::ptr::NonNull::dangling().as_ptr()) };
    }
    // SAFETY: the layout has a size. The memory is zero bits, which `ZeroBits` promises to be a
    // valid value, and has the layout that a `Box<T>` frees.
    unsafe {
        let p = alloc_zeroed(layout).cast::<T>();
        if p.is_null() {
            handle_alloc_error(layout);
        }
        alloc::boxed::Box::from_raw(p)
    }
}
