//! The bit-identity suite: every kernel on one backend and on the scalar one, compared bit for bit,
//! with all results in one hash.
//!
//! It runs on every target of the kernels: a host, a wasm module, a microcontroller with 16 KiB of
//! RAM. The hash is one number that every target must reproduce; `tests/identity.golden` holds it.
//!
//! Shapes are irregular, and slices begin at any alignment. Values include subnormal numbers, zeros
//! of both signs, infinities and NaN. All NaN count as equal (payloads are outside the contract).
//! Values around a result must not change, and values around an input are NaN.
//!
//! Miri is thousands of times slower, so it runs only a part of the shapes and values. There the
//! suite checks the memory accesses, and the hash differs.
//!
//! ```
//! use rosenblatt_kernels::Backend;
//! use rosenblatt_suite::identity;
//! let outcome = identity::run(Backend::detect());
//! assert_eq!(outcome.mismatches, 0);
//! assert_eq!(outcome.hash, identity::run(Backend::baseline()).hash);
//! ```

use rosenblatt_kernels::{
    Backend,
    activation::{self, CosPi, Exp, LeakyRelu, Ln, Map, MapGrad, Relu, Sigmoid, Step, Tanh},
    array::F32Array,
    columns::{self, Columns},
    dispatch, dropout,
    environment::standard,
    gemm, loss,
    normalize::{self, BatchMoments, Moments, Scale},
    optimizer::{self, AdamStep},
    pool as windows, recurrent, regularize, vector,
};

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Number of compared values.
    pub checks: u32,
    /// Number of values that differed.
    pub mismatches: u32,
    /// FNV-1a (64 bits) over the bits of the backend's results, little-endian, every NaN as
    /// 0x7fc00000.
    pub hash: u64,
}

impl Outcome {
    const EMPTY: Self = Self { checks: 0, mismatches: 0, hash: 0xcbf2_9ce4_8422_2325 };

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Compares two results value by value and adds the first to the hash.
    #[inline(never)]
    pub fn compare(&mut self, got: &[f32], want: &[f32]) {
        self.mismatches += u32::from(got.len() != want.len());
        for (got, want) in got.iter().zip(want) {
            let (got, want) = (canonical(*got), canonical(*want));
            self.checks += 1;
            self.mismatches += u32::from(got != want);
            self.add(&got.to_le_bytes());
        }
    }
}

/// The bits of a value; 0x7fc00000 for every NaN.
pub fn canonical(x: f32) -> u32 {
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}

/// Runs all kernels. The hash is over the hashes of [`each`].
pub fn run(backend: Backend) -> Outcome {
    let mut total = Outcome::EMPTY;
    each(backend, &mut |_, outcome| {
        total.checks += outcome.checks;
        total.mismatches += outcome.mismatches;
        total.add(&outcome.hash.to_le_bytes());
    });
    total
}

/// Calls `report` with the name and the outcome of each kernel. Each kernel has its own inputs: its
/// hash does not depend on the others.
pub fn each(backend: Backend, report: &mut dyn FnMut(&'static str, Outcome)) {
    let mut pool = Pool([0.0; POOL]);
    for (seed, (name, kernel)) in (1..).zip(KERNELS) {
        let mut judge = Judge { backend, random: Random(seed << 16), outcome: Outcome::EMPTY };
        kernel(&mut judge, &mut pool);
        report(name, judge.outcome);
    }
}

type Kernel = (&'static str, fn(&mut Judge, &mut Pool));

/// The order is fixed: the place in the list is the seed. New kernels go to the end.
const KERNELS: [Kernel; 59] = [
    ("gemm", |judge, pool| gemm(judge, pool, &SHAPES)),
    ("gemm_tn", |judge, pool| gemm_tn(judge, pool, &SHAPES)),
    ("gemm_nt", |judge, pool| gemm_nt(judge, pool, &SHAPES)),
    ("gemm fixed", gemm_fixed),
    ("gemm_tn fixed", gemm_tn_fixed),
    ("gemm_nt fixed", gemm_nt_fixed),
    ("dot", dot),
    ("axpy", axpy),
    ("sum_rows", sum_rows),
    ("exp", |judge, pool| map::<Exp>(judge, pool, activation::exp)),
    ("ln", |judge, pool| map::<Ln>(judge, pool, activation::ln)),
    ("tanh", |judge, pool| map::<Tanh>(judge, pool, activation::tanh)),
    ("sigmoid", |judge, pool| map::<Sigmoid>(judge, pool, activation::sigmoid)),
    ("relu", |judge, pool| map::<Relu>(judge, pool, activation::relu)),
    ("leaky_relu", |judge, pool| {
        map::<LeakyRelu<1, 10>>(judge, pool, activation::leaky_relu::<1, 10>)
    }),
    ("step", |judge, pool| map::<Step>(judge, pool, activation::step)),
    ("tanh_grad", |judge, pool| map_grad::<Tanh>(judge, pool, activation::tanh_grad)),
    ("sigmoid_grad", |judge, pool| map_grad::<Sigmoid>(judge, pool, activation::sigmoid_grad)),
    ("relu_grad", |judge, pool| map_grad::<Relu>(judge, pool, activation::relu_grad)),
    ("leaky_relu_grad", |judge, pool| {
        map_grad::<LeakyRelu<1, 10>>(judge, pool, activation::leaky_relu_grad::<1, 10>);
    }),
    ("softmax", softmax),
    ("softmax_grad", softmax_grad),
    ("softmax fixed", softmax_fixed),
    ("squared_error", squared_error),
    ("binary_cross_entropy", binary_cross_entropy),
    ("categorical_cross_entropy", categorical_cross_entropy),
    ("sparse_cross_entropy", sparse_cross_entropy),
    ("sgd", sgd),
    ("adam", adam),
    ("all_finite", all_finite),
    ("exp_grad", |judge, pool| map_grad::<Exp>(judge, pool, activation::exp_grad)),
    ("ln_grad", ln_grad),
    ("momentum", |judge, pool| {
        update::<1>(judge, pool, |backend, lr, w, [v], dw| {
            optimizer::momentum(backend, lr, 0.9, w, v, dw)
        });
    }),
    ("nesterov", |judge, pool| {
        update::<1>(judge, pool, |backend, lr, w, [v], dw| {
            optimizer::nesterov(backend, lr, 0.9, w, v, dw)
        });
    }),
    ("adagrad", |judge, pool| {
        update::<1>(judge, pool, |backend, lr, w, [h], dw| {
            optimizer::adagrad(backend, lr, 1e-8, w, h, dw)
        });
    }),
    ("rmsprop", |judge, pool| {
        update::<1>(judge, pool, |backend, lr, w, [h], dw| {
            optimizer::rmsprop(backend, lr, 0.9, 1e-8, w, h, dw)
        });
    }),
    ("adamw", |judge, pool| {
        update::<2>(judge, pool, |backend, lr, w, [m, v], dw| {
            let step = AdamStep { alpha: lr, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
            optimizer::adamw(backend, step, 0.125 * lr, w, m, v, dw);
        });
    }),
    ("clip_value", clip_value),
    ("norm", norm),
    ("clip_norm", clip_norm),
    ("cos_pi", |judge, pool| map::<CosPi>(judge, pool, activation::cos_pi)),
    ("gru", cells::<GRU>),
    ("gru_grad", cells::<GRU_GRAD>),
    ("lstm", cells::<LSTM>),
    ("lstm_grad", cells::<LSTM_GRAD>),
    ("adding fixed", adding_fixed),
    ("moments", moments),
    ("batch", batch),
    ("batch_grad", batch_grad),
    ("layer", layer),
    ("layer_grad", layer_grad),
    ("dropout", dropout),
    ("regularize", regularize),
    ("pooling", pooling),
    ("products of few columns", few_columns),
    ("narrow products", narrow),
    ("softmax of many rows", softmax_of_many_rows),
    ("samples side by side", side_by_side),
    ("products of eight terms and of sixteen", eights),
];

/// Values in the one buffer that holds everything: 3840 bytes.
const POOL: usize = if cfg!(miri) { 320 } else { 960 };

/// Aligned, so that `shift` determines where a slice starts.
#[repr(align(64))]
struct Pool([f32; POOL]);

/// Values on both sides of a result that must not change.
const GUARD: usize = 4;

/// The unused rest of the pool.
struct Room<'a>(&'a mut [f32]);

impl<'a> Room<'a> {
    /// The whole pool, all NaN: a read beyond an input changes the result.
    fn new(pool: &'a mut Pool) -> Self {
        pool.0.fill(f32::NAN);
        Self(&mut pool.0)
    }

    /// `len` values that begin `shift` values after a multiple of 16 bytes. `None` if too little is
    /// left.
    #[inline(never)]
    fn take(&mut self, len: usize, shift: usize) -> Option<&'a mut [f32]> {
        let whole = (shift + len).next_multiple_of(4);
        if whole > self.0.len() {
            return None;
        }
        let (taken, rest) = core::mem::take(&mut self.0).split_at_mut(whole);
        self.0 = rest;
        taken.get_mut(shift..shift + len)
    }
}

/// The suite's own generator: a Weyl sequence through a 32-bit mixing function (`lowbias32` of C.
/// Wellons).
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        let mut z = self.0;
        z = (z ^ (z >> 16)).wrapping_mul(0x21f0_aaad);
        z = (z ^ (z >> 15)).wrapping_mul(0x735a_2d97);
        z ^ (z >> 15)
    }
}

