//! Activations and their gradients, element by element or (softmax) row by row.
//!
//! A gradient is written in terms of the activation's *output* y, which the forward pass keeps: `dy ← dy · f′(y)`.
//! The functions that take a [`Level`] are the face for users of this crate alone; layers call [`fixed`].

use crate::{
    Level,
    bodies::{Bodies, called},
    dispatch,
    lanes::{each, get, max, put, sum},
    math,
    simd::Simd,
};

/// An activation that looks at one value at a time.
pub trait Map: Copy + 'static {
    /// y = f(x) on the lanes of a register.
    fn f<S: Simd>(s: S, x: S::F) -> S::F;

    /// x ← f(x) by assembly that stands in for the walk over registers; `false`, and nothing done, where there is none.
    #[doc(hidden)]
    #[inline(always)]
    fn assembly(_x: &mut [f32]) -> bool {
        false
    }

    /// x ← f(x), called: one copy an activation and backend.
    #[doc(hidden)]
    #[inline(never)]
    fn called<S: Bodies>(s: S, x: &mut [f32]) {
        s.vectorize(
            #[inline(always)]
            || map_body::<S, Self>(s, x),
        );
    }
}

/// A [`Map`] that has a gradient.
pub trait MapGrad: Map {
    /// `d · f′` where `y` = f(x).
    fn df<S: Simd>(s: S, y: S::F, d: S::F) -> S::F;

    /// dy ← dy · f′(y) by assembly, as [`Map::assembly`].
    #[doc(hidden)]
    #[inline(always)]
    fn assembly_grad(_y: &[f32], _dy: &mut [f32]) -> bool {
        false
    }

    /// dy ← dy · f′(y), called.
    #[doc(hidden)]
    #[inline(never)]
    fn called_grad<S: Bodies>(s: S, y: &[f32], dy: &mut [f32]) {
        s.vectorize(
            #[inline(always)]
            || map_grad_body::<S, Self>(s, y, dy),
        );
    }
}

/// y = f(x) = eˣ, f′ = y
#[derive(Clone, Copy, Debug)]
pub struct Exp;
/// f(x) = ln x, f′ = 1 / x
#[derive(Clone, Copy, Debug)]
pub struct Ln;
/// y = f(x) = tanh x, f′ = 1 − y²
#[derive(Clone, Copy, Debug)]
pub struct Tanh;
/// y = f(x) = 1 / (1 + e⁻ˣ), f′ = y·(1 − y)
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;
/// f(x) = x for x > 0, else +0; f′ = 1 for x > 0, else 0
#[derive(Clone, Copy, Debug)]
pub struct Relu;
/// f(x) = x for x ≥ 0, else x · `NUM` / `DEN`; 3/10 as Keras' layer unless said otherwise. f′ = 1 for
/// x > 0, else `NUM` / `DEN`
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu<const NUM: u32 = 3, const DEN: u32 = 10>;
/// f(x) = 1 for x > 0, else 0; its slope is 0, and so it cannot be trained by gradient
#[derive(Clone, Copy, Debug)]
pub struct Step;
/// f(x) = cos πx; no layer's activation
#[derive(Clone, Copy, Debug)]
pub struct CosPi;

impl Map for Exp {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        math::exp(s, x)
    }
}
impl MapGrad for Exp {
    #[inline(always)]
    fn df<S: Simd>(s: S, y: S::F, d: S::F) -> S::F {
        s.mul(d, y)
    }
}
impl Map for Ln {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        math::ln(s, x)
    }
}
impl Map for Tanh {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        math::tanh(s, x)
    }

    fn called<S: Bodies>(s: S, x: &mut [f32]) {
        s.tanh(x);
    }
}
impl MapGrad for Tanh {
    #[inline(always)]
    fn df<S: Simd>(s: S, y: S::F, d: S::F) -> S::F {
        s.mul(d, s.sub(s.splat(1.0), s.mul(y, y)))
    }

