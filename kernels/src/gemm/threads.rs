//! A large product on several threads (feature `threads`).
//!
//! Each thread computes some rows or columns of the result. No sum is divided, so the bits do not
//! depend on the number of threads.

use super::product::Product;
use crate::{environment::standard, simd::Simd};

/// The fewest multiply-adds for which a thread is asked. With 32 samples, 784-128-10 is as fast on
/// two threads as on one. Without optimization fewer are enough, and tests need small shapes.
const FEWEST: usize = if cfg!(debug_assertions) { 1 << 12 } else { 1 << 17 };

/// Rows and columns are divided at multiples of these numbers, so that tiles are whole.
const ROWS: usize = 16;
const COLUMNS: usize = 64;

/// How a product is divided.
#[derive(Clone, Copy)]
enum Along {
    Rows,
    Columns,
}

/// A product that several threads share.
struct Shared<S>(Product, S);

// SAFETY: the threads read `a`, `b`, the bias and the token. Each writes its own rows or columns of
// `c`, which nobody else reads: `divide` gives disjoint ranges.
unsafe impl<S: Simd> Sync for Shared<S> {}

impl<S: Simd> Shared<S> {
    /// The part `from..to` of the result, in the floating-point environment of the contract: each
    /// thread has its own.
    ///
    /// # Safety
    /// As for [`run`], for this part.
    unsafe fn part<const TRANSPOSED: bool>(&self, along: Along, from: usize, to: usize) {
        let part = match along {
            Along::Rows => self.0.rows(from, to),
            Along::Columns => self.0.columns(from, to),
        };
        // SAFETY: the caller's promise is the same; the part lies inside the product.
        standard(|| unsafe { part.called::<S, TRANSPOSED>(self.1) });
    }
}

/// The product on the threads of the current pool. Returns `false` and does nothing where one
/// thread is as fast.
///
/// # Safety
/// As for [`Product::call`], or with `TRANSPOSED` for [`Product::call_transposed`].
#[inline(always)]
pub(super) unsafe fn run<S: Simd, const TRANSPOSED: bool>(product: Product, s: S) -> bool {
    let (m, k, n) = product.mkn();
    let work = m.saturating_mul(k).saturating_mul(n);
    // SAFETY: the caller's promise is the same.
    work >= 2 * FEWEST && unsafe { large::<S::Shared, TRANSPOSED>(product, s.shared(), work) }
}

/// [`run`] for `work` multiply-adds.
///
/// # Safety
/// As for [`run`].
#[inline(never)]
unsafe fn large<S: Simd, const TRANSPOSED: bool>(product: Product, s: S, work: usize) -> bool {
    let (m, _, n) = product.mkn();
    let (along, len, step) = if m >= 2 * ROWS || TRANSPOSED {
        (Along::Rows, m, ROWS)
    } else {
        (Along::Columns, n, COLUMNS)
    };
    let parts = rayon::current_num_threads().min(work / FEWEST).min(len.div_ceil(step));
    if parts < 2 {
        return false;
    }
    let shared = Shared(product, s);
    divide(0, len, step, parts, &|from, to| {
        // SAFETY: the caller's promise holds for each part of the product.
        unsafe { shared.part::<TRANSPOSED>(along, from, to) }
    });
    true
}

/// Calls `f` with `parts` ranges that cover `from..to`, at the same time.
fn divide(from: usize, to: usize, step: usize, parts: usize, f: &(impl Fn(usize, usize) + Sync)) {
    let left = parts / 2;
    let middle = from + ((to - from) * left / parts.max(1)).next_multiple_of(step);
    if left == 0 || middle >= to {
        return f(from, to);
    }
    rayon::join(
        || divide(from, middle, step, left, f),
        || divide(middle, to, step, parts - left, f),
    );
}
