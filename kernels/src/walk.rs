//! How a kernel walks over slices: full registers, then the rest. Sums use one fixed tree.

use crate::{math::compensated, simd::Simd};
use core::{hint::black_box, mem::MaybeUninit};

/// A RISC-V chip without an FPU, built for speed. [`for_each_register`] hides its number of rounds
/// from the compiler there: it counts a call for floats as one instruction, and unrolls eight
/// rounds of `tanh` to 5 KB.
const HIDES_ROUNDS: bool = cfg!(all(
    target_os = "none",
    any(target_arch = "riscv32", target_arch = "riscv64"),
    not(any(rosenblatt_small, rosenblatt_riscv_fpu))
));

/// The lanes of a register in one step of [`for_each_register`]: all (`None`) or the first few.
pub(crate) type Part<S> = Option<<S as Simd>::Tail>;

/// Loads the values at `p`.
/// # Safety
/// `p` must be valid for reading the lanes of `part`.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd>(s: S, p: *const f32, part: Part<S>) -> S::F {
    // SAFETY: the caller's promise is what load and load_tail require.
    unsafe {
        match part {
            None => s.load(p),
            Some(tail) => s.load_tail(p, tail),
        }
    }
}

/// Writes the lanes of `part` to `p`.
/// # Safety
/// `p` must be valid for writing these lanes.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd>(s: S, p: *mut f32, part: Part<S>, x: S::F) {
    // SAFETY: the caller's promise is what store and store_tail require.
    unsafe {
        match part {
            None => s.store(p, x),
            Some(tail) => s.store_tail(p, tail, x),
        }
    }
}

/// Calls `f(offset, part)` with parts that cover each index below `n` exactly once.
#[inline(always)]
pub(crate) fn for_each_register<S: Simd>(s: S, n: usize, mut f: impl FnMut(usize, Part<S>)) {
    let n = if const { HIDES_ROUNDS } { black_box(n) } else { n };
    let full = n / S::LANES * S::LANES;
    let mut i = 0;
    while i < full {
        f(i, None);
        i += S::LANES;
    }
    if i < n {
        f(i, Some(s.tail(n - i)));
    }
}

/// [`reduce_sum`] adds up to this many terms in one block, four per lane. Longer sums go block by
/// block.
const BLOCK: usize = 64;

/// x₀ + … + xₙ₋₁ over sixteen virtual lanes. Index i goes to lane i mod 16. Each lane adds from +0
/// in the order of i. The lanes are joined by halves (i + i+8, i + i+4, i + i+2, i + i+1). A zero
/// sum is +0. The bits are the same on every backend.
///
/// More than 64 terms are added in blocks of 64. Each lane adds the sums of its blocks with
/// compensation (Kahan, 1965), so the error does not grow with n: at most 10 units of 2⁻²⁴ of Σ|x|,
/// for up to 10⁹ terms.
///
/// `term(offset, part)` returns a register of terms. Its lanes outside the part are ignored.
#[inline(always)]
pub(crate) fn reduce_sum<S: Simd>(
    s: S,
    n: usize,
    mut term: impl FnMut(usize, Part<S>) -> S::F,
) -> f32 {
    if n > BLOCK {
        return blocks(s, n, &mut term);
    }
    let zero = s.splat(0.0);
    let lanes = fold(
        s,
        n,
        zero,
        #[inline(always)]
        |a, b| s.add(a, b),
        term,
    );
    // Adding +0 (a missing lane, the last `+ 0.0`) changes only the sign of a zero sum, to +.
    s.sum_lanes(lanes) + 0.0
}

/// [`reduce_sum`] of more than one block, compiled once for each kind of term.
#[inline(never)]
fn blocks<S: Simd>(s: S, n: usize, term: &mut impl FnMut(usize, Part<S>) -> S::F) -> f32 {
    s.vectorize(
        #[inline(always)]
        || {
            let zero = s.splat(0.0);
            let registers = 16 / S::LANES;
            // The sums so far, lane by lane, and their rounding excess.
            let (mut sums, mut excess) = ([zero; 16], [zero; 16]);
            let mut start = 0;
            while start < n {
                let end = n.min(start + BLOCK);
                let acc = lane_sums(s, start, end, term);
                for ((sum, excess), x) in sums.iter_mut().zip(&mut excess).zip(acc).take(registers)
                {
                    (*sum, *excess) = compensated(s, *sum, *excess, x);
                }
                start = end;
            }
            let mut half = registers / 2;
            while half > 0 {
                for v in 0..half {
                    sums[v] = s.add(sums[v], sums[v + half]);
                }
                half /= 2;
            }
            s.sum_lanes(sums[0]) + 0.0
        },
    )
}

