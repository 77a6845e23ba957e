//! Activations and their gradients, value by value or (softmax) row by row.
//!
//! A gradient is a function of the activation's *output* y, which the forward pass keeps:
//! `dy ← dy · f′(y)`. Only [`ln_grad`] takes the input. Programs call the functions that take a
//! [`Backend`]; layers call [`typed`].

use crate::{
    Backend,
    columns::{Columns, SAMPLES},
    dispatch, math,
    simd::{self, Bodies, Simd, called},
    walk::{for_each_register, load, reduce_max, reduce_sum, store},
};

/// An activation that is computed value by value.
pub trait Map: Copy + 'static {
    /// y = f(x) on the lanes of a register.
    fn f<S: Simd>(s: S, x: S::F) -> S::F;

    /// x ← f(x) in assembly, instead of register by register. Returns `false` and does nothing
    /// where there is no assembly.
    #[doc(hidden)]
    #[inline(always)]
    fn assembly(_x: &mut [f32]) -> bool {
        false
    }

    /// x ← f(x) out of line: one copy per activation and backend.
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

    /// dy ← dy · f′(y) in assembly, as [`Map::assembly`].
    #[doc(hidden)]
    #[inline(always)]
    fn assembly_grad(_y: &[f32], _dy: &mut [f32]) -> bool {
        false
    }

    /// dy ← dy · f′(y) out of line.
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
/// f(x) = x for x ≥ 0, else x · `NUM` / `DEN`; 3/10 by default, as Keras' layer. f′ = 1 for x > 0,
/// else `NUM` / `DEN`
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu<const NUM: u32 = 3, const DEN: u32 = 10>;
/// f(x) = 1 for x > 0, else 0. Its slope is 0, so it cannot be trained by gradient.
#[derive(Clone, Copy, Debug)]
pub struct Step;
/// f(x) = cos πx. No layer uses it.
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

    #[cfg(rosenblatt_cortex_m)]
    #[inline(always)]
    fn assembly_grad(y: &[f32], dy: &mut [f32]) -> bool {
        crate::arch::cortex_m::tanh_grad(y, dy);
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
        // The addition turns −0 into +0 and changes nothing else.
        s.add(s.max(x, s.splat(0.0)), s.splat(0.0))
    }

    #[cfg(rosenblatt_cortex_m)]
    #[inline(always)]
    fn assembly(x: &mut [f32]) -> bool {
        crate::arch::cortex_m::relu(x);
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

    #[cfg(rosenblatt_cortex_m)]
    #[inline(always)]
    fn assembly_grad(y: &[f32], dy: &mut [f32]) -> bool {
        crate::arch::cortex_m::relu_grad(y, dy);
        true
    }

    fn called_grad<S: Bodies>(s: S, y: &[f32], dy: &mut [f32]) {
        s.relu_grad(y, dy);
    }
}
impl<const NUM: u32, const DEN: u32> LeakyRelu<NUM, DEN> {
    /// `NUM` / `DEN`
    pub const SLOPE: f32 = {
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
        // x below the least positive subnormal means x ≤ 0. A NaN is neither above nor below and
        // stays.
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
    for_each_register(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below x.len().
            unsafe {
                let p = x.as_mut_ptr().add(i);
                store(s, p, part, A::f(s, load(s, p.cast_const(), part)));
            }
        },
    );
}

#[inline(always)]
pub(crate) fn map_grad_body<S: Simd, A: MapGrad>(s: S, y: &[f32], dy: &mut [f32]) {
    if const { S::LANES == 1 } && A::assembly_grad(y, dy) {
        return;
    }
    for_each_register(
        s,
        y.len().min(dy.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below both lengths.
            unsafe {
                let p = dy.as_mut_ptr().add(i);
                store(
                    s,
                    p,
                    part,
                    A::df(s, load(s, y.as_ptr().add(i), part), load(s, p.cast_const(), part)),
                );
            }
        },
    );
}