    #[cfg(thumb)]
    #[inline(always)]
    fn assembly_grad(y: &[f32], dy: &mut [f32]) -> bool {
        crate::arch::thumb::tanh_grad(y, dy);
        true
    }

    fn called_grad<S: Bodies>(s: S, y: &[f32], dy: &mut [f32]) {
        s.tanh_grad(y, dy);
    }
}
impl Map for Sigmoid {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        math::sigmoid(s, x)
    }

    fn called<S: Bodies>(s: S, x: &mut [f32]) {
        s.sigmoid(x);
    }
}
impl MapGrad for Sigmoid {
    #[inline(always)]
    fn df<S: Simd>(s: S, y: S::F, d: S::F) -> S::F {
        s.mul(d, s.mul(y, s.sub(s.splat(1.0), y)))
    }

    fn called_grad<S: Bodies>(s: S, y: &[f32], dy: &mut [f32]) {
        s.sigmoid_grad(y, dy);
    }
}
impl Map for Relu {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        // The sum turns −0 to +0 and changes nothing else.
        s.add(s.max(x, s.splat(0.0)), s.splat(0.0))
    }

    #[cfg(thumb)]
    #[inline(always)]
    fn assembly(x: &mut [f32]) -> bool {
        crate::arch::thumb::relu(x);
        true
    }

    fn called<S: Bodies>(s: S, x: &mut [f32]) {
        s.relu(x);
    }
}
impl MapGrad for Relu {
    #[inline(always)]
    fn df<S: Simd>(s: S, y: S::F, d: S::F) -> S::F {
        s.select(s.lt(s.splat(0.0), y), d, s.splat(0.0))
    }

    #[cfg(thumb)]
    #[inline(always)]
    fn assembly_grad(y: &[f32], dy: &mut [f32]) -> bool {
        crate::arch::thumb::relu_grad(y, dy);
        true
    }

    fn called_grad<S: Bodies>(s: S, y: &[f32], dy: &mut [f32]) {
        s.relu_grad(y, dy);
    }
}
impl<const NUM: u32, const DEN: u32> LeakyRelu<NUM, DEN> {
    const SLOPE: f32 = {
        assert!(DEN > 0 && NUM <= DEN, "the slope of a leaky ReLU lies between 0 and 1");
        NUM as f32 / DEN as f32
    };
}
impl<const NUM: u32, const DEN: u32> Map for LeakyRelu<NUM, DEN> {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        s.select(s.lt(x, s.splat(0.0)), s.mul(x, s.splat(Self::SLOPE)), x)
    }
}
impl<const NUM: u32, const DEN: u32> MapGrad for LeakyRelu<NUM, DEN> {
    #[inline(always)]
    fn df<S: Simd>(s: S, y: S::F, d: S::F) -> S::F {
        s.select(s.lt(s.splat(0.0), y), d, s.mul(d, s.splat(Self::SLOPE)))
    }
}
impl Map for Step {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        // x below the least subnormal is x ≤ 0; what is neither above nor below is NaN and stays.
        let low = s.select(s.lt(x, s.splat_bits(1)), s.splat(0.0), x);
        s.select(s.lt(s.splat(0.0), x), s.splat(1.0), low)
    }
}

impl Map for CosPi {
    #[inline(always)]
    fn f<S: Simd>(s: S, x: S::F) -> S::F {
        math::cos_pi(s, x)
    }
}

#[inline(always)]
pub(crate) fn map_body<S: Simd, A: Map>(s: S, x: &mut [f32]) {
    if const { S::LANES == 1 } && A::assembly(x) {
        return;
    }
    each(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below x.len().
            unsafe {
                let p = x.as_mut_ptr().add(i);
                put(s, p, part, A::f(s, get(s, p.cast_const(), part)));
            }
        },
    );
}