/// The sums of the lanes over the terms of one block, from `start` to `end` (exclusive).
#[inline(always)]
fn lane_sums<S: Simd>(
    s: S,
    start: usize,
    end: usize,
    term: &mut impl FnMut(usize, Part<S>) -> S::F,
) -> [S::F; 16] {
    let zero = s.splat(0.0);
    let mut acc = [zero; 16];
    if const { S::LANES == 1 } {
        for i in start..end {
            // A block starts at a multiple of 16.
            acc[i % 16] = s.add(acc[i % 16], term(i, None));
        }
        return acc;
    }
    let mut i = start;
    while i < end {
        for (v, acc) in acc.iter_mut().enumerate().take(16 / S::LANES) {
            let i = i + v * S::LANES;
            if i + S::LANES <= end {
                *acc = s.add(*acc, term(i, None));
            } else if i < end {
                let tail = s.tail(end - i);
                *acc = s.add(*acc, s.fill(tail, term(i, Some(tail)), zero));
            }
        }
        i += 16;
    }
    acc
}

/// The greatest of x₀ … xₙ₋₁; −∞ where n is 0. If a term is NaN, the result is that NaN or any
/// other term.
#[inline(always)]
pub(crate) fn reduce_max<S: Simd>(s: S, n: usize, term: impl FnMut(usize, Part<S>) -> S::F) -> f32 {
    let low = s.splat(f32::NEG_INFINITY);
    s.max_lanes(fold(
        s,
        n,
        low,
        #[inline(always)]
        |a, b| s.max(a, b),
        term,
    ))
}

/// [`fold`] of single values. Lanes without a term are not touched. `n` must not be 0.
#[inline(always)]
fn fold_values<F: Copy>(n: usize, join: impl Fn(F, F) -> F, mut term: impl FnMut(usize) -> F) -> F {
    let mut lanes = [MaybeUninit::<F>::uninit(); 16];
    let used = n.min(16);
    for (i, lane) in lanes.iter_mut().enumerate().take(used) {
        lane.write(term(i));
    }
    // SAFETY: every lane that is read below is one of the first `used` lanes, which the loop above
    // has written. Lane i mod 16 is read for i ≥ 16 only where n > 16, and then all lanes are
    // written. In the tree l + half < used. Lane 0 is written because n > 0.
    unsafe {
        for i in 16..n {
            let lane = lanes.get_unchecked_mut(i % 16);
            *lane = MaybeUninit::new(join(lane.assume_init(), term(i)));
        }
        let mut half = 8;
        while half > 0 {
            let mut l = 0;
            while l < half && l + half < used {
                let joined = join(
                    lanes.get_unchecked(l).assume_init(),
                    lanes.get_unchecked(l + half).assume_init(),
                );
                lanes.get_unchecked_mut(l).write(joined);
                l += 1;
            }
            half /= 2;
        }
        lanes.get_unchecked(0).assume_init()
    }
}

/// The sixteen virtual lanes of [`reduce_sum`] and [`reduce_max`], joined down to one register.
#[inline(always)]
fn fold<S: Simd>(
    s: S,
    n: usize,
    unit: S::F,
    join: impl Fn(S::F, S::F) -> S::F,
    mut term: impl FnMut(usize, Part<S>) -> S::F,
) -> S::F {
    if const { S::LANES == 1 } {
        // One value after the other.
        return if n == 0 {
            unit
        } else {
            fold_values(
                n,
                join,
                #[inline(always)]
                |i| term(i, None),
            )
        };
    }
    let registers = 16 / S::LANES;
    let mut acc = [unit; 16];
    let full = n / 16 * 16;
    let mut i = 0;
    while i < full {
        for (v, acc) in acc.iter_mut().enumerate().take(registers) {
            *acc = join(*acc, term(i + v * S::LANES, None));
        }
        i += 16;
    }
    for acc in acc.iter_mut().take(registers) {
        if i + S::LANES <= n {
            *acc = join(*acc, term(i, None));
        } else if i < n {
            let tail = s.tail(n - i);
            *acc = join(*acc, s.fill(tail, term(i, Some(tail)), unit));
        }
        i += S::LANES;
    }
    let mut half = registers / 2;
    while half > 0 {
        for v in 0..half {
            // A lane without a term is the unit: joining it changes nothing.
            if (v + half) * S::LANES < n {
                acc[v] = join(acc[v], acc[v + half]);
            }
        }
        half /= 2;
    }
    acc[0]
}
