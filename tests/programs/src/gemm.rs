//! A matrix product of 32×32×32, a usual comparison of libraries for chips.

use crate::{Fingerprint, Program};
use rosenblatt_kernels::{Backend, Simd, dispatch, gemm};

/// A square matrix.
type Square = [[f32; 32]; 32];

/// y = x·w + b
pub struct Matrices {
    x: Square,
    w: Square,
    b: [f32; 32],
    y: Square,
}

impl Matrices {
    /// Integers in a fixed pattern, divided by a power of two. None is zero, and sums are rounded.
    fn fill(&mut self) {
        let mut number = 1u32;
        let rows = self.x.iter_mut().chain(&mut self.w).chain([&mut self.b]);
        for value in rows.flatten() {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let whole = (number >> 16) as i16 | 1;
            *value = f32::from(whole) / 16_384.0;
        }
    }

    fn multiply(&mut self, backend: Backend) {
        #[inline(always)]
        fn on<S: Simd>(s: S, all: &mut Matrices) {
            gemm::typed::gemm(s, &all.x, &all.w, &all.b, &mut all.y);
        }
        dispatch!(backend, s => on(s, self));
    }
}

/// The product.
pub struct Gemm32;

impl Program for Gemm32 {
    const NAME: &'static str = "gemm32";
    type Net = ();
    const NET: () = ();
    type Trainer = Matrices;
    const TRAINER: Matrices =
        Matrices { x: [[0.0; 32]; 32], w: [[0.0; 32]; 32], b: [0.0; 32], y: [[0.0; 32]; 32] };

    fn run(
        backend: Backend,
        (): &mut (),
        all: &mut Matrices,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        all.fill();
        // One bit of the first weight would be rounded away. A sum starts at the bias, where a bit
        // is visible.
        spoil(&mut all.b);
        all.multiply(backend);
        let mut hash = Fingerprint::default();
        hash.add(all.y.as_flattened());
        hash.end()
    }

    fn infer((): &()) -> bool {
        false
    }

    fn step((): &mut (), all: &mut Matrices) -> bool {
        all.multiply(Backend::detect());
        true
    }
}