#[inline(always)]
pub(crate) fn map_grad_body<S: Simd, A: MapGrad>(s: S, y: &[f32], dy: &mut [f32]) {
    if const { S::LANES == 1 } && A::assembly_grad(y, dy) {
        return;
    }
    each(
        s,
        y.len().min(dy.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below both lengths.
            unsafe {
                let p = dy.as_mut_ptr().add(i);
                put(s, p, part, A::df(s, get(s, y.as_ptr().add(i), part), get(s, p.cast_const(), part)));
            }
        },
    );
}

#[inline(always)]
fn softmax_row<S: Simd>(s: S, x: &mut [f32]) {
    let (p, n) = (x.as_mut_ptr(), x.len());
    let top = max(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `max` stays below x.len().
            unsafe { get(s, p.add(i).cast_const(), part) }
        },
    );
    let top = s.splat(top);
    // A short row's exponentials wait in registers: read back too soon from memory, each row would stall. Single values have no such stall.
    let in_registers = S::LANES > 1 && n <= 16;
    let mut short = [s.splat(0.0); 16];
    let total = sum(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `sum` stays below x.len().
            unsafe {
                // Above zero only in a row with NaN, which becomes NaN.
                let e = math::exp_below(s, s.sub(get(s, p.add(i).cast_const(), part), top));
                if in_registers {
                    short[i / S::LANES] = e;
                } else {
                    put(s, p.add(i), part, e);
                }
                e
            }
        },
    );
    let total = s.splat(total);
    each(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below x.len().
            unsafe {
                let e = if in_registers { short[i / S::LANES] } else { get(s, p.add(i).cast_const(), part) };
                put(s, p.add(i), part, s.div(e, total));
            }
        },
    );
}

#[inline(always)]
fn softmax_grad_row<S: Simd>(s: S, y: &[f32], dy: &mut [f32]) {
    let n = y.len().min(dy.len());
    let (y, d) = (y.as_ptr(), dy.as_mut_ptr());
    let inner = sum(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `sum` stays below both lengths.
            unsafe { s.mul(get(s, y.add(i), part), get(s, d.add(i).cast_const(), part)) }
        },
    );
    let inner = s.splat(inner);
    each(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below both lengths.
            unsafe {
                let g = s.sub(get(s, d.add(i).cast_const(), part), inner);
                put(s, d.add(i), part, s.mul(get(s, y.add(i), part), g));
            }
        },
    );
}

#[inline(always)]
pub(crate) fn softmax_rows<S: Simd>(s: S, n: usize, x: &mut [f32]) {
    for row in x.chunks_exact_mut(n) {
        softmax_row(s, row);
    }
}

#[inline(always)]
pub(crate) fn softmax_grad_rows<S: Simd>(s: S, n: usize, y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.chunks_exact(n).zip(dy.chunks_exact_mut(n)) {
        softmax_grad_row(s, y, dy);
    }
}

/// What layers call: batches whose row length is in the type, with the token of a dispatch further up.
pub mod fixed {
    use super::*;
    use crate::plain::Flat;

    /// x ← f(x)
    #[inline(always)]
    pub fn map<S: Simd, A: Map, const N: usize>(s: S, x: &mut [[f32; N]]) {
        if const { S::INLINE == 0 } {
            A::called(s.shared(), x.flat_mut());
        } else {
            map_body::<S, A>(s, x.flat_mut());
        }
    }