/// The distribution of a case's inputs.
#[derive(Clone, Copy)]
enum Kind {
    /// Multiples of 2⁻²² in [−2, 2).
    Plain,
    /// Any finite number: sums overflow.
    Wide,
    /// Subnormal numbers, and numbers whose products are subnormal.
    Tiny,
    /// As `Plain`, mixed with zeros, infinities, NaN and the limits of the ranges.
    Special,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Plain, Self::Wide, Self::Tiny, Self::Special];

    /// All kinds with their index. Under Miri only one, which depends on `case`.
    fn each(case: usize) -> impl Iterator<Item = (usize, Self)> {
        Self::ALL.into_iter().enumerate().filter(move |(i, _)| !cfg!(miri) || case % 4 == *i)
    }

    fn value(self, random: &mut Random) -> f32 {
        const SPECIAL: [f32; 16] = [
            0.0,
            -0.0,
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            -f32::MIN_POSITIVE,
            f32::from_bits(1),
            -f32::from_bits(1),
            f32::from_bits(0x007f_ffff),
            1.0,
            -1.0,
        ];
        let u = random.next();
        // 24 bits minus 2²³: exact as f32, and so is the product with 2⁻²².
        let plain =
            ((u >> 8).cast_signed() - 0x0080_0000) as f32 * f32::from_bits((127 - 22) << 23);
        match self {
            Self::Plain => plain,
            Self::Wide if u & 0x7f80_0000 == 0x7f80_0000 => f32::from_bits(u & !0x4000_0000),
            Self::Wide => f32::from_bits(u),
            Self::Tiny => match random.next() % 4 {
                0 => f32::from_bits(u & 0x807f_ffff),
                // 2⁻⁷⁹ to 2⁻⁷¹
                _ => f32::from_bits(u & 0x83ff_ffff | 48 << 23),
            },
            Self::Special => {
                let choice = random.next();
                if choice.is_multiple_of(8) { SPECIAL[(choice >> 3) as usize % 16] } else { plain }
            }
        }
    }
}

/// The backend under test, the generator of inputs and the outcome so far.
struct Judge {
    backend: Backend,
    random: Random,
    outcome: Outcome,
}

impl Judge {
    #[inline(never)]
    fn fill(&mut self, x: &mut [f32], kind: Kind) {
        standard(|| x.iter_mut().for_each(|x| *x = kind.value(&mut self.random)));
    }

    /// An input of `len` values.
    #[inline(never)]
    fn input<'a>(
        &mut self,
        room: &mut Room<'a>,
        len: usize,
        shift: usize,
        kind: Kind,
    ) -> Option<&'a [f32]> {
        let x = room.take(len, shift % 4)?;
        self.fill(x, kind);
        Some(x)
    }

    /// Two equal outputs of `len` values, guards included.
    #[inline(never)]
    fn outputs<'a>(
        &mut self,
        room: &mut Room<'a>,
        len: usize,
        shift: usize,
        kind: Kind,
    ) -> Option<[&'a mut [f32]; 2]> {
        let first = room.take(len + 2 * GUARD, shift % 4)?;
        let second = room.take(len + 2 * GUARD, shift % 4)?;
        self.fill(first, kind);
        second.copy_from_slice(first);
        Some([first, second])
    }

    /// Both outputs must hold the same values between the old guards. One copy for all kernels: the
    /// suite must fit into the flash of every board.
    #[inline(never)]
    fn compare(&mut self, [a, b]: &mut [&mut [f32]; 2], before: &[u32; 2 * GUARD]) {
        self.outcome.mismatches +=
            u32::from(inside(a).1 != *before) + u32::from(inside(b).1 != *before);
        self.outcome.compare(inside(a).0, inside(b).0);
    }

    /// Runs two functions on equal outputs. They must write the same, and the guards must not
    /// change.
    fn same(
        &mut self,
        outputs: &mut [&mut [f32]; 2],
        first: impl FnOnce(&mut [f32]),
        second: impl FnOnce(&mut [f32]),
    ) {
        let [a, b] = outputs;
        let (inner, before) = inside(a);
        first(inner);
        second(inside(b).0);
        self.compare(outputs, &before);
    }

    /// Runs a function on the backend under test and on the scalar one.
    fn backends(&mut self, outputs: &mut [&mut [f32]; 2], f: impl Fn(Backend, &mut [f32])) {
        let [a, b] = outputs;
        let before = inside(a).1;
        // A loop that the compiler does not unroll: the kernel is compiled once for both backends,
        // and the suite fits into the flash of a chip.
        for i in 0..core::hint::black_box(2) {
            let (backend, out) =
                if i == 0 { (self.backend, &mut **a) } else { (Backend::baseline(), &mut **b) };
            f(backend, inside(out).0);
        }
        self.compare(outputs, &before);
    }
}

/// The values inside the guards, and the guards' bits.
#[inline(never)]
fn inside(x: &mut [f32]) -> (&mut [f32], [u32; 2 * GUARD]) {
    let len = x.len() - 2 * GUARD;
    let mut guards = [0; 2 * GUARD];
    for (i, guard) in guards.iter_mut().enumerate() {
        *guard = x[if i < GUARD { i } else { len + i }].to_bits();
    }
    (&mut x[GUARD..GUARD + len], guards)
}

/// m, k and n.
type Shape = (usize, usize, usize);