#[inline(always)]
fn softmax_row<S: Simd>(s: S, x: &mut [f32]) {
    let (p, n) = (x.as_mut_ptr(), x.len());
    // The values and exponentials of a short row stay in registers: loading them right after the
    // store would stall at each row. Single values do not stall.
    let in_registers = S::LANES > 1 && n <= 16;
    let values_too = in_registers && !cfg!(target_os = "none");
    let mut short = [s.splat(0.0); 16];
    let top = reduce_max(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `reduce_max` stays below x.len().
            unsafe {
                let x = p.add(i).cast_const();
                if !values_too {
                    return load(s, x, part);
                }
                short[i / S::LANES] = part.map_or_else(
                    #[inline(always)]
                    || s.load(x),
                    #[inline(always)]
                    |tail| s.load_stored(x, tail),
                );
                short[i / S::LANES]
            }
        },
    );
    let top = s.splat(top);
    let total = reduce_sum(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `reduce_sum` stays below x.len().
            unsafe {
                let x = if values_too {
                    short[i / S::LANES]
                } else {
                    load(s, p.add(i).cast_const(), part)
                };
                // Above zero only in a row with NaN, which becomes NaN.
                let e = math::exp_below(s, s.sub(x, top));
                if in_registers {
                    short[i / S::LANES] = e;
                } else {
                    store(s, p.add(i), part, e);
                }
                e
            }
        },
    );
    let total = s.splat(total);
    for_each_register(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below x.len().
            unsafe {
                let e = if in_registers {
                    short[i / S::LANES]
                } else {
                    load(s, p.add(i).cast_const(), part)
                };
                store(s, p.add(i), part, s.div(e, total));
            }
        },
    );
}

/// [`softmax_row`] for a row of at most four values that was just stored, with the same bits.
#[inline(always)]
fn softmax_four<S: Simd, const N: usize>(s: S, x: &mut [f32; N]) {
    let (p, tail) = (x.as_mut_ptr(), s.tail(N));
    // SAFETY: the row has N values.
    let values = unsafe { s.load_stored(p.cast_const(), tail) };
    let top = s.max_four(s.fill(tail, values, s.splat(f32::NEG_INFINITY)));
    // Above zero only in a row with NaN, which becomes NaN.
    let e = math::exp_below(s, s.sub(values, s.splat(top)));
    let total = s.sum_four(s.fill(tail, e, s.splat(0.0))) + 0.0;
    // SAFETY: as above.
    unsafe { s.store_tail(p, tail, s.div(e, s.splat(total))) };
}

/// [`softmax_row`] for `LANES` rows of `n` values at once, with the same bits. Lane i belongs to
/// row i: exponentials and divisions fill whole registers, and no sum runs across lanes.
///
/// # Safety
/// `x` must be valid for reading and writing `LANES`·n values; 2 ≤ n ≤ 16.
#[inline(always)]
unsafe fn softmax_columns<S: Simd>(s: S, n: usize, x: *mut f32) {
    // The columns. A short row's last virtual lanes are like those of `reduce_max` and
    // `reduce_sum`.
    let mut columns = [s.splat(f32::NEG_INFINITY); 16];
    // The last four columns may overlap the four before.
    let fours = (0..n / 4 * 4).step_by(4).chain((!n.is_multiple_of(4) && n > 4).then(|| n - 4));
    // SAFETY: all rows lie inside what the caller guarantees; a four of columns lies inside its
    // row. Rows of 2 or 3 values are written in order, and of the last one only these.
    unsafe {
        if n < 4 {
            for (j, column) in columns.iter_mut().enumerate().take(n) {
                *column = s.gather(x.add(j).cast_const(), n, S::LANES);
            }
        } else {
            for j in fours.clone() {
                let four = s.gather4(x.add(j).cast_const(), n, S::LANES);
                columns[j..j + 4].copy_from_slice(&four);
            }
        }
        let columns = softmax_of(s, n, columns);
        if n < 4 {
            let [a, b, c, d, ..] = columns;
            s.scatter4(x, n, n, [a, b, c, d]);
        }
        for j in fours {
            let four = [columns[j], columns[j + 1], columns[j + 2], columns[j + 3]];
            s.scatter4(x.add(j), n, 4, four);
        }
    }
}

/// Softmax over the first `n` columns, 2 ≤ n ≤ 16. The others must be −∞.
#[inline(always)]
fn softmax_of<S: Simd>(s: S, n: usize, mut columns: [S::F; 16]) -> [S::F; 16] {
    let zero = s.splat(0.0);
    let top = tree(
        n,
        columns,
        #[inline(always)]
        |a, b| s.max(a, b),
    );
    for column in columns.iter_mut().take(n) {
        // Above zero only in a row with NaN, which becomes NaN.
        *column = math::exp_below(s, s.sub(*column, top));
    }
    for column in columns.iter_mut().skip(n) {
        *column = zero;
    }
    let total = tree(
        n,
        columns,
        #[inline(always)]
        |a, b| s.add(a, b),
    );
    let total = s.add(total, zero);
    for column in columns.iter_mut().take(n) {
        *column = s.div(*column, total);
    }
    columns
}