    /// dy ← dy · f′(y)
    #[inline(always)]
    pub fn map_grad<S: Simd, A: MapGrad, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]) {
        if const { called::<S>() } {
            A::called_grad(s.shared(), y.flat(), dy.flat_mut());
        } else {
            map_grad_body::<S, A>(s, y.flat(), dy.flat_mut());
        }
    }

    /// Each row ← softmax(row); see [`softmax`](super::softmax).
    #[inline(always)]
    pub fn softmax<S: Simd, const N: usize>(s: S, x: &mut [[f32; N]]) {
        /// One copy for all row lengths.
        #[inline(never)]
        fn shared<S: Simd>(s: S, row: &mut [f32]) {
            s.vectorize(
                #[inline(always)]
                || softmax_row(s, row),
            );
        }
        /// One copy a row length.
        #[inline(never)]
        fn short<S: Simd, const N: usize>(s: S, x: &mut [[f32; N]]) {
            for row in x {
                softmax_row(s, row);
            }
        }
        if const { cfg!(thumb) && N <= 16 } {
            return short(s.shared(), x);
        }
        if const { called::<S>() && N > 0 } {
            return s.shared().softmax(N, x.flat_mut());
        }
        for row in x {
            if const { S::INLINE == 0 } { shared(s.shared(), row) } else { softmax_row(s, row) }
        }
    }

    /// Each row of dy ← y·(dy − Σ dy·y); see [`softmax_grad`](super::softmax_grad).
    #[inline(always)]
    pub fn softmax_grad<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]) {
        if const { called::<S>() && N > 0 } {
            return s.shared().softmax_grad(N, y.flat(), dy.flat_mut());
        }
        for (y, dy) in y.iter().zip(dy) {
            softmax_grad_row(s, y, dy);
        }
    }
}

/// The face of one [`Map`] over a slice.
macro_rules! face {
    ($($(#[$doc:meta])* $name:ident = $map:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(level: Level, x: &mut [f32]) {
            dispatch!(level, s => map_body::<_, $map>(s, x));
        }
    )*};
}

