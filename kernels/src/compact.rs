//! A backend whose kernels are all called, never unrolled in place.

use crate::{delegate::operations_of, simd::Simd};

/// The backend `S` with [`Simd::INLINE`] 0: for code that is rarely run (a last, shorter mini-batch), where another unrolled copy would cost
/// more than it gains.
#[derive(Clone, Copy, Debug)]
pub struct Compact<S>(pub S);

// SAFETY: a `Compact` holds the token it stands for, and all operations are that token's.
unsafe impl<S: Simd> Simd for Compact<S> {
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

    operations_of!(S);
}