/// [`softmax_row`] for sixteen samples whose `n` values are columns, with the same bits.
///
/// # Safety
/// `x` must be valid for reading and writing 16·n values; 2 ≤ n ≤ 16.
#[inline(always)]
pub(crate) unsafe fn softmax_samples<S: Simd>(s: S, n: usize, x: *mut f32) {
    let mut first = 0;
    while first < SAMPLES {
        let mut columns = [s.splat(f32::NEG_INFINITY); 16];
        // SAFETY: the caller guarantees n columns; LANES divides 16.
        unsafe {
            for (j, column) in columns.iter_mut().enumerate().take(n) {
                *column = s.load(x.add(j * SAMPLES + first).cast_const());
            }
            /// Each with a stack frame of its own in a debug build.
            macro_rules! of {
                ($n:expr) => {
                    simd::part(
                        s,
                        #[inline(always)]
                        || softmax_of(s, $n, columns),
                    )
                };
            }
            // Constants: few columns stay in registers.
            let columns = match n {
                2 => of!(2),
                3 => of!(3),
                4 => of!(4),
                _ => of!(n),
            };
            for (j, column) in columns.into_iter().enumerate().take(n) {
                s.store(x.add(j * SAMPLES + first), column);
            }
        }
        first += S::LANES;
    }
}

/// Sixteen virtual lanes joined by halves, as [`reduce_sum`] does. Those from `n` on change
/// nothing.
#[inline(always)]
fn tree<F: Copy>(n: usize, mut lanes: [F; 16], join: impl Fn(F, F) -> F) -> F {
    for half in [8, 4, 2, 1] {
        if half >= n {
            continue;
        }
        for v in 0..half {
            lanes[v] = join(lanes[v], lanes[v + half]);
        }
    }
    lanes[0]
}

#[inline(always)]
fn softmax_grad_row<S: Simd>(s: S, y: &[f32], dy: &mut [f32]) {
    let n = y.len().min(dy.len());
    let (y, d) = (y.as_ptr(), dy.as_mut_ptr());
    let inner = reduce_sum(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `reduce_sum` stays below both lengths.
            unsafe { s.mul(load(s, y.add(i), part), load(s, d.add(i).cast_const(), part)) }
        },
    );
    let inner = s.splat(inner);
    for_each_register(
        s,
        n,
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below both lengths.
            unsafe {
                let g = s.sub(load(s, d.add(i).cast_const(), part), inner);
                store(s, d.add(i), part, s.mul(load(s, y.add(i), part), g));
            }
        },
    );
}

#[inline(always)]
pub(crate) fn softmax_rows<S: Simd>(s: S, n: usize, x: &mut [f32]) {
    let mut left = x;
    if S::LANES > 1 && (2..=16).contains(&n) {
        let mut groups = left.chunks_exact_mut(S::LANES * n);
        for rows in &mut groups {
            let rows = rows.as_mut_ptr();
            /// Each with a stack frame of its own in a debug build.
            macro_rules! columns {
                ($n:expr) => {
                    simd::part(
                        s,
                        #[inline(always)]
                        // SAFETY: a chunk holds `LANES` rows, and n is in the range.
                        || unsafe { softmax_columns(s, $n, rows) },
                    )
                };
            }
            // Constants: few columns stay in registers.
            match n {
                2 => columns!(2),
                3 => columns!(3),
                4 => columns!(4),
                10 => columns!(10),
                _ => columns!(n),
            }
        }
        left = groups.into_remainder();
    }
    for row in left.chunks_exact_mut(n) {
        softmax_row(s, row);
    }
}

#[inline(always)]
pub(crate) fn softmax_grad_rows<S: Simd>(s: S, n: usize, y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.chunks_exact(n).zip(dy.chunks_exact_mut(n)) {
        softmax_grad_row(s, y, dy);
    }
}

/// What layers call inside a dispatch: batches whose row length is in the type.
pub mod typed {
    use super::*;
    use crate::array::F32Rows;