/// The face of one [`MapGrad`] over two slices.
macro_rules! face_grad {
    ($($(#[$doc:meta])* $name:ident = $map:ty;)*) => {$(
        $(#[$doc])*
        /// # Panics
        /// If the lengths differ.
        pub fn $name(level: Level, y: &[f32], dy: &mut [f32]) {
            assert!(y.len() == dy.len(), "y has {} values, dy has {}", y.len(), dy.len());
            dispatch!(level, s => map_grad_body::<_, $map>(s, y, dy));
        }
    )*};
}

face! {
    /// x ← eˣ
    ///
    /// Error at most 0.914 ULP over all inputs (`cargo xtask ulp exp`). ±0 gives 1, −∞ gives +0, ∞ gives ∞, from 88.72284 on ∞,
    /// below −103.97208 +0; subnormal results are kept; NaN stays NaN. Method: Cody and Waite, *Software Manual for the Elementary
    /// Functions*, 1980, with a minimax polynomial of degree 6.
    ///
    /// ```
    /// use rosenblatt_kernels::{Level, activation};
    /// let mut x = [0.0, 1.0, -200.0];
    /// activation::exp(Level::detect(), &mut x);
    /// assert_eq!(x, [1.0, std::f32::consts::E, 0.0]);
    /// ```
    exp = Exp;
    /// x ← ln x
    ///
    /// Error at most 0.835 ULP over all inputs (`cargo xtask ulp ln`). ±0 gives −∞, ∞ gives ∞, 1 gives +0, below zero NaN; NaN stays NaN.
    /// Method and coefficients: FreeBSD's `logf` (Sun Microsystems).
    ln = Ln;
    /// x ← tanh x
    ///
    /// Error at most 1.506 ULP over all inputs (`cargo xtask ulp tanh`). ±0 and subnormal numbers stay, ±∞ gives ±1, NaN stays NaN; odd to the bit.
    tanh = Tanh;
    /// x ← 1 / (1 + e⁻ˣ)
    ///
    /// Error at most 1.684 ULP over all inputs (`cargo xtask ulp sigmoid`). ±0 gives ½, −∞ gives +0, ∞ gives 1, NaN stays NaN;
    /// small results are kept down to the subnormal numbers.
    sigmoid = Sigmoid;
    /// x ← x for x > 0, else +0. Exact; NaN stays NaN.
    relu = Relu;
    /// x ← 1 for x > 0, else 0. NaN stays NaN.
    step = Step;
    /// x ← cos πx: cosine in half turns, for which every reduction is exact
    ///
    /// Error at most 1.647 ULP over all inputs (`cargo xtask ulp cos-pi`). Even to the bit; +0 at every half, ±1 at every whole number, 1 from 2²⁴ on; ±∞ gives NaN, NaN stays NaN.
    ///
    /// ```
    /// use rosenblatt_kernels::{Level, activation};
    /// let mut x = [0.0, 0.5, 1.0, 1e9];
    /// activation::cos_pi(Level::detect(), &mut x);
    /// assert_eq!(x, [1.0, 0.0, -1.0, 1.0]);
    /// ```
    cos_pi = CosPi;
}

/// x ← x for x ≥ 0, else x · `NUM` / `DEN`. Rounded once; NaN stays NaN.
pub fn leaky_relu<const NUM: u32, const DEN: u32>(level: Level, x: &mut [f32]) {
    dispatch!(level, s => map_body::<_, LeakyRelu<NUM, DEN>>(s, x));
}

face_grad! {
    /// dy ← dy · y, y = eˣ
    exp_grad = Exp;
    /// dy ← dy · (1 − y²), y = tanh x
    tanh_grad = Tanh;
    /// dy ← dy · (y · (1 − y)), y = sigmoid x
    sigmoid_grad = Sigmoid;
    /// dy ← dy where y > 0, else +0
    relu_grad = Relu;
}

/// dy ← dy / x: the gradient of ln, by its **input** x
/// # Panics
/// If the lengths differ.
pub fn ln_grad(level: Level, x: &[f32], dy: &mut [f32]) {
    #[inline(always)]
    fn body<S: Simd>(s: S, x: &[f32], dy: &mut [f32]) {
        each(
            s,
            x.len().min(dy.len()),
            #[inline(always)]
            |i, part| {
                // SAFETY: `each` stays below both lengths.
                unsafe {
                    let p = dy.as_mut_ptr().add(i);
                    put(s, p, part, s.div(get(s, p.cast_const(), part), get(s, x.as_ptr().add(i), part)));
                }
            },
        );
    }
    assert!(x.len() == dy.len(), "x has {} values, dy has {}", x.len(), dy.len());
    dispatch!(level, s => body(s, x, dy));
}

/// dy ← dy where y > 0, else dy · `NUM` / `DEN`
/// # Panics
/// If the lengths differ.
pub fn leaky_relu_grad<const NUM: u32, const DEN: u32>(level: Level, y: &[f32], dy: &mut [f32]) {
    assert!(y.len() == dy.len(), "y has {} values, dy has {}", y.len(), dy.len());
    dispatch!(level, s => map_grad_body::<_, LeakyRelu<NUM, DEN>>(s, y, dy));
}

/// Each row of `n` values ← softmax(row): `y[j] = exp(x[j] − max x) / Σ exp(x[i] − max x)`
///
/// The sum runs over sixteen virtual lanes (index mod 16, joined by halves). A row with a NaN or +∞ becomes NaN.
/// # Panics
/// If `n` is 0 or does not divide the length.
pub fn softmax(level: Level, n: usize, x: &mut [f32]) {
    assert!(n > 0 && x.len().is_multiple_of(n), "{} values are no rows of {n}", x.len());
    dispatch!(level, s => softmax_rows(s, n, x));
}

/// Each row of dy ← y·(dy − Σ dy·y), y = softmax(x): the Jacobian of softmax times dy
/// # Panics
/// If `n` is 0 or does not divide the lengths, or they differ.
pub fn softmax_grad(level: Level, n: usize, y: &[f32], dy: &mut [f32]) {
    assert!(y.len() == dy.len(), "y has {} values, dy has {}", y.len(), dy.len());
    assert!(n > 0 && y.len().is_multiple_of(n), "{} values are no rows of {n}", y.len());
    dispatch!(level, s => softmax_grad_rows(s, n, y, dy));
}
