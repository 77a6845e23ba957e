//! A backend of any width in plain Rust. With it the generic bodies run with 2, 4, 8 and 16 lanes
//! on every host.

use rosenblatt_kernels::{Simd, arch::scalar::Scalar, simd::Bodies};

/// `LANES` lanes and a tile of `MR` rows by `NR` registers.
#[derive(Clone, Copy)]
pub struct Emulated<const LANES: usize, const MR: usize, const NR: usize>;

/// Does for each lane what the scalar backend does.
macro_rules! op {
    ($($name:ident($($x:ident),*);)*) => {$(
        fn $name(self, $($x: Self::F),*) -> Self::F {
            std::array::from_fn(|i| Scalar.$name($($x[i]),*))
        }
    )*};
}

impl<const LANES: usize, const MR: usize, const NR: usize> Bodies for Emulated<LANES, MR, NR> {}
impl Bodies for Fused {}

// SAFETY: plain Rust runs on every CPU. An array holds its lanes. `LANES` is a power of two up to
// 16 in every use.
unsafe impl<const LANES: usize, const MR: usize, const NR: usize> Simd for Emulated<LANES, MR, NR> {
    type F = [f32; LANES];
    type M = [bool; LANES];
    type Tail = usize;
    const LANES: usize = LANES;
    const MR: usize = MR;
    const NR: usize = NR;
    const TALL: usize = match LANES {
        16 => 12,
        8 => 6,
        _ => 0,
    };
    const INLINE_MAX: usize = 64;
    const NAME: &'static str = "emulated";
    type Shared = Self;

    fn shared(self) -> Self {
        self
    }

    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
    fn splat(self, x: f32) -> Self::F {
        [x; LANES]
    }
    unsafe fn load(self, p: *const f32) -> Self::F {
        // SAFETY: the caller promises `LANES` readable values.
        unsafe { p.cast::<Self::F>().read_unaligned() }
    }
    unsafe fn store(self, p: *mut f32, x: Self::F) {
        // SAFETY: the caller promises `LANES` writable values.
        unsafe { p.cast::<Self::F>().write_unaligned(x) }
    }
    fn tail(self, n: usize) -> usize {
        assert!(n < LANES);
        n
    }
    unsafe fn load_tail(self, p: *const f32, tail: usize) -> Self::F {
        // SAFETY: only the values that the caller vouches for are read.
        std::array::from_fn(|i| if i < tail { unsafe { p.add(i).read() } } else { 0.0 })
    }
    unsafe fn store_tail(self, p: *mut f32, tail: usize, x: Self::F) {
        for (i, x) in x.into_iter().enumerate().take(tail) {
            // SAFETY: only the values that the caller vouches for are written.
            unsafe { p.add(i).write(x) }
        }
    }
    fn fill(self, tail: usize, x: Self::F, rest: Self::F) -> Self::F {
        std::array::from_fn(|i| if i < tail { x[i] } else { rest[i] })
    }
    op! {
        add(a, b);
        sub(a, b);
        mul(a, b);
        div(a, b);
        sqrt(a);
        and(a, b);
        or(a, b);
        xor(a, b);
        int_add(a, b);
        int_sub(a, b);
    }
    fn lt(self, a: Self::F, b: Self::F) -> Self::M {
        std::array::from_fn(|i| a[i] < b[i])
    }
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F {
        std::array::from_fn(|i| if m[i] { a[i] } else { b[i] })
    }
    fn all(self, m: Self::M) -> bool {
        m.into_iter().all(|m| m)
    }
    fn shl<const N: i32>(self, a: Self::F) -> Self::F {
        a.map(|a| Scalar.shl::<N>(a))
    }
    fn sar<const N: i32>(self, a: Self::F) -> Self::F {
        a.map(|a| Scalar.sar::<N>(a))
    }
    fn sum_lanes(self, mut a: Self::F) -> f32 {
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                a[i] += a[i + half];
            }
            half /= 2;
        }
        a[0]
    }
    fn max_lanes(self, mut a: Self::F) -> f32 {
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                a[i] = Scalar.max(a[i], a[i + half]);
            }
            half /= 2;
        }
        a[0]
    }
}

/// A backend that uses fused multiply-add. Its bits are wrong, and the tests must find that.
#[derive(Clone, Copy)]
pub struct Fused;

macro_rules! as_scalar {
    ($($name:ident($($x:ident: $t:ty),*) -> $r:ty;)*) => {$(
        fn $name(self, $($x: $t),*) -> $r {
            Scalar.$name($($x),*)
        }
    )*};
}

// SAFETY: plain Rust runs on every CPU, and one f32 holds the one lane.
unsafe impl Simd for Fused {
    type F = f32;
    type M = bool;
    type Tail = ();
    const LANES: usize = 1;
    const MR: usize = Scalar::MR;
    const NR: usize = Scalar::NR;
    const INLINE_MAX: usize = 0;
    const NAME: &'static str = "fused";
    type Shared = Self;

    fn shared(self) -> Self {
        self
    }

    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    unsafe fn load(self, p: *const f32) -> f32 {
        // SAFETY: the caller promises the same.
        unsafe { Scalar.load(p) }
    }
    unsafe fn store(self, p: *mut f32, x: f32) {
        // SAFETY: the caller promises the same.
        unsafe { Scalar.store(p, x) }
    }
    fn tail(self, _n: usize) {}
    unsafe fn load_tail(self, _p: *const f32, _tail: ()) -> f32 {
        0.0
    }
    unsafe fn store_tail(self, _p: *mut f32, _tail: (), _x: f32) {}
    fn shl<const N: i32>(self, a: f32) -> f32 {
        Scalar.shl::<N>(a)
    }
    fn sar<const N: i32>(self, a: f32) -> f32 {
        Scalar.sar::<N>(a)
    }
    as_scalar! {
        splat(x: f32) -> f32;
        fill(tail: (), x: f32, rest: f32) -> f32;
        add(a: f32, b: f32) -> f32;
        sub(a: f32, b: f32) -> f32;
        mul(a: f32, b: f32) -> f32;
        div(a: f32, b: f32) -> f32;
        sqrt(a: f32) -> f32;
        lt(a: f32, b: f32) -> bool;
        select(m: bool, a: f32, b: f32) -> f32;
        all(m: bool) -> bool;
        and(a: f32, b: f32) -> f32;
        or(a: f32, b: f32) -> f32;
        xor(a: f32, b: f32) -> f32;
        int_add(a: f32, b: f32) -> f32;
        int_sub(a: f32, b: f32) -> f32;
        sum_lanes(a: f32) -> f32;
        max_lanes(a: f32) -> f32;
    }
}
