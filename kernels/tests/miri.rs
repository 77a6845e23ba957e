//! What Miri can finish: every kernel at small and awkward sizes, for the sake of its memory accesses.

use rosenblatt_kernels::{
    Level, Plain, blas, dispatch, fixed, identity,
    normalize::{self, BatchMoments, Moments, Scale},
};

/// The fastest backend that the build allows, beside the scalar one that it is compared with.
#[test]
fn every_kernel() {
    let level = Level::detect();
    let mut checks = 0;
    identity::each(level, &mut |name, outcome| {
        assert!(outcome.checks > 0, "{level} {name}");
        assert_eq!(outcome.mismatches, 0, "{level} {name}");
        checks += outcome.checks;
    });
    println!("backend {level}: {checks} checks");
}

/// Five values that claim to be none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
struct Liar([f32; 5]);

// SAFETY: five f32 in memory. Overriding `as_flat` and `as_flat_mut` breaks the contract on purpose: no kernel may trust them.
unsafe impl Plain for Liar {
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
    for level in Level::available() {
        let honest = [[1.0, 2.0, -3.0, 4.0, 0.5], [0.25, -2.0, 3.0, 1.0, 7.0], [0.0, 1.0, 0.5, -1.0, 2.0]];
        assert_eq!(moments(level, honest.map(Liar)), moments(level, honest).map(|row| row.map(Liar)));
        let (mut w, mut dw) = (Liar(honest[0]), Liar(honest[1]));
        fixed::sgd(level, 0.5, &mut w, &dw);
        fixed::clip_value(level, 0.5, &mut dw);
        assert_eq!((w.0[0], dw.0[1]), (1.0 - 0.125, -0.5));
        let (mut y, mut z) = ([0.0; 3], [0.0; 3]);
        dispatch!(level, s => blas::fixed::affine::<_, { usize::MAX }, _, _, _>(s, &honest, &honest[1], &0.5, &mut y));
        dispatch!(level, s => blas::fixed::affine::<_, { usize::MAX }, _, _, _>(s, &honest, &Liar(honest[1]), &0.5, &mut z));
        assert_eq!(y, z);
    }
}

/// Normalized rows, forward and backward.
fn moments<R: Plain>(level: Level, x: [R; 3]) -> [[R; 3]; 5] {
    let mut of_columns = BatchMoments { mean: R::ZERO, rest: R::ZERO, variance: R::ZERO };
    let mut average = Moments { mean: R::ZERO, variance: R::ZERO };
    let p = Scale { gamma: x[1], beta: x[2] };
    let (mut dp, mut dq) = (Scale { gamma: R::ZERO, beta: R::ZERO }, Scale { gamma: R::ZERO, beta: R::ZERO });
    let [mut y, mut z, mut dx, mut dz] = [[R::ZERO; 3]; 4];
    let [mut mean, mut rest, mut variance] = [[0.0; 3]; 3];
    dispatch!(level, s => {
        normalize::moments(s, &x, &mut of_columns);
        normalize::moving(&mut average, &of_columns);
        normalize::batch_own(s, &x, &of_columns, &p, &mut y);
        normalize::batch_grad(s, &x, &of_columns, &p, &y, &mut dp, Some(&mut dx));
        normalize::layer(s, &x, &p, &mut z, Some((&mut mean, &mut rest, &mut variance)));
        normalize::layer_grad(s, &x, (&mean, &rest, &variance), &p, &z, &mut dq, Some(&mut dz));
    });
    [y, z, dx, dz, [of_columns.mean, average.variance, dp.gamma]]
}
