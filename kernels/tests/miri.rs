//! Memory accesses of every kernel, at sizes small enough for Miri, among them those at the edges
//! of registers and tiles.

use rosenblatt_kernels::{
    Backend, F32Array, dispatch, fixed, gemm,
    normalize::{self, BatchMoments, Moments, Scale},
};
use rosenblatt_suite::identity;

/// The fastest backend of the build. The suite compares it with the scalar backend.
#[test]
fn every_kernel() {
    let backend = Backend::detect();
    let mut checks = 0;
    identity::each(backend, &mut |name, outcome| {
        assert!(outcome.checks > 0, "{backend} {name}");
        assert_eq!(outcome.mismatches, 0, "{backend} {name}");
        checks += outcome.checks;
    });
    println!("backend {backend}: {checks} checks");
}

/// Five values whose view claims that there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
struct Liar([f32; 5]);

// SAFETY: five f32 in memory. Overriding `as_flat` and `as_flat_mut` breaks the contract on
// purpose: no kernel may trust them.
unsafe impl F32Array for Liar {
    const LEN: usize = 5;
    const ZERO: Self = Self([0.0; 5]);

    fn as_flat(&self) -> &[f32] {
        &[]
    }
    fn as_flat_mut(&mut self) -> &mut [f32] {
        &mut []
    }
}

#[test]
fn an_overridden_view_does_no_harm() {
    for backend in Backend::available() {
        let honest =
            [[1.0, 2.0, -3.0, 4.0, 0.5], [0.25, -2.0, 3.0, 1.0, 7.0], [0.0, 1.0, 0.5, -1.0, 2.0]];
        assert_eq!(
            moments(backend, honest.map(Liar)),
            moments(backend, honest).map(|row| row.map(Liar))
        );
        let (mut w, mut dw) = (Liar(honest[0]), Liar(honest[1]));
        fixed::sgd(backend, 0.5, &mut w, &dw);
        fixed::clip_value(backend, 0.5, &mut dw);
        assert_eq!((w.0[0], dw.0[1]), (1.0 - 0.125, -0.5));
        let (mut y, mut z) = ([0.0; 3], [0.0; 3]);
        dispatch!(backend, s => gemm::typed::affine::<_, { usize::MAX }, _, _, _>(
            s, &honest, &honest[1], &0.5, &mut y
        ));
        dispatch!(backend, s => gemm::typed::affine::<_, { usize::MAX }, _, _, _>(
            s, &honest, &Liar(honest[1]), &0.5, &mut z
        ));
        assert_eq!(y, z);
    }
}

/// Normalized rows, forward and backward.
fn moments<R: F32Array>(backend: Backend, x: [R; 3]) -> [[R; 3]; 5] {
    let mut of_columns = BatchMoments { mean: R::ZERO, mean_low: R::ZERO, variance: R::ZERO };
    let mut average = Moments { mean: R::ZERO, variance: R::ZERO };
    let p = Scale { gamma: x[1], beta: x[2] };
    let (mut dp, mut dq) =
        (Scale { gamma: R::ZERO, beta: R::ZERO }, Scale { gamma: R::ZERO, beta: R::ZERO });
    let [mut y, mut z, mut dx, mut dz] = [[R::ZERO; 3]; 4];
    let [mut mean, mut rest, mut variance] = [[0.0; 3]; 3];
    dispatch!(backend, s => {
        normalize::moments(s, &x, &mut of_columns);
        normalize::moving(0.01, &mut average, &of_columns);
        normalize::batch_own(s, 1e-3, &x, &of_columns, &p, &mut y);
        normalize::batch_grad(s, 1e-3, &x, &of_columns, &p, &y, &mut dp, Some(&mut dx));
        normalize::layer(s, 1e-3, &x, &p, &mut z, Some((&mut mean, &mut rest, &mut variance)));
        normalize::layer_grad(s, 1e-3, &x, (&mean, &rest, &variance), &p, &z, &mut dq, Some(&mut dz));
    });
    [y, z, dx, dz, [of_columns.mean, average.variance, dp.gamma]]
}
