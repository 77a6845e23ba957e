//! A backend whose kernels are all called, never unrolled in place.

use crate::simd::Simd;

/// The backend `S` with [`Simd::INLINE`] 0: for code that is rarely run (a last, shorter mini-batch), where another unrolled copy would cost
/// more than it gains.
#[derive(Clone, Copy, Debug)]
pub struct Compact<S>(pub S);

/// Hands methods on to the backend inside.
macro_rules! same {
    ($(fn $name:ident($($x:ident: $t:ident),*) -> $r:ty;)*) => {$(
        #[inline(always)]
        fn $name(self, $($x: S::$t),*) -> $r {
            self.0.$name($($x),*)
        }
    )*};
}

// SAFETY: a `Compact` holds the token it stands for, and all operations are that token's.
unsafe impl<S: Simd> Simd for Compact<S> {
    type F = S::F;
    type M = S::M;
    type Tail = S::Tail;
    const LANES: usize = S::LANES;
    const MR: usize = S::MR;
    const NR: usize = S::NR;
    const INLINE: usize = 0;
    const NAME: &'static str = S::NAME;
    type Shared = S::Shared;

    #[inline(always)]
    fn shared(self) -> S::Shared {
        self.0.shared()
    }

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        self.0.vectorize(f)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> S::F {
        self.0.splat(x)
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> S::F {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.load(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: S::F) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.store(p, x) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> S::Tail {
        self.0.tail(n)
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, tail: S::Tail) -> S::F {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.load_tail(p, tail) }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, tail: S::Tail, x: S::F) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.store_tail(p, tail, x) }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, stride: usize, n: usize) -> S::F {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.gather(p, stride, n) }
    }
    #[inline(always)]
    fn shl<const N: i32>(self, a: S::F) -> S::F {
        self.0.shl::<N>(a)
    }
    #[inline(always)]
    fn sar<const N: i32>(self, a: S::F) -> S::F {
        self.0.sar::<N>(a)
    }
    same! {
        fn fill(tail: Tail, x: F, rest: F) -> S::F;
        fn add(a: F, b: F) -> S::F;
        fn sub(a: F, b: F) -> S::F;
        fn mul(a: F, b: F) -> S::F;
        fn div(a: F, b: F) -> S::F;
        fn sqrt(a: F) -> S::F;
        fn mul_add(a: F, b: F, c: F) -> S::F;
        fn lt(a: F, b: F) -> S::M;
        fn select(m: M, a: F, b: F) -> S::F;
        fn all(m: M) -> bool;
        fn and(a: F, b: F) -> S::F;
        fn or(a: F, b: F) -> S::F;
        fn xor(a: F, b: F) -> S::F;
        fn int_add(a: F, b: F) -> S::F;
        fn int_sub(a: F, b: F) -> S::F;
        fn sum_lanes(a: F) -> f32;
        fn max_lanes(a: F) -> f32;
        fn min(a: F, b: F) -> S::F;
        fn max(a: F, b: F) -> S::F;
    }
}