/// Every tile height and width of every backend with a rest in both directions, blocks of the sum,
/// empty matrices.
const SHAPES: [Shape; 30] = [
    (1, 1, 1),
    (1, 2, 8),
    (4, 2, 8),
    (4, 8, 1),
    (2, 3, 4),
    (3, 5, 7),
    (5, 4, 3),
    (7, 6, 5),
    (8, 1, 16),
    (8, 1, 32),
    (9, 5, 17),
    (1, 17, 33),
    (6, 9, 15),
    (16, 3, 2),
    (16, 1, 17),
    (17, 4, 9),
    (23, 1, 17),
    (33, 2, 3),
    (7, 3, 37),
    (3, 33, 4),
    (4, 1, 64),
    (2, 2, 64),
    (1, 2, 128),
    (2, 1, 67),
    (1, 300, 2),
    (300, 1, 2),
    (1, 2, 300),
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
];

/// Products with a rest of two columns, for which the assembly has routines of its own.
const FEW_COLUMNS: [Shape; 6] =
    [(1, 4, 2), (2, 5, 2), (5, 8, 2), (4, 3, 10), (3, 9, 10), (6, 7, 18)];

/// Products of few columns and so many rows that a backend of sixteen lanes gives each row a lane.
const NARROW: [Shape; 10] = [
    (16, 4, 1),
    (17, 3, 3),
    (33, 5, 2),
    (35, 6, 4),
    (16, 7, 5),
    (18, 2, 7),
    (19, 9, 8),
    (32, 1, 11),
    (34, 4, 12),
    (16, 5, 13),
];

/// Calls `f` with every shape and kind, and a shift that varies with them. `f` skips what does not
/// fit into the pool.
fn shapes(shapes: &[Shape], mut f: impl FnMut(Shape, Kind, usize) -> Option<()>) {
    for (i, &shape) in shapes.iter().enumerate() {
        let (m, k, n) = shape;
        if cfg!(miri) && m * k * n > 100 {
            continue;
        }
        for (j, kind) in Kind::each(i) {
            let _ = f(shape, kind, i + j);
        }
    }
}

fn gemm(judge: &mut Judge, pool: &mut Pool, all: &[Shape]) {
    shapes(all, |(m, k, n), kind, shift| {
        let mut room = Room::new(pool);
        let x = judge.input(&mut room, m * k, shift, kind)?;
        let w = judge.input(&mut room, k * n, shift + 1, kind)?;
        let b = judge.input(&mut room, n, shift + 2, kind)?;
        let mut y = judge.outputs(&mut room, m * n, shift + 3, kind)?;
        judge.backends(
            &mut y,
            |backend, y| dispatch!(backend, s => gemm::gemm(s, m, k, n, x, w, b, y)),
        );
        // A batch gives the same bits as its samples one by one.
        let backend = judge.backend;
        judge.same(
            &mut y,
            |y| dispatch!(backend, s => gemm::gemm(s, m, k, n, x, w, b, y)),
            |y| {
                for i in 0..m {
                    dispatch!(
                        backend,
                        s => gemm::gemv(s, w, &x[i * k..][..k], b, &mut y[i * n..][..n])
                    );
                }
            },
        );
        Some(())
    });
}

fn gemm_tn(judge: &mut Judge, pool: &mut Pool, all: &[Shape]) {
    shapes(all, |(m, k, n), kind, shift| {
        let mut room = Room::new(pool);
        let x = judge.input(&mut room, m * k, shift, kind)?;
        let dy = judge.input(&mut room, m * n, shift + 1, kind)?;
        let mut dw = judge.outputs(&mut room, k * n, shift + 2, kind)?;
        // From the old values, then from zero.
        judge.backends(
            &mut dw,
            |backend, dw| dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, x, dy, dw, true)),
        );
        judge.backends(
            &mut dw,
            |backend, dw| dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, x, dy, dw, false)),
        );
        // Adding sample after sample gives the same bits as the batch.
        let backend = judge.backend;
        judge.same(
            &mut dw,
            |dw| dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, x, dy, dw, false)),
            |dw| {
                dw.fill(0.0);
                for i in 0..m {
                    dispatch!(backend, s => gemm::ger(s, &x[i * k..][..k], &dy[i * n..][..n], dw));
                }
            },
        );
        Some(())
    });
}

fn gemm_nt(judge: &mut Judge, pool: &mut Pool, all: &[Shape]) {
    shapes(all, |(m, k, n), kind, shift| {
        let mut room = Room::new(pool);
        let dy = judge.input(&mut room, m * n, shift, kind)?;
        let w = judge.input(&mut room, k * n, shift + 1, kind)?;
        let mut dx = judge.outputs(&mut room, m * k, shift + 2, kind)?;
        judge.backends(
            &mut dx,
            |backend, dx| dispatch!(backend, s => gemm::gemm_nt(s, m, k, n, dy, w, dx)),
        );
        let backend = judge.backend;
        judge.same(
            &mut dx,
            |dx| dispatch!(backend, s => gemm::gemm_nt(s, m, k, n, dy, w, dx)),
            |dx| {
                for i in 0..m {
                    dispatch!(
                        backend,
                        s => gemm::gemv_t(s, w, &dy[i * n..][..n], &mut dx[i * k..][..k])
                    );
                }
            },
        );
        Some(())
    });
}

fn few_columns(judge: &mut Judge, pool: &mut Pool) {
    gemm(judge, pool, &FEW_COLUMNS);
    gemm_tn(judge, pool, &FEW_COLUMNS);
    gemm_nt(judge, pool, &FEW_COLUMNS);
}

fn narrow(judge: &mut Judge, pool: &mut Pool) {
    /// The same shapes with rows and columns of the result in the other product's place.
    const TURNED: [Shape; 10] = {
        let mut turned = NARROW;
        let mut i = 0;
        while i < turned.len() {
            let (m, k, n) = NARROW[i];
            turned[i] = (k, m, n);
            i += 1;
        }
        turned
    };
    gemm(judge, pool, &NARROW);
    gemm_tn(judge, pool, &TURNED);
    gemm_nt(judge, pool, &NARROW);
    gemm_fixed_narrow(judge, pool);
}

/// Numbers of terms for which the assembly of the Cortex-M has a routine of its own: with one row,
/// an even and an odd number of rows.
fn eights(judge: &mut Judge, pool: &mut Pool) {
    const EIGHTS: [Shape; 4] = [(1, 8, 8), (3, 8, 9), (4, 16, 8), (1, 16, 19)];
    gemm(judge, pool, &EIGHTS);
    gemm_tn(judge, pool, &EIGHTS);
    gemm_nt(judge, pool, &EIGHTS);
}

/// Calls a generic function for every kind with shapes in types.
macro_rules! typed {
    ($f:ident($judge:expr, $pool:expr): $($m:literal rows of $($n:literal)+),*) => {
        for (shift, kind) in Kind::each(3) {
            $(let _ = $f::<$($n),+>($judge, &mut Room::new($pool), $m, kind, shift + $m);)*
        }
    };
}

fn gemm_case<const K: usize, const N: usize>(
    judge: &mut Judge,
    room: &mut Room<'_>,
    m: usize,
    kind: Kind,
    shift: usize,
) -> Option<()> {
    let x = judge.input(room, m * K, shift, kind)?;
    let w = judge.input(room, K * N, shift + 1, kind)?;
    let b = judge.input(room, N, shift + 2, kind)?;
    let mut y = judge.outputs(room, m * N, shift + 3, kind)?;
    let (xs, ws): (&[[f32; K]], &[[f32; N]; K]) =
        (x.as_chunks().0, w.as_chunks().0.try_into().ok()?);
    let bs: &[f32; N] = b.try_into().ok()?;
    let backend = judge.backend;
    judge.same(
        &mut y,
        |y| dispatch!(backend, s => gemm::typed::gemm(s, xs, ws, bs, y.as_chunks_mut().0)),
        |y| dispatch!(Backend::baseline(), s => gemm::gemm(s, m, K, N, x, w, b, y)),
    );
    Some(())
}

