//! Samples side by side: lane i of a register belongs to sample i.
//!
//! A layer of few units fills a part of a register where the lanes run over the units. Here sixteen
//! samples lie as columns, one for each value of a sample. Every register is full, and no sum runs
//! across lanes. Each sum has the same terms in the same order as in a sample of its own, so the
//! bits are the same.

use crate::{
    array::{F32Array, F32Rows, copy_rows},
    gemm::typed::fits,
    simd::{Bodies, Simd},
};
use core::ptr;

/// The number of samples side by side: the lanes of the widest register.
pub const SAMPLES: usize = 16;

/// Whether the backend `S` computes with samples side by side. A scalar backend has no lanes, and a
/// chip has no stack for the columns.
#[must_use]
pub const fn pays<S: Simd>() -> bool {
    S::LANES > 1 && !cfg!(target_os = "none")
}

/// The fewest samples of `n` values that are computed faster side by side than one after the other
/// (measured on AVX2, xor and iris: 9). Missing samples are zeros; of many values they cost too much.
#[must_use]
pub const fn least<S: Simd>(n: usize) -> usize {
    let fewest = 64 / S::LANES + 1;
    if n <= SAMPLES && fewest < SAMPLES { fewest } else { SAMPLES }
}

/// Sixteen samples of type `X` side by side: value `j` of sample `i` is `rows()[j][i]`.
///
/// ```
/// use rosenblatt_kernels::{Backend, columns::Columns, dispatch};
///
/// let mut x = Columns::<[f32; 3]>::ZERO;
/// dispatch!(Backend::detect(), s => x.set(s, &[[1.0, 2.0, 3.0]; 16]));
/// assert_eq!(x.rows(), [[1.0; 16], [2.0; 16], [3.0; 16]]);
/// ```
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Columns<X: F32Array>([X; SAMPLES]);

impl<X: F32Array> Columns<X> {
    /// All values +0.
    pub const ZERO: Self = Self([X::ZERO; SAMPLES]);

    /// Value `j` of each sample is row `j`.
    #[inline(always)]
    #[must_use]
    pub fn rows(&self) -> &[[f32; SAMPLES]] {
        self.0.flat().as_chunks().0
    }

    /// [`Columns::rows`], mutable.
    #[inline(always)]
    #[must_use]
    pub fn rows_mut(&mut self) -> &mut [[f32; SAMPLES]] {
        self.0.flat_mut().as_chunks_mut().0
    }

    /// The same columns as those of another type with as many values. `None` if the numbers
    /// differ.
    #[inline(always)]
    #[must_use]
    pub const fn matching<Y: F32Array>(&self) -> Option<&Columns<Y>> {
        if const { X::LEN == Y::LEN } {
            // SAFETY: both are 16·LEN values of f32, aligned alike; `F32Array` promises this.
            unsafe { Some(&*ptr::from_ref(self).cast()) }
        } else {
            None
        }
    }

    /// Takes the values of at most sixteen samples. Those of missing samples are +0.
    #[inline(always)]
    pub fn set<S: Simd>(&mut self, s: S, x: &[X]) {
        let padded;
        let x = if let Some(x) = x.first_chunk::<SAMPLES>() {
            x
        } else {
            let mut all = [X::ZERO; SAMPLES];
            copy_rows(x, &mut all);
            padded = all;
            &padded
        };
        // SAFETY: both hold 16·LEN values.
        unsafe { s.shared().set_columns(X::LEN, x.as_ptr().cast(), ptr::from_mut(self).cast()) };
    }

    /// Gives the values of at most sixteen samples.
    #[inline(always)]
    pub fn get<S: Simd>(&self, s: S, x: &mut [X]) {
        let from = ptr::from_ref(self).cast();
        if let Some(x) = x.first_chunk_mut::<SAMPLES>() {
            // SAFETY: both hold 16·LEN values.
            unsafe { s.shared().get_columns(X::LEN, from, x.as_mut_ptr().cast()) };
        } else {
            let mut all = [X::ZERO; SAMPLES];
            // SAFETY: both hold 16·LEN values.
            unsafe { s.shared().get_columns(X::LEN, from, all.as_mut_ptr().cast()) };
            copy_rows(&all, x);
        }
    }
}

/// y ← x·w + b for sixteen samples, with the sums of [`gemm`](crate::gemm). `w` is k×n, where k is
/// the number of values of an `X` and n that of a `Y`.
#[inline(always)]
pub fn affine<S: Simd, X: F32Array, W: F32Array, Y: F32Array>(
    s: S,
    x: &Columns<X>,
    w: &W,
    b: &Y,
    y: &mut Columns<Y>,
) {
    const { fits::<X, W, Y>() };
    // SAFETY: k and n are in the types, and `fits` compares them with the number of weights.
    unsafe {
        s.shared().affine_columns(
            (X::LEN, Y::LEN),
            ptr::from_ref(x).cast(),
            ptr::from_ref(w).cast(),
            ptr::from_ref(b).cast(),
            ptr::from_mut(y).cast(),
        );
    }
}

