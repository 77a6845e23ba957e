//! A backend whose kernels are always called, never compiled in place.

use crate::{delegate::operations_of, simd::Simd};

/// The backend `S` with [`Simd::INLINE_MAX`] 0. It is for code that runs rarely (a last, shorter
/// mini-batch), where another inlined copy would cost more than it gains.
#[derive(Clone, Copy, Debug)]
pub struct OutOfLine<S>(pub S);

// SAFETY: an `OutOfLine` holds the token of `S`, and all operations are that token's.
unsafe impl<S: Simd> Simd for OutOfLine<S> {
    const INLINE_MAX: usize = 0;
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