fn gemm_fixed(judge: &mut Judge, pool: &mut Pool) {
    typed!(gemm_case(judge, pool):
        1 rows of 1 1, 4 rows of 2 8, 4 rows of 8 1, 5 rows of 3 5, 3 rows of 5 17, 17 rows of 2 9,
        6 rows of 16 16, 7 rows of 9 3, 1 rows of 33 9, 2 rows of 10 33, 1 rows of 4 128,
        1 rows of 300 2,
        7 rows of 37 1
    );
}

fn gemm_tn_case<const K: usize, const N: usize>(
    judge: &mut Judge,
    room: &mut Room<'_>,
    m: usize,
    kind: Kind,
    shift: usize,
) -> Option<()> {
    let x = judge.input(room, m * K, shift, kind)?;
    let dy = judge.input(room, m * N, shift + 1, kind)?;
    let mut dw = judge.outputs(room, K * N, shift + 2, kind)?;
    let (xs, dys): (&[[f32; K]], &[[f32; N]]) = (x.as_chunks().0, dy.as_chunks().0);
    let backend = judge.backend;
    judge.same(
        &mut dw,
        |dw| {
            if let Ok(dw) = dw.as_chunks_mut().0.try_into() {
                dispatch!(backend, s => gemm::typed::gemm_tn::<_, K, N>(s, xs, dys, dw));
            }
        },
        |dw| dispatch!(Backend::baseline(), s => gemm::gemm_tn(s, m, K, N, x, dy, dw, false)),
    );
    Some(())
}

fn gemm_tn_fixed(judge: &mut Judge, pool: &mut Pool) {
    typed!(gemm_tn_case(judge, pool):
        1 rows of 1 1, 4 rows of 2 8, 4 rows of 8 1, 5 rows of 3 5, 3 rows of 5 17, 17 rows of 2 9,
        6 rows of 16 16, 7 rows of 9 3, 1 rows of 33 9, 2 rows of 10 33, 1 rows of 3 128,
        300 rows of 1 2,
        7 rows of 37 1
    );
}

fn gemm_fixed_narrow(judge: &mut Judge, pool: &mut Pool) {
    // Few: each shape is code, and the suite must fit into the flash of every board.
    typed!(gemm_case(judge, pool): 17 rows of 16 3, 35 rows of 5 4);
    typed!(gemm_tn_case(judge, pool): 16 rows of 16 3, 3 rows of 32 10);
}

/// c(i, j) ← c(i, j) + Σ f(i, p, j), p from 0 upward.
fn add_sums(
    (m, k, n): (usize, usize, usize),
    c: &mut [f32],
    f: impl Fn(usize, usize, usize) -> f32,
) {
    for (i, row) in c.chunks_exact_mut(n).take(m).enumerate() {
        for (j, c) in row.iter_mut().enumerate() {
            for p in 0..k {
                *c += f(i, p, j);
            }
        }
    }
}

/// The products whose sums start at the values of the result.
fn adding_fixed(judge: &mut Judge, pool: &mut Pool) {
    #[inline(never)]
    fn case<const K: usize, const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let x = judge.input(room, m * K, shift, kind)?;
        let w = judge.input(room, K * N, shift + 1, kind)?;
        let dy = judge.input(room, m * N, shift + 2, kind)?;
        let (xs, dys): (&[[f32; K]], &[[f32; N]]) = (x.as_chunks().0, dy.as_chunks().0);
        let ws: &[[f32; N]; K] = w.as_chunks().0.try_into().ok()?;
        let backend = judge.backend;
        let mut out = judge.outputs(room, m * N, shift + 3, kind)?;
        judge.same(
            &mut out,
            |y| {
                dispatch!(
                    backend,
                    s => gemm::typed::gemm_add::<_, { usize::MAX }, _, _, _>(
                        s, xs, ws, y.as_chunks_mut::<N>().0
                    )
                )
            },
            |y| standard(|| add_sums((m, K, N), y, |i, p, j| x[i * K + p] * w[p * N + j])),
        );
        let mut out = judge.outputs(room, m * K, shift, kind)?;
        judge.same(
            &mut out,
            |dx| {
                dispatch!(
                    backend,
                    s => gemm::typed::affine_grad_input::<_, { usize::MAX }, _, _, _>(
                        s, dys, ws, dx.as_chunks_mut::<K>().0, true
                    )
                )
            },
            |dx| standard(|| add_sums((m, N, K), dx, |i, p, j| dy[i * N + p] * w[j * N + p])),
        );
        let mut out = judge.outputs(room, K * N, shift + 1, kind)?;
        judge.same(
            &mut out,
            |dw| {
                if let Ok(dw) = <&mut [[f32; N]; K]>::try_from(dw.as_chunks_mut().0) {
                    dispatch!(backend, s => gemm::typed::affine_grad(s, xs, dys, dw, true));
                }
            },
            |dw| standard(|| add_sums((K, m, N), dw, |i, p, j| x[p * K + i] * dy[p * N + j])),
        );
        let mut out = judge.outputs(room, N, shift + 2, kind)?;
        judge.same(
            &mut out,
            |db| {
                if let Ok(db) = db.try_into() {
                    dispatch!(backend, s => gemm::typed::sum_rows_add(s, dys, db));
                }
            },
            |db| standard(|| add_sums((1, m, N), db, |_, p, j| dy[p * N + j])),
        );
        Some(())
    }
    typed!(case(judge, pool):
        1 rows of 1 1, 4 rows of 2 8, 4 rows of 8 1, 5 rows of 3 5, 3 rows of 5 17, 9 rows of 2 9,
        6 rows of 12 9, 7 rows of 9 3, 1 rows of 17 9, 2 rows of 4 33, 1 rows of 3 65,
        60 rows of 1 2,
        5 rows of 20 1
    );
}

fn gemm_nt_fixed(judge: &mut Judge, pool: &mut Pool) {
    fn case<const K: usize, const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let dy = judge.input(room, m * N, shift, kind)?;
        let w = judge.input(room, K * N, shift + 1, kind)?;
        let mut dx = judge.outputs(room, m * K, shift + 2, kind)?;
        let (dys, ws): (&[[f32; N]], &[[f32; N]; K]) =
            (dy.as_chunks().0, w.as_chunks().0.try_into().ok()?);
        let backend = judge.backend;
        judge.same(
            &mut dx,
            |dx| dispatch!(backend, s => gemm::typed::gemm_nt(s, dys, ws, dx.as_chunks_mut().0)),
            |dx| dispatch!(Backend::baseline(), s => gemm::gemm_nt(s, m, K, N, dy, w, dx)),
        );
        Some(())
    }
    typed!(case(judge, pool):
        1 rows of 1 1, 4 rows of 2 8, 4 rows of 8 1, 5 rows of 3 5, 3 rows of 5 17, 17 rows of 2 9,
        6 rows of 16 16, 7 rows of 9 3, 1 rows of 33 9, 2 rows of 10 33, 1 rows of 3 128,
        1 rows of 2 300,
        7 rows of 37 1
    );
}

fn sum_rows(judge: &mut Judge, pool: &mut Pool) {
    fn case<const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let dy = judge.input(room, m * N, shift, kind)?;
        let mut db = judge.outputs(room, N, shift + 1, kind)?;
        judge.backends(&mut db, |backend, db| {
            if let Ok(db) = db.try_into() {
                dispatch!(backend, s => gemm::typed::sum_rows(s, dy.as_chunks::<N>().0, db));
            }
        });
        Some(())
    }
    typed!(case(judge, pool):
        0 rows of 3, 1 rows of 1, 4 rows of 8, 5 rows of 5, 3 rows of 17, 7 rows of 16,
        9 rows of 33,
        300 rows of 1, 2 rows of 70
    );
}

