//! Implements a backend's operations by another backend.

/// The registers and operations of the backend `$inner`, for a token that holds it in its field 0.
/// Constants and `vectorize` are the token's own. With `but masks of`, so are comparisons and the
/// operations that take their results.
macro_rules! operations_of {
    ($(fn $name:ident($($x:ident: $t:ident),*) -> $r:ty;)*) => {$(
        #[inline(always)]
        fn $name(self, $($x: Self::$t),*) -> $r {
            self.0.$name($($x),*)
        }
    )*};
    (but masks of $inner:ty) => {
        type F = <$inner as Simd>::F;
        type Tail = <$inner as Simd>::Tail;
        const LANES: usize = <$inner as Simd>::LANES;
        const MR: usize = <$inner as Simd>::MR;
        const NR: usize = <$inner as Simd>::NR;

        #[inline(always)]
        fn splat(self, x: f32) -> Self::F {
            self.0.splat(x)
        }
        #[inline(always)]
        unsafe fn load(self, p: *const f32) -> Self::F {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.load(p) }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32, x: Self::F) {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.store(p, x) }
        }
        #[inline(always)]
        fn tail(self, n: usize) -> Self::Tail {
            self.0.tail(n)
        }
        #[inline(always)]
        unsafe fn load_tail(self, p: *const f32, tail: Self::Tail) -> Self::F {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.load_tail(p, tail) }
        }
        #[inline(always)]
        unsafe fn load_stored(self, p: *const f32, tail: Self::Tail) -> Self::F {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.load_stored(p, tail) }
        }
        #[inline(always)]
        unsafe fn store_tail(self, p: *mut f32, tail: Self::Tail, x: Self::F) {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.store_tail(p, tail, x) }
        }
        #[inline(always)]
        unsafe fn gather(self, p: *const f32, stride: usize, n: usize) -> Self::F {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.gather(p, stride, n) }
        }
        #[inline(always)]
        unsafe fn gather4(self, p: *const f32, stride: usize, n: usize) -> [Self::F; 4] {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.gather4(p, stride, n) }
        }
        #[inline(always)]
        unsafe fn scatter4(
            self,
            p: *mut f32,
            stride: usize,
            width: usize,
            columns: [Self::F; 4],
        ) {
            // SAFETY: the caller's promise is the same.
            unsafe { self.0.scatter4(p, stride, width, columns) }
        }
        #[inline(always)]
        fn shl<const N: i32>(self, a: Self::F) -> Self::F {
            self.0.shl::<N>(a)
        }
        #[inline(always)]
        fn sar<const N: i32>(self, a: Self::F) -> Self::F {
            self.0.sar::<N>(a)
        }
        $crate::delegate::operations_of! {
            fn add(a: F, b: F) -> Self::F;
            fn sub(a: F, b: F) -> Self::F;
            fn mul(a: F, b: F) -> Self::F;
            fn div(a: F, b: F) -> Self::F;
            fn sqrt(a: F) -> Self::F;
            fn mul_add(a: F, b: F, c: F) -> Self::F;
            fn and(a: F, b: F) -> Self::F;
            fn or(a: F, b: F) -> Self::F;
            fn xor(a: F, b: F) -> Self::F;
            fn int_add(a: F, b: F) -> Self::F;
            fn int_sub(a: F, b: F) -> Self::F;
            fn sum_lanes(a: F) -> f32;
            fn max_lanes(a: F) -> f32;
            fn sum_four(a: F) -> f32;
            fn max_four(a: F) -> f32;
            fn min(a: F, b: F) -> Self::F;
            fn max(a: F, b: F) -> Self::F;
        }
    };
    ($inner:ty) => {
        type M = <$inner as Simd>::M;
        $crate::delegate::operations_of! {
            fn fill(tail: Tail, x: F, rest: F) -> Self::F;
            fn lt(a: F, b: F) -> Self::M;
            fn select(m: M, a: F, b: F) -> Self::F;
            fn all(m: M) -> bool;
        }
        $crate::delegate::operations_of!(but masks of $inner);
    };
}
pub(crate) use operations_of;