/// [`Columns::set`] of `n` values a sample.
///
/// # Safety
/// `x` must be valid for reading 16·n values, `y` for writing as many.
#[inline(always)]
pub(crate) unsafe fn set_body<S: Simd>(s: S, n: usize, x: *const f32, y: *mut f32) {
    let mut first = 0;
    while first < SAMPLES {
        // SAFETY: the samples from `first` on are LANES many, because LANES divides 16. A four of
        // columns lies inside a sample.
        unsafe {
            let (x, y) = (x.add(first * n), y.add(first));
            let mut j = 0;
            while j + 4 <= n {
                for (c, column) in s.gather4(x.add(j), n, S::LANES).into_iter().enumerate() {
                    s.store(y.add((j + c) * SAMPLES), column);
                }
                j += 4;
            }
            while j < n {
                s.store(y.add(j * SAMPLES), s.gather(x.add(j), n, S::LANES));
                j += 1;
            }
        }
        first += S::LANES;
    }
}

/// [`Columns::get`] of `n` values a sample.
///
/// # Safety
/// `x` must be valid for reading 16·n values, `y` for writing as many.
#[inline(always)]
pub(crate) unsafe fn get_body<S: Simd>(s: S, n: usize, x: *const f32, y: *mut f32) {
    let mut first = 0;
    while first < SAMPLES {
        // SAFETY: the samples from `first` on are LANES many, because LANES divides 16. A four of
        // columns lies inside a sample; fewer columns are a whole sample, and of the last one only
        // these are written.
        unsafe {
            let (x, y) = (x.add(first), y.add(first * n));
            let column = |j: usize| s.load(x.add(j * SAMPLES));
            let zero = s.splat(0.0);
            match n {
                0 => {}
                1 => s.store(y, column(0)),
                2 => s.scatter4(y, n, n, [column(0), column(1), zero, zero]),
                3 => s.scatter4(y, n, n, [column(0), column(1), column(2), zero]),
                _ => {
                    let mut j = 0;
                    while j < n {
                        // The last four may overlap the four before.
                        j = j.min(n - 4);
                        let four = [column(j), column(j + 1), column(j + 2), column(j + 3)];
                        s.scatter4(y.add(j), n, 4, four);
                        j += 4;
                    }
                }
            }
        }
        first += S::LANES;
    }
}

/// [`affine`] of k inputs and n outputs.
///
/// # Safety
/// `x` must be valid for reading 16·k values, `w` k·n, `b` n; `y` for writing 16·n.
#[inline(always)]
pub(crate) unsafe fn affine_body<S: Simd>(
    s: S,
    (k, n): (usize, usize),
    x: *const f32,
    w: *const f32,
    b: *const f32,
    y: *mut f32,
) {
    let mut j = 0;
    /// As many blocks of `$outputs` outputs as are left, in `$registers` registers of samples.
    macro_rules! blocks {
        ($outputs:literal, $registers:literal) => {
            while n - j >= $outputs {
                let mut first = 0;
                while first < SAMPLES {
                    // SAFETY: the outputs from j on are below n, and the samples from `first` on
                    // below 16.
                    unsafe {
                        block::<S, $outputs, $registers>(
                            s,
                            (k, n),
                            x.add(first),
                            w.add(j),
                            b.add(j),
                            y.add(j * SAMPLES + first),
                        );
                    }
                    first += $registers * S::LANES;
                }
                j += $outputs;
            }
        };
    }
    // Eight sums hide the latency of an addition, and leave registers for the operands.
    if const { S::LANES == SAMPLES } {
        blocks!(8, 1);
        blocks!(4, 1);
        blocks!(3, 1);
        blocks!(2, 1);
        blocks!(1, 1);
    } else if const { S::LANES == 1 } {
        blocks!(1, 1);
    } else {
        blocks!(4, 2);
        blocks!(3, 2);
        blocks!(2, 2);
        blocks!(1, 2);
    }
}

/// `N` outputs of `R` registers of samples.
///
/// # Safety
/// As for [`affine_body`], for these outputs and samples.
#[inline(always)]
unsafe fn block<S: Simd, const N: usize, const R: usize>(
    s: S,
    (k, n): (usize, usize),
    x: *const f32,
    w: *const f32,
    b: *const f32,
    y: *mut f32,
) {
    // SAFETY: every address is one that the caller guarantees.
    unsafe {
        let mut sums = [[s.splat(0.0); R]; N];
        for (j, sums) in sums.iter_mut().enumerate() {
            *sums = [s.splat(*b.add(j)); R];
        }
        for p in 0..k {
            let mut values = [s.splat(0.0); R];
            for (r, value) in values.iter_mut().enumerate() {
                *value = s.load(x.add(p * SAMPLES + r * S::LANES));
            }
            for (j, sums) in sums.iter_mut().enumerate() {
                let weight = s.splat(*w.add(p * n + j));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = s.mul_add(value, weight, *sum);
                }
            }
        }
        for (j, sums) in sums.iter().enumerate() {
            for (r, sum) in sums.iter().enumerate() {
                s.store(y.add(j * SAMPLES + r * S::LANES), *sum);
            }
        }
    }
}