    /// x ← f(x)
    #[inline(always)]
    pub fn map<S: Simd, A: Map, const N: usize>(s: S, x: &mut [[f32; N]]) {
        if const { S::INLINE_MAX == 0 } {
            A::called(s.shared(), x.flat_mut());
        } else {
            map_body::<S, A>(s, x.flat_mut());
        }
    }

    /// dy ← dy · f′(y)
    #[inline(always)]
    pub fn map_grad<S: Simd, A: MapGrad, const N: usize>(
        s: S,
        y: &[[f32; N]],
        dy: &mut [[f32; N]],
    ) {
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
        /// One copy per row length.
        #[inline(never)]
        fn short<S: Simd, const N: usize>(s: S, x: &mut [[f32; N]]) {
            for row in x {
                softmax_row(s, row);
            }
        }
        if const { cfg!(rosenblatt_cortex_m) && N <= 16 } {
            return short(s.shared(), x);
        }
        // A call is worth it where it computes several rows at once.
        let columns = S::LANES > 1 && N <= 16 && !cfg!(target_os = "none");
        if const { N > 0 } && (called::<S>() || columns && x.len() >= S::LANES) {
            return s.shared().softmax(N, x.flat_mut());
        }
        for row in x {
            if const { S::INLINE_MAX == 0 } {
                shared(s.shared(), row);
            } else if const { N <= 4 && S::LANES > 4 } {
                softmax_four(s, row);
            } else {
                softmax_row(s, row);
            }
        }
    }