/// Calls `f` with lengths around every register width, all kinds and shifts. `f` skips what does
/// not fit.
fn lengths(mut f: impl FnMut(usize, Kind, usize) -> Option<()>) {
    for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 23, 31, 32, 33, 47, 49, 63, 64, 65, 70] {
        if cfg!(miri) && n > 17 {
            continue;
        }
        for (i, kind) in Kind::each(n) {
            let _ = f(n, kind, n + i);
        }
    }
}

fn dot(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let x = judge.input(&mut room, n, shift, kind)?;
        let y = judge.input(&mut room, n, shift + 1, kind)?;
        let mut out = judge.outputs(&mut room, 1, shift, kind)?;
        judge.backends(&mut out, |backend, out| {
            out.fill(dispatch!(backend, s => vector::dot(s, x, y)))
        });
        Some(())
    });
}

fn axpy(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let a = kind.value(&mut judge.random);
        let x = judge.input(&mut room, n, shift, kind)?;
        let mut y = judge.outputs(&mut room, n, shift + 1, kind)?;
        judge.backends(&mut y, |backend, y| dispatch!(backend, s => vector::axpy(s, a, x, y)));
        Some(())
    });
}

fn map<A: Map>(judge: &mut Judge, pool: &mut Pool, f: fn(Backend, &mut [f32])) {
    lengths(|n, kind, shift| {
        let mut x = judge.outputs(&mut Room::new(pool), n, shift, kind)?;
        judge.backends(&mut x, f);
        let mut x = judge.outputs(&mut Room::new(pool), n, shift, kind)?;
        let backend = judge.backend;
        judge.same(
            &mut x,
            |x| {
                let (rows, rest) = x.as_chunks_mut::<13>();
                dispatch!(backend, s => activation::typed::map::<_, A, 13>(s, rows));
                dispatch!(
                    backend,
                    s => activation::typed::map::<_, A, 1>(s, rest.as_chunks_mut().0)
                );
            },
            |x| f(Backend::baseline(), x),
        );
        Some(())
    });
    // Bit patterns over the whole range: multiples of a prime near 2²¹.
    let mut bits = 0u32;
    for shift in 0..if cfg!(miri) { 1 } else { 32 } {
        let Some(mut x) = judge.outputs(&mut Room::new(pool), 67, shift, Kind::Plain) else {
            return;
        };
        for i in GUARD..GUARD + 67 {
            let value = f32::from_bits(bits);
            bits = bits.wrapping_add(2_097_143);
            x.iter_mut().for_each(|x| x[i] = value);
        }
        judge.backends(&mut x, f);
    }
}

fn map_grad<A: MapGrad>(judge: &mut Judge, pool: &mut Pool, f: fn(Backend, &[f32], &mut [f32])) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let y = judge.input(&mut room, n, shift, kind)?;
        let mut dy = judge.outputs(&mut room, n, shift + 1, kind)?;
        judge.backends(&mut dy, |backend, dy| f(backend, y, dy));
        let backend = judge.backend;
        let mut dy = judge.outputs(&mut room, n, shift + 1, kind)?;
        judge.same(
            &mut dy,
            |dy| {
                let (ys, rest) = y.as_chunks::<13>();
                let (rows, last) = dy.as_chunks_mut::<13>();
                dispatch!(backend, s => activation::typed::map_grad::<_, A, 13>(s, ys, rows));
                dispatch!(
                    backend,
                    s => activation::typed::map_grad::<_, A, 1>(
                        s, rest.as_chunks().0, last.as_chunks_mut().0
                    )
                );
            },
            |dy| f(Backend::baseline(), y, dy),
        );
        Some(())
    });
}

fn ln_grad(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let x = judge.input(&mut room, n, shift, kind)?;
        let mut dy = judge.outputs(&mut room, n, shift + 1, kind)?;
        judge.backends(&mut dy, |backend, dy| activation::ln_grad(backend, x, dy));
        Some(())
    });
}

/// Rows of a batch for softmax.
const ROWS: usize = 3;

fn softmax(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        if n == 0 {
            return None;
        }
        let mut x = judge.outputs(&mut Room::new(pool), ROWS * n, shift, kind)?;
        judge.backends(&mut x, |backend, x| activation::softmax(backend, n, x));
        let mut x = judge.outputs(&mut Room::new(pool), ROWS * n, shift, kind)?;
        let backend = judge.backend;
        judge.same(
            &mut x,
            |x| activation::softmax(backend, n, x),
            |x| x.chunks_exact_mut(n).for_each(|row| activation::softmax(backend, n, row)),
        );
        Some(())
    });
}

/// So many rows that a backend with lanes gives each row a lane, more than once, and has rows left.
fn softmax_of_many_rows(judge: &mut Judge, pool: &mut Pool) {
    const MANY: usize = 35;
    lengths(|n, kind, shift| {
        if !(1..=17).contains(&n) {
            return None;
        }
        let mut x = judge.outputs(&mut Room::new(pool), MANY * n, shift, kind)?;
        judge.backends(&mut x, |backend, x| activation::softmax(backend, n, x));
        let mut x = judge.outputs(&mut Room::new(pool), MANY * n, shift, kind)?;
        let backend = judge.backend;
        judge.same(
            &mut x,
            |x| activation::softmax(backend, n, x),
            |x| x.chunks_exact_mut(n).for_each(|row| activation::softmax(backend, n, row)),
        );
        Some(())
    });
    typed!(softmax_case(judge, pool): 35 rows of 3, 19 rows of 10);
}

fn softmax_grad(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        if n == 0 {
            return None;
        }
        let mut room = Room::new(pool);
        let y = judge.input(&mut room, ROWS * n, shift, kind)?;
        let mut dy = judge.outputs(&mut room, ROWS * n, shift + 1, kind)?;
        judge.backends(&mut dy, |backend, dy| activation::softmax_grad(backend, n, y, dy));
        Some(())
    });
}

fn softmax_case<const N: usize>(
    judge: &mut Judge,
    room: &mut Room<'_>,
    m: usize,
    kind: Kind,
    shift: usize,
) -> Option<()> {
    let y = judge.input(room, m * N, shift, kind)?;
    let mut x = judge.outputs(room, m * N, shift + 1, kind)?;
    let backend = judge.backend;
    judge.same(
        &mut x,
        |x| dispatch!(backend, s => activation::typed::softmax::<_, N>(s, x.as_chunks_mut().0)),
        |x| activation::softmax(Backend::baseline(), N, x),
    );
    judge.same(
        &mut x,
        |x| {
            dispatch!(
                backend,
                s => activation::typed::softmax_grad::<_, N>(
                    s, y.as_chunks().0, x.as_chunks_mut().0
                )
            )
        },
        |x| activation::softmax_grad(Backend::baseline(), N, y, x),
    );
    Some(())
}

fn softmax_fixed(judge: &mut Judge, pool: &mut Pool) {
    typed!(softmax_case(judge, pool):
        1 rows of 1, 4 rows of 3, 5 rows of 10, 3 rows of 16, 2 rows of 17, 3 rows of 33,
        2 rows of 70
    );
}