    /// [`softmax`] for sixteen samples side by side. More than 16 values are computed in rows, and
    /// so are all of a backend without lanes.
    #[inline(always)]
    pub fn softmax_columns<S: Simd, const N: usize>(s: S, x: &mut Columns<[f32; N]>) {
        if const { N >= 2 && N <= 16 && S::LANES > 1 } {
            // SAFETY: 16·N values, and N is in the range.
            unsafe { s.shared().softmax_samples(N, core::ptr::from_mut(x).cast()) };
        } else {
            let mut rows = [[0.0; N]; SAMPLES];
            x.get(s, &mut rows);
            softmax(s, &mut rows);
            x.set(s, &rows);
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

/// Public functions that run a [`Map`] over a slice.
macro_rules! face {
    ($($(#[$doc:meta])* $name:ident = $map:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(backend: Backend, x: &mut [f32]) {
            dispatch!(backend, s => map_body::<_, $map>(s, x));
        }
    )*};
}

/// Public functions that run the gradient of a [`MapGrad`] over two slices.
macro_rules! face_grad {
    ($($(#[$doc:meta])* $name:ident = $map:ty;)*) => {$(
        $(#[$doc])*
        /// # Panics
        /// If the lengths differ.
        pub fn $name(backend: Backend, y: &[f32], dy: &mut [f32]) {
            assert!(y.len() == dy.len(), "y has {} values, dy has {}", y.len(), dy.len());
            dispatch!(backend, s => map_grad_body::<_, $map>(s, y, dy));
        }
    )*};
}

face! {
    /// x ← eˣ
    ///
    /// Error at most 0.914 ULP over all inputs (`cargo xtask ulp exp`). ±0 gives 1, −∞ gives +0, ∞
    /// gives ∞. From 88.72284 on the result is ∞, below −103.97208 it is +0. Subnormal results are
    /// kept. NaN stays NaN. Method: Cody and Waite, *Software Manual for the Elementary Functions*,
    /// 1980, with a minimax polynomial of degree 6.
    ///
    /// ```
    /// use rosenblatt_kernels::{Backend, activation};
    /// let mut x = [0.0, 1.0, -200.0];
    /// activation::exp(Backend::detect(), &mut x);
    /// assert_eq!(x, [1.0, std::f32::consts::E, 0.0]);
    /// ```
    exp = Exp;
    /// x ← ln x
    ///
    /// Error at most 0.835 ULP over all inputs (`cargo xtask ulp ln`). ±0 gives −∞, ∞ gives ∞, 1
    /// gives +0. Below zero the result is NaN. NaN stays NaN. Method and coefficients: FreeBSD's
    /// `logf` (Sun Microsystems).
    ln = Ln;
    /// x ← tanh x
    ///
    /// Error at most 1.506 ULP over all inputs (`cargo xtask ulp tanh`). ±0 and subnormal numbers
    /// stay, ±∞ gives ±1, NaN stays NaN. tanh(−x) is −tanh(x) to the bit. Method: Cephes' `tanhf`
    /// (S. Moshier) near zero; from 0.625 on an argument reduction
    /// ([`math::tanh`]).
    tanh = Tanh;
    /// x ← 1 / (1 + e⁻ˣ)
    ///
    /// Error at most 1.684 ULP over all inputs (`cargo xtask ulp sigmoid`). ±0 gives ½, −∞ gives
    /// +0, ∞ gives 1, NaN stays NaN. Small results are kept down to the subnormal numbers.
    sigmoid = Sigmoid;
    /// x ← x for x > 0, else +0. Exact; NaN stays NaN.
    relu = Relu;
    /// x ← 1 for x > 0, else 0. NaN stays NaN.
    step = Step;
    /// x ← cos πx: the cosine of x half turns, for which every argument reduction is exact
    ///
    /// Error at most 1.647 ULP over all inputs (`cargo xtask ulp cos-pi`). cos π(−x) is cos πx to
    /// the bit. The result is +0 at every half, ±1 at every whole number, 1 from 2²⁴ on. ±∞ gives
    /// NaN, NaN stays NaN.
    ///
    /// ```
    /// use rosenblatt_kernels::{Backend, activation};
    /// let mut x = [0.0, 0.5, 1.0, 1e9];
    /// activation::cos_pi(Backend::detect(), &mut x);
    /// assert_eq!(x, [1.0, 0.0, -1.0, 1.0]);
    /// ```
    cos_pi = CosPi;
}

/// x ← x for x ≥ 0, else x · `NUM` / `DEN`. Rounded once; NaN stays NaN.
pub fn leaky_relu<const NUM: u32, const DEN: u32>(backend: Backend, x: &mut [f32]) {
    dispatch!(backend, s => map_body::<_, LeakyRelu<NUM, DEN>>(s, x));
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
pub fn ln_grad(backend: Backend, x: &[f32], dy: &mut [f32]) {
    #[inline(always)]
    fn body<S: Simd>(s: S, x: &[f32], dy: &mut [f32]) {
        for_each_register(
            s,
            x.len().min(dy.len()),
            #[inline(always)]
            |i, part| {
                // SAFETY: `for_each_register` stays below both lengths.
                unsafe {
                    let p = dy.as_mut_ptr().add(i);
                    store(
                        s,
                        p,
                        part,
                        s.div(load(s, p.cast_const(), part), load(s, x.as_ptr().add(i), part)),
                    );
                }
            },
        );
    }
    assert!(x.len() == dy.len(), "x has {} values, dy has {}", x.len(), dy.len());
    dispatch!(backend, s => body(s, x, dy));
}

/// dy ← dy where y > 0, else dy · `NUM` / `DEN`
/// # Panics
/// If the lengths differ.
pub fn leaky_relu_grad<const NUM: u32, const DEN: u32>(
    backend: Backend,
    y: &[f32],
    dy: &mut [f32],
) {
    assert!(y.len() == dy.len(), "y has {} values, dy has {}", y.len(), dy.len());
    dispatch!(backend, s => map_grad_body::<_, LeakyRelu<NUM, DEN>>(s, y, dy));
}

/// Each row of `n` values ← softmax(row): `y[j] = exp(x[j] − max x) / Σ exp(x[i] − max x)`
///
/// The sum runs over sixteen virtual lanes ([`crate::vector::dot`]). A row with NaN or +∞, or of
/// nothing but −∞, becomes NaN.
/// # Panics
/// If `n` is 0 or does not divide the length.
pub fn softmax(backend: Backend, n: usize, x: &mut [f32]) {
    assert!(n > 0 && x.len().is_multiple_of(n), "{} values are no rows of {n}", x.len());
    dispatch!(backend, s => softmax_rows(s, n, x));
}

/// Each row of dy ← y·(dy − Σ dy·y), y = softmax(x): the Jacobian of softmax times dy
///
/// The sum runs over sixteen virtual lanes ([`crate::vector::dot`]).
/// # Panics
/// If `n` is 0 or does not divide the lengths, or the lengths differ.
pub fn softmax_grad(backend: Backend, n: usize, y: &[f32], dy: &mut [f32]) {
    assert!(y.len() == dy.len(), "y has {} values, dy has {}", y.len(), dy.len());
    assert!(n > 0 && y.len().is_multiple_of(n), "{} values are no rows of {n}", y.len());
    dispatch!(backend, s => softmax_grad_rows(s, n, y, dy));
}