/// Probabilities and targets of a loss: p mostly in [0, 1), t hard or soft.
fn loss_case(
    judge: &mut Judge,
    pool: &mut Pool,
    f: impl Fn(Backend, f32, &[f32], &[f32], &mut [f32]) -> f32,
) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let y = room.take(n, shift % 4)?;
        let t = room.take(n, (shift + 1) % 4)?;
        judge.fill(y, kind);
        judge.fill(t, Kind::Plain);
        standard(|| {
            for (y, t) in y.iter_mut().zip(t.iter_mut()) {
                *y = if *t < -1.0 { *y } else { *y * 0.5 };
                *y = f32::from_bits(y.to_bits() & 0x7fff_ffff);
                *t = if *t < 0.0 {
                    0.0
                } else if *t < 1.0 {
                    1.0
                } else {
                    *t - 1.0
                };
            }
        });
        let scale = standard(|| Kind::Plain.value(&mut judge.random));
        let mut out = judge.outputs(&mut room, n + 1, shift + 2, kind)?;
        judge.backends(&mut out, |backend, out| {
            if let [value, dy @ ..] = out {
                *value = f(backend, scale, y, t, dy);
            }
        });
        Some(())
    });
}

fn squared_error(judge: &mut Judge, pool: &mut Pool) {
    loss_case(
        judge,
        pool,
        |backend, scale, y, t, dy| dispatch!(backend, s => loss::squared_error(s, scale, y, t, dy)),
    );
}

fn binary_cross_entropy(judge: &mut Judge, pool: &mut Pool) {
    loss_case(judge, pool, |backend, scale, y, t, dy| {
        dispatch!(
            backend,
            s => loss::binary_cross_entropy(s, scale, y, t, dy)
        )
    });
}

fn categorical_cross_entropy(judge: &mut Judge, pool: &mut Pool) {
    loss_case(judge, pool, |backend, scale, y, t, dy| {
        dispatch!(
            backend,
            s => loss::categorical_cross_entropy(s, scale, y, t, dy)
        )
    });
}

fn sparse_cross_entropy(judge: &mut Judge, pool: &mut Pool) {
    fn case<const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let p = room.take(m * N, shift % 4)?;
        judge.fill(p, kind);
        p.iter_mut().for_each(|p| *p = f32::from_bits(p.to_bits() & 0x7fff_ffff));
        let p = p.as_chunks().0;
        let scale = standard(|| Kind::Plain.value(&mut judge.random));
        // Sometimes a class that a row does not have.
        let missing = usize::from(shift == m + 3);
        let mut out = judge.outputs(room, m * N + 1, shift + 1, kind)?;
        judge.backends(&mut out, |backend, out| {
            if let [value, dy @ ..] = out {
                let dy = dy.as_chunks_mut().0;
                let class = |i: usize| (i * 7 + 3) % (N + missing);
                *value = dispatch!(
                    backend,
                    s => loss::sparse_cross_entropy::<_, N>(s, scale, p, class, dy)
                );
            }
        });
        Some(())
    }
    typed!(case(judge, pool):
        0 rows of 3, 1 rows of 1, 4 rows of 3, 5 rows of 10, 17 rows of 5, 33 rows of 2,
        3 rows of 16,
        2 rows of 17, 3 rows of 33
    );
}

fn sgd(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let dw = judge.input(&mut room, n, shift, kind)?;
        let mut w = judge.outputs(&mut room, n, shift + 1, kind)?;
        let lr = kind.value(&mut judge.random);
        judge.backends(&mut w, |backend, w| optimizer::sgd(backend, lr, w, dw));
        Some(())
    });
}

fn adam(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let dw = judge.input(&mut room, n, shift, kind)?;
        let mut all = judge.outputs(&mut room, 3 * n, shift + 1, kind)?;
        judge.backends(&mut all, |backend, all| {
            let (w, state) = all.split_at_mut(n);
            let (m, v) = state.split_at_mut(n);
            m.fill(0.0);
            v.fill(0.0);
            for alpha in [0.001, 0.0005, 0.25] {
                optimizer::adam(
                    backend,
                    AdamStep { alpha, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
                    w,
                    m,
                    v,
                    dw,
                );
            }
        });
        // Any state: where it is below zero the root is NaN.
        let mut all = judge.outputs(&mut room, 3 * n, shift + 1, kind)?;
        judge.backends(&mut all, |backend, all| {
            let (w, state) = all.split_at_mut(n);
            let (m, v) = state.split_at_mut(n);
            optimizer::adam(
                backend,
                AdamStep { alpha: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0 },
                w,
                m,
                v,
                dw,
            );
        });
        Some(())
    });
}

fn all_finite(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let x = room.take(n, shift % 4)?;
        judge.fill(x, kind);
        let mut out = judge.outputs(&mut room, 1, shift, kind)?;
        for i in 0..n + 1 {
            judge.backends(&mut out, |backend, out| {
                out.fill(f32::from(u8::from(optimizer::all_finite(backend, x))))
            });
            // Then each place in turn holds a value that is not finite.
            let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][i % 3];
            if let Some(value) = x.get_mut(i) {
                *value = bad;
            }
            if let Some(value) = i.checked_sub(1).and_then(|i| x.get_mut(i)) {
                *value = -1.0;
            }
        }
        Some(())
    });
}

/// An update rule with `N` state values per parameter: three steps from zero, and one from any
/// state.
fn update<const N: usize>(
    judge: &mut Judge,
    pool: &mut Pool,
    f: impl Fn(Backend, f32, &mut [f32], [&mut [f32]; N], &[f32]),
) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let dw = judge.input(&mut room, n, shift, kind)?;
        let mut all = judge.outputs(&mut room, (1 + N) * n, shift + 1, kind)?;
        for (from_nothing, rates) in [(true, [0.001, 0.0005, 0.25].as_slice()), (false, &[0.1])] {
            judge.backends(&mut all, |backend, all| {
                let (w, state) = all.split_at_mut(n);
                if from_nothing {
                    state.fill(0.0);
                }
                for lr in rates {
                    let mut parts = state.chunks_exact_mut(n.max(1));
                    let parts = core::array::from_fn(|_| parts.next().unwrap_or_default());
                    f(backend, *lr, w, parts, dw);
                }
            });
            judge.fill(all[0], kind);
            let [first, second] = &mut all;
            second.copy_from_slice(first);
        }
        Some(())
    });
}

fn clip_value(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut x = judge.outputs(&mut Room::new(pool), n, shift, kind)?;
        judge.backends(&mut x, |backend, x| optimizer::clip_value(backend, 0.75, x));
        Some(())
    });
}

fn norm(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let x = judge.input(&mut room, n, shift, kind)?;
        let mut out = judge.outputs(&mut room, 1, shift, kind)?;
        judge.backends(&mut out, |backend, out| out.fill(optimizer::norm(backend, x)));
        Some(())
    });
}

fn clip_norm(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        for limit in [0.75, 1e-30] {
            let mut x = judge.outputs(&mut Room::new(pool), n, shift, kind)?;
            judge.backends(&mut x, |backend, x| {
                optimizer::clip_norm(backend, limit, x);
            });
        }
        Some(())
    });
}

const GRU: usize = 0;
const GRU_GRAD: usize = 1;
const LSTM: usize = 2;
const LSTM_GRAD: usize = 3;

/// A recurrent cell over rows of several widths.
fn cells<const CELL: usize>(judge: &mut Judge, pool: &mut Pool) {
    /// All inputs and outputs of the cell lie in one output: 8·U values per row.
    #[inline(never)]
    fn case<const CELL: usize, const U: usize>(
        judge: &mut Judge,
        pool: &mut Pool,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let mut values = judge.outputs(&mut Room::new(pool), m * 8 * U, shift, kind)?;
        judge.backends(&mut values, |backend, values| {
            let gru = CELL == GRU || CELL == GRU_GRAD;
            let (a, rest) = values.split_at_mut(m * U * if gru { 3 } else { 4 });
            let (b, rest) = rest.split_at_mut(m * U * if gru { 3 } else { 2 });
            let (h, c) = rest.split_at_mut(m * U);
            let (a, b) = (a.as_chunks_mut::<U>().0, b.as_chunks_mut::<U>().0);
            let (h, c) = (h.as_chunks_mut::<U>().0, c.as_chunks_mut::<U>().0);
            match CELL {
                GRU => {
                    dispatch!(
                        backend,
                        s => recurrent::gru(s, a.as_chunks_mut().0, b.as_chunks_mut().0, h)
                    );
                }
                GRU_GRAD => {
                    dispatch!(
                        backend,
                        s => recurrent::gru_grad(s, a.as_chunks_mut().0, b.as_chunks_mut().0, h, c)
                    );
                }
                LSTM => {
                    dispatch!(
                        backend,
                        s => recurrent::lstm(s, a.as_chunks_mut().0, b.as_chunks_mut().0, h, c)
                    );
                }
                _ => {
                    dispatch!(
                        backend,
                        s => recurrent::lstm_grad(s, a.as_chunks_mut().0, b.as_chunks_mut().0, h, c)
                    );
                }
            }
        });
        Some(())
    }
    for (shift, kind) in Kind::each(3) {
        let _ = case::<CELL, 1>(judge, pool, 5, kind, shift);
        let _ = case::<CELL, 5>(judge, pool, 3, kind, shift + 1);
        let _ = case::<CELL, 8>(judge, pool, 4, kind, shift + 2);
        let _ = case::<CELL, 16>(judge, pool, 2, kind, shift + 3);
        let _ = case::<CELL, 19>(judge, pool, 3, kind, shift);
        let _ = case::<CELL, 37>(judge, pool, 1, kind, shift + 1);
    }
}

/// ε of normalizations.
const EPSILON: f32 = 1e-3;

/// Row lengths and heights for normalizations.
macro_rules! normalized {
    ($f:ident($judge:expr, $pool:expr)) => {
        typed!($f($judge, $pool):
            1 rows of 1, 4 rows of 3, 5 rows of 8, 3 rows of 16, 2 rows of 17, 4 rows of 33,
            40 rows of 2, 1 rows of 70
        )
    };
}

/// Two rows that belong together: γ and β, or mean and variance.
#[inline(never)]
fn two<const N: usize>(judge: &mut Judge, kind: Kind) -> [[f32; N]; 2] {
    let mut rows = [[0.0; N]; 2];
    judge.fill(rows.as_flattened_mut(), kind);
    rows
}

fn scale<const N: usize>(judge: &mut Judge, kind: Kind) -> Scale<[f32; N]> {
    let [gamma, beta] = two(judge, kind);
    Scale { gamma, beta }
}

fn moments(judge: &mut Judge, pool: &mut Pool) {
    #[inline(never)]
    fn case<const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let x = judge.input(room, m * N, shift, kind)?;
        let mut out = judge.outputs(room, 3 * N, shift + 1, kind)?;
        judge.backends(&mut out, |backend, out| {
            let mut moments = BatchMoments::<[f32; N]>::ZERO;
            dispatch!(backend, s => normalize::moments(s, x.as_chunks().0, &mut moments));
            out.copy_from_slice(moments.as_flat());
        });
        Some(())
    }
    normalized!(case(judge, pool));
}

fn batch(judge: &mut Judge, pool: &mut Pool) {
    #[inline(never)]
    fn case<const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let x = judge.input(room, m * N, shift, kind)?;
        let [mean, variance] = two(judge, kind);
        let (moments, p) =
            (Moments { mean, variance: variance.map(f32::abs) }, scale::<N>(judge, kind));
        let mut y = judge.outputs(room, m * N, shift + 1, kind)?;
        judge.backends(&mut y, |backend, y| {
            dispatch!(
                backend,
                s => normalize::batch(
                    s, EPSILON, x.as_chunks().0, &moments, &p, y.as_chunks_mut().0
                )
            );
        });
        let own = BatchMoments {
            mean,
            mean_low: standard(|| mean.map(|x| x * 1e-8)),
            variance: moments.variance,
        };
        judge.backends(&mut y, |backend, y| {
            dispatch!(
                backend,
                s => normalize::batch_own(
                    s, EPSILON, x.as_chunks().0, &own, &p, y.as_chunks_mut().0
                )
            );
        });
        // A batch gives the same bits as its samples one by one.
        let backend = judge.backend;
        judge.same(
            &mut y,
            |y| {
                dispatch!(
                    backend,
                    s => normalize::batch(
                        s, EPSILON, x.as_chunks().0, &moments, &p, y.as_chunks_mut().0
                    )
                )
            },
            |y| {
                for (x, y) in x.chunks_exact(N).zip(y.chunks_exact_mut(N)) {
                    dispatch!(
                        backend,
                        s => normalize::batch(
                            s, EPSILON, x.as_chunks().0, &moments, &p, y.as_chunks_mut().0
                        )
                    );
                }
            },
        );
        Some(())
    }
    normalized!(case(judge, pool));
}

/// A normalization's gradients on every backend. `grad` writes those of the parameters and, if
/// requested, those of the inputs. The former must not depend on that request.
fn gradients<const N: usize>(
    judge: &mut Judge,
    out: &mut [&mut [f32]; 2],
    grad: impl Fn(Backend, &mut Scale<[f32; N]>, Option<&mut [[f32; N]]>),
) {
    let run = |backend: Backend, out: &mut [f32], alone: bool| {
        let (parameters, dx) = out.split_at_mut(2 * N);
        let mut dp = Scale::ZERO;
        grad(backend, &mut dp, Some(dx.as_chunks_mut().0));
        if alone {
            grad(backend, &mut dp, None);
        }
        parameters.copy_from_slice(dp.as_flat());
    };
    judge.backends(out, |backend, out| run(backend, out, false));
    let backend = judge.backend;
    judge.same(out, |out| run(backend, out, false), |out| run(backend, out, true));
}

fn batch_grad(judge: &mut Judge, pool: &mut Pool) {
    #[inline(never)]
    fn case<const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let x = judge.input(room, m * N, shift, kind)?;
        let dy = judge.input(room, m * N, shift + 1, kind)?;
        let p = scale::<N>(judge, kind);
        let (x, dy) = (x.as_chunks().0, dy.as_chunks().0);
        let mut moments = BatchMoments::ZERO;
        dispatch!(Backend::baseline(), s => normalize::moments(s, x, &mut moments));
        let mut out = judge.outputs(room, 2 * N + m * N, shift + 2, kind)?;
        gradients(judge, &mut out, |backend, dp, dx| {
            dispatch!(
                backend,
                s => normalize::batch_grad(s, EPSILON, x, &moments, &p, dy, dp, dx)
            )
        });
        Some(())
    }
    normalized!(case(judge, pool));
}

fn layer(judge: &mut Judge, pool: &mut Pool) {
    #[inline(never)]
    fn case<const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let x = judge.input(room, m * N, shift, kind)?;
        let (x, p) = (x.as_chunks().0, scale::<N>(judge, kind));
        let mut out = judge.outputs(room, 3 * m + m * N, shift + 1, kind)?;
        judge.backends(&mut out, |backend, out| {
            let (stats, y) = out.split_at_mut(3 * m);
            let (mean, stats) = stats.split_at_mut(m);
            let (mean_low, variance) = stats.split_at_mut(m);
            dispatch!(
                backend,
                s => normalize::layer(
                    s, EPSILON, x, &p, y.as_chunks_mut().0, Some((mean, mean_low, variance))
                )
            );
        });
        let backend = judge.backend;
        judge.same(
            &mut out,
            |out| {
                let y = out.as_chunks_mut().0;
                dispatch!(backend, s => normalize::layer(s, EPSILON, x, &p, y, None));
            },
            |out| {
                for (x, y) in x.iter().zip(out.as_chunks_mut().0) {
                    let (x, y) = (core::slice::from_ref(x), core::slice::from_mut(y));
                    dispatch!(backend, s => normalize::layer(s, EPSILON, x, &p, y, None));
                }
            },
        );
        Some(())
    }
    normalized!(case(judge, pool));
}

fn layer_grad(judge: &mut Judge, pool: &mut Pool) {
    #[inline(never)]
    fn case<const N: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let x = judge.input(room, m * N, shift, kind)?;
        let dy = judge.input(room, m * N, shift + 1, kind)?;
        let p = scale::<N>(judge, kind);
        let stats = room.take(3 * m, shift % 4)?;
        judge.fill(stats, kind);
        let (mean, stats) = stats.split_at_mut(m);
        let (mean_low, variance) = stats.split_at_mut(m);
        standard(|| mean_low.iter_mut().zip(&*mean).for_each(|(rest, mean)| *rest = mean * 1e-8));
        variance.iter_mut().for_each(|v| *v = v.abs());
        let (x, dy, stats) = (x.as_chunks().0, dy.as_chunks().0, (&*mean, &*mean_low, &*variance));
        let mut out = judge.outputs(room, 2 * N + m * N, shift + 2, kind)?;
        gradients(judge, &mut out, |backend, dp, dx| {
            dispatch!(
                backend,
                s => normalize::layer_grad(s, EPSILON, x, stats, &p, dy, dp, dx)
            )
        });
        Some(())
    }
    normalized!(case(judge, pool));
}

/// Windows over `m` lines of five positions: the greatest value and the mean of each channel, and
/// their gradients.
fn pooling(judge: &mut Judge, pool: &mut Pool) {
    const W: usize = 5;
    #[inline(never)]
    fn case<const C: usize>(
        judge: &mut Judge,
        room: &mut Room<'_>,
        m: usize,
        kind: Kind,
        shift: usize,
    ) -> Option<()> {
        let x = judge.input(room, m * W * C, shift, kind)?;
        let dy = judge.input(room, C, shift + 1, kind)?.first_chunk::<C>()?;
        let x = x.as_chunks::<C>().0.as_chunks::<W>().0;
        let mut out = judge.outputs(room, 2 * C + m * W * C, shift + 2, kind)?;
        for across in [0..W, 1..4, 4..W] {
            let places = (m * across.len()) as f32;
            judge.backends(&mut out, |backend, out| {
                let (y, dx) = out.split_at_mut(2 * C);
                let dx = dx.as_chunks_mut::<C>().0.as_chunks_mut::<W>().0;
                if let [top, mean] = y.as_chunks_mut::<C>().0 {
                    dispatch!(backend, s => {
                        windows::max(s, x, across.clone(), top);
                        windows::max_grad(s, x, across.clone(), (top, dy), dx);
                        windows::avg(s, x, across.clone(), places, mean);
                        windows::avg_grad(s, across.clone(), places, dy, dx);
                    });
                }
            });
        }
        Some(())
    }
    normalized!(case(judge, pool));
}

fn dropout(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let x = judge.input(&mut room, n, shift, kind)?;
        let mut y = judge.outputs(&mut room, n, shift + 1, kind)?;
        let (key, limit) = (judge.random.next(), judge.random.next());
        judge.backends(
            &mut y,
            |backend, y| dispatch!(backend, s => dropout::dropout(s, key, limit, 1.25, x, y)),
        );
        Some(())
    });
}

fn regularize(judge: &mut Judge, pool: &mut Pool) {
    lengths(|n, kind, shift| {
        let mut room = Room::new(pool);
        let w = judge.input(&mut room, n, shift, kind)?;
        let lambda = kind.value(&mut judge.random);
        let mut out = judge.outputs(&mut room, n + 2, shift + 1, kind)?;
        judge.backends(&mut out, |backend, out| {
            if let [l1, l2, dw @ ..] = out {
                *l1 = dispatch!(backend, s => regularize::l1(s, w));
                *l2 = dispatch!(backend, s => regularize::l2(s, w));
                dispatch!(backend, s => regularize::l1_grad(s, lambda, w, dw));
                dispatch!(backend, s => regularize::l2_grad(s, lambda, w, dw));
            }
        });
        Some(())
    });
}

/// A dense layer with softmax over 2 to 16 units, of `m` samples side by side. Beside it the same
/// layer in rows, on the scalar backend. Where samples are never computed side by side, both are in
/// rows.
fn side_by_side(judge: &mut Judge, pool: &mut Pool) {
    fn columns<const K: usize, const N: usize>(
        backend: Backend,
        x: &[f32],
        w: &[f32],
        b: &[f32],
        y: &mut [f32],
    ) {
        let (Some(w), Some(b)) = (w.as_chunks::<N>().0.first_chunk::<K>(), b.first_chunk()) else {
            return;
        };
        dispatch!(backend, s => {
            let (mut from, mut to) = (Columns::ZERO, Columns::ZERO);
            from.set(s, x.as_chunks::<K>().0);
            columns::affine(s, &from, w, b, &mut to);
            if N >= 2 && N <= 16 {
                activation::typed::softmax_columns(s, &mut to);
            }
            to.get(s, y.as_chunks_mut::<N>().0);
        });
    }
    #[inline(never)]
    fn rows(
        backend: Backend,
        (k, n): (usize, usize),
        x: &[f32],
        w: &[f32],
        b: &[f32],
        y: &mut [f32],
    ) {
        dispatch!(backend, s => gemm::gemm(s, y.len() / n, k, n, x, w, b, y));
        if (2..=16).contains(&n) {
            activation::softmax(backend, n, y);
        }
    }
    type Case = ((usize, usize), fn(Backend, &[f32], &[f32], &[f32], &mut [f32]));
    macro_rules! cases {
        ($(($k:literal, $n:literal))*) => {
            [$((($k, $n), |backend, x, w, b, y| {
                if cfg!(target_os = "none") {
                    rows(backend, ($k, $n), x, w, b, y);
                } else {
                    columns::<$k, $n>(backend, x, w, b, y);
                }
            })),*]
        };
    }
    let cases: [Case; 10] = cases! {
        (1, 1) (2, 8) (8, 1) (5, 2) (4, 3) (3, 4) (9, 7) (6, 16) (7, 13) (1, 19)
    };
    let mut case = |i: usize, ((k, n), layer): Case, m: usize, shift: usize, kind: Kind| {
        let mut room = Room::new(pool);
        let x = judge.input(&mut room, m * k, shift, kind)?;
        let w = judge.input(&mut room, k * n, shift + 1, kind)?;
        let b = judge.input(&mut room, n, shift + 2, kind)?;
        let mut y = judge.outputs(&mut room, m * n, shift + i, kind)?;
        let backend = judge.backend;
        judge.same(
            &mut y,
            |y| layer(backend, x, w, b, y),
            |y| rows(Backend::baseline(), (k, n), x, w, b, y),
        );
        Some(())
    };
    for (i, layer) in cases.into_iter().enumerate() {
        for (m, (shift, kind)) in [16, 16, 9, 1].into_iter().zip(Kind::each(i)) {
            let _ = case(i, layer, m, shift, kind);
        }
    }
}
