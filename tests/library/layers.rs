//! Normalizations, dropout, activations as layers, and regularizers. Every gradient is compared
//! with finite differences of formulas in f64. Further tests check each layer's documented
//! behaviour.

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Backend, Rng,
    activation::Activation,
    error::{Error, Quantity},
    kernels::{F32Array, F32Rows, Simd, arch::scalar::Scalar, dispatch},
    layer::{
        Activate, Chain, Channels, Context, Dense, DenseL1, DenseL2, Dropout, L1, L1L2, L2, Layer,
        Map, Regularized, Regularizer, Same, Signal, Trainable,
    },
    loss::SumOverOutputs,
    prelude::*,
    sequential::{ComposedOf, Layers},
};
use support::{
    backends, bits, draw, roomy, samples,
    slopes::{Tolerance, slopes},
};

/// Least distance of a relu's input from its kink, so that moving a value never crosses it.
const MARGIN: f64 = 1e-3;
/// Some tens of roundings of 6e-8 each. A normalization multiplies them, by up to 30 where a
/// variance is small.
const GRADIENTS: Tolerance = Tolerance { relative: 1e-4, floor: 3e-6, least: 1e-2, visible: 2e-3 };
const OUTPUTS: Tolerance = Tolerance { least: 1.0, ..GRADIENTS };

/// State of the reference's forward pass.
struct Run {
    training: bool,
    /// The number of the training pass
    pass: u32,
    place: u32,
    /// The least distance of a relu's input from its kink
    margin: f64,
}

impl Run {
    const TRAINING: Self = Self { training: true, pass: 0, place: 0, margin: f64::INFINITY };
    const INFERENCE: Self = Self { training: false, ..Self::TRAINING };
}

/// One batch: the values of each sample.
type Rows = Vec<Vec<f64>>;

/// Takes the next `n` values.
fn take<'a>(from: &mut &'a [f64], n: usize) -> &'a [f64] {
    let (head, tail) = from.split_at(n);
    *from = tail;
    head
}

/// The textbook form of a layer. It takes its parameters and running values from the front of the
/// slices.
trait Textbook: Layer {
    fn outputs(p: &mut &[f64], buffers: &mut &[f64], x: Rows, run: &mut Run) -> Rows;

    /// The penalty that it adds to the loss.
    fn cost(_p: &[f64]) -> f64 {
        0.0
    }
}

/// The textbook form of a regularizer.
trait Cost {
    fn cost(w: &[f64]) -> f64;
}

impl<const NUM: u32, const DEN: u32> Cost for L1<NUM, DEN> {
    fn cost(w: &[f64]) -> f64 {
        f64::from(NUM) / f64::from(DEN) * w.iter().map(|w| w.abs()).sum::<f64>()
    }
}

impl<const NUM: u32, const DEN: u32> Cost for L2<NUM, DEN> {
    fn cost(w: &[f64]) -> f64 {
        f64::from(NUM) / f64::from(DEN) * w.iter().map(|w| w * w).sum::<f64>()
    }
}

impl<const A: u32, const B: u32, const C: u32, const D: u32> Cost for L1L2<A, B, C, D> {
    fn cost(w: &[f64]) -> f64 {
        L1::<A, B>::cost(w) + L2::<C, D>::cost(w)
    }
}

fn activate(name: &str, z: &mut [f64], run: &mut Run) {
    match name {
        "linear" => {}
        "sigmoid" => z.iter_mut().for_each(|z| *z = 1.0 / (1.0 + (-*z).exp())),
        "tanh" => z.iter_mut().for_each(|z| *z = z.tanh()),
        "relu" => {
            run.margin = z.iter().fold(run.margin, |margin, z| margin.min(z.abs()));
            z.iter_mut().for_each(|z| *z = z.max(0.0));
        }
        "softmax" => {
            let total: f64 = z.iter().map(|z| z.exp()).sum();
            z.iter_mut().for_each(|z| *z = z.exp() / total);
        }
        _ => panic!("the judge knows no activation {name}"),
    }
}

impl<const I: usize, const O: usize, A: Activation> Textbook for Dense<I, O, A> {
    fn outputs(p: &mut &[f64], _: &mut &[f64], x: Rows, run: &mut Run) -> Rows {
        let (w, b) = (take(p, I * O), take(p, O));
        let mut each = |x: Vec<f64>| {
            let mut z: Vec<f64> = (0..O)
                .map(|j| b[j] + x.iter().enumerate().map(|(i, x)| x * w[i * O + j]).sum::<f64>())
                .collect();
            activate(A::NAME, &mut z, run);
            z
        };
        x.into_iter().map(&mut each).collect()
    }
}

impl<X: Channels, A: Activation> Textbook for Activate<X, A> {
    fn outputs(_: &mut &[f64], _: &mut &[f64], mut x: Rows, run: &mut Run) -> Rows {
        x.iter_mut()
            .flat_map(|x| x.chunks_mut(X::Row::LEN))
            .for_each(|row| activate(A::NAME, row, run));
        x
    }
}

/// (mean, variance)
fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}

/// ε from the parameter of a type.
fn epsilon_of(bits: u32) -> f64 {
    f64::from(f32::from_bits(bits))
}

impl<X: Channels, const EPSILON: u32, const MOMENTUM: u32> Textbook
    for BatchNorm<X, EPSILON, MOMENTUM>
{
    fn outputs(p: &mut &[f64], buffers: &mut &[f64], mut x: Rows, run: &mut Run) -> Rows {
        let c = X::Row::LEN;
        let (gamma, beta) = (take(p, c), take(p, c));
        let (means, variances) = (take(buffers, c), take(buffers, c));
        for j in 0..c {
            let column: Vec<f64> =
                x.iter().flat_map(|x| x.iter().skip(j).step_by(c)).copied().collect();
            let (mean, variance) =
                if run.training { moments(&column) } else { (means[j], variances[j]) };
            for x in x.iter_mut().flat_map(|x| x.iter_mut().skip(j).step_by(c)) {
                *x = gamma[j] * (*x - mean) / (variance + epsilon_of(EPSILON)).sqrt() + beta[j];
            }
        }
        x
    }
}

impl<X: Channels, const EPSILON: u32> Textbook for LayerNorm<X, EPSILON> {
    fn outputs(p: &mut &[f64], _: &mut &[f64], mut x: Rows, _: &mut Run) -> Rows {
        let (gamma, beta) = (take(p, X::Row::LEN), take(p, X::Row::LEN));
        for row in x.iter_mut().flat_map(|x| x.chunks_mut(X::Row::LEN)) {
            let (mean, variance) = moments(row);
            for ((x, gamma), beta) in row.iter_mut().zip(gamma).zip(beta) {
                *x = gamma * (*x - mean) / (variance + epsilon_of(EPSILON)).sqrt() + beta;
            }
        }
        x
    }
}

/// The finalizer of MurmurHash3, independent of the library's.
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 13;
    x = x.wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

/// Whether a dropout layer keeps value `i`, according to its documentation.
fn kept(rate: u32, seed: u64, place: u32, pass: u32, i: u32) -> bool {
    let (low, high) = (seed as u32, (seed >> 32) as u32);
    let key = mix(mix(mix(mix(low.wrapping_add(0x9e37_79b9)) ^ high) ^ place) ^ pass);
    mix(key ^ i.wrapping_mul(0x9e37_79b9)) >= rate
}

impl<X: Channels, const RATE: u32, const SEED: u64> Textbook for Dropout<X, RATE, SEED> {
    fn outputs(_: &mut &[f64], _: &mut &[f64], mut x: Rows, run: &mut Run) -> Rows {
        if run.training {
            for (i, x) in x.iter_mut().flatten().enumerate() {
                let kept = kept(RATE, SEED, run.place, run.pass, i as u32);
                *x = if kept { *x / (1.0 - f64::from(RATE) / 2f64.powi(32)) } else { 0.0 };
            }
        }
        x
    }
}

impl<L: Textbook, R: Regularizer + Cost> Textbook for Regularized<L, R> {
    fn outputs(p: &mut &[f64], buffers: &mut &[f64], x: Rows, run: &mut Run) -> Rows {
        L::outputs(p, buffers, x, run)
    }

    fn cost(p: &[f64]) -> f64 {
        L::cost(p) + R::cost(&p[..L::KERNEL_LEN])
    }
}

impl<L: Textbook, R: Textbook<Input = L::Output>> Textbook for Chain<L, R> {
    fn outputs(p: &mut &[f64], buffers: &mut &[f64], x: Rows, run: &mut Run) -> Rows {
        let h = L::outputs(p, buffers, x, run);
        run.place += 1;
        R::outputs(p, buffers, h, run)
    }

    fn cost(p: &[f64]) -> f64 {
        let (head, tail) = p.split_at(L::Params::LEN);
        L::cost(head) + R::cost(tail)
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|x| f64::from(*x)).collect()
}

/// Outputs of all samples one after the other, and the least distance from a kink.
fn textbook<N: Textbook>(p: &[f64], buffers: &[f64], x: &[f64], mut run: Run) -> (Vec<f64>, f64) {
    let rows = x.chunks(N::Input::LEN).map(<[f64]>::to_vec).collect();
    let (mut p, mut buffers) = (p, buffers);
    let y = N::outputs(&mut p, &mut buffers, rows, &mut run).concat();
    assert!(p.is_empty() && buffers.is_empty(), "parameters are left over");
    (y, run.margin)
}

/// Results of one forward and one backward pass of the library.
struct Passed {
    y: Vec<f32>,
    penalty: f32,
    dp: Vec<f32>,
    dx: Vec<f32>,
}

/// One pass with a given dy.
#[inline(always)]
fn pass<S: Simd, N: Trainable, const B: usize>(
    s: S,
    p: &N::Params,
    r: &N::Buffers,
    x: &[N::Input],
    dy: &mut [N::Output],
) -> Passed {
    let mut tape = Box::new(N::Tape::<B>::ZERO);
    N::forward::<S, B>(s, Context::TRAINING, p, r, x, &mut tape);
    let y = N::output::<B>(&tape)[..x.len()].flat().to_vec();
    let penalty = if N::PENALIZED { N::penalty(s, p) } else { 0.0 };
    // The buffers' old contents must not matter.
    let (mut dp, mut dx) = (N::Params::ZERO, vec![N::Input::ZERO; x.len()]);
    dp.as_flat_mut().fill(f32::NAN);
    dx.flat_mut().fill(f32::NAN);
    N::backward::<S, B>(s, p, x, &mut tape, dy, false, &mut dp, Some(&mut dx));
    Passed { y, penalty, dp: dp.as_flat().to_vec(), dx: dx.flat().to_vec() }
}

/// Checks a chain of layers under the loss Σ c·y + penalties with random c: batches of 1, of 3
/// (fewer than the tape holds) and of B, on every backend.
fn check<T, const B: usize>(name: &str)
where
    T: Layers<Composed: Trainable + Textbook>,
{
    let mut worst = 0.0f64;
    for m in [1, 3, B] {
        // Draws again until no relu is at its kink.
        let (net, x, c) = (0..)
            .map(|seed| {
                let mut rng = Rng::new(Seed(seed));
                let mut net = Box::new(Mlp::<T>::ZERO);
                let weights: Vec<f32> =
                    (0..Mlp::<T>::PARAMS).map(|_| draw(&mut rng, 0.8)).collect();
                net.set_weights(&weights).expect("as many as there are");
                let x: Vec<<ComposedOf<T> as Layer>::Input> = samples(&mut rng, m, 1.0);
                let c: Vec<<ComposedOf<T> as Layer>::Output> = samples(&mut rng, m, 1.0);
                (net, x, c)
            })
            .find(|(net, x, _)| {
                let buffers = vec![0.0; <ComposedOf<T> as Layer>::Buffers::LEN];
                textbook::<ComposedOf<T>>(
                    &wide(net.weights()),
                    &buffers,
                    &wide(x.flat()),
                    Run::TRAINING,
                )
                .1 > MARGIN
            })
            .expect("some seed will do");
        let buffers = <ComposedOf<T> as Layer>::Buffers::ZERO;
        let (p, r, flat, coefficients) =
            (wide(net.weights()), wide(buffers.as_flat()), wide(x.flat()), wide(c.flat()));
        let cost = |p: &[f64], x: &[f64]| {
            let (y, _) = textbook::<ComposedOf<T>>(p, &r, x, Run::TRAINING);
            y.iter().zip(&coefficients).map(|(y, c)| y * c).sum::<f64>()
                + <ComposedOf<T> as Textbook>::cost(p)
        };
        let (want_y, _) = textbook::<ComposedOf<T>>(&p, &r, &flat, Run::TRAINING);
        let want_dp = slopes(&p, |p| cost(p, &flat));
        let want_dx = slopes(&flat, |x| cost(&p, x));
        let want_penalty = <ComposedOf<T> as Textbook>::cost(&p);

        let mut first = None;
        for backend in backends() {
            let got = dispatch!(backend, s => pass::<_, ComposedOf<T>, B>(
                s, net.params(), &buffers, &x, &mut c.clone()
            ));
            let fail = |what: &str, error: String| -> ! {
                panic!("{name}, batch {m}, {backend}: {what}: {error}")
            };
            let off = (f64::from(got.penalty) - want_penalty).abs();
            assert!(
                off <= 1e-6 * want_penalty,
                "{name}: penalty {}, judge {want_penalty}",
                got.penalty
            );
            let mut judge = |what: &str, tolerance: Tolerance, got: &[f32], want: &[f64]| {
                let (off, _) = tolerance.judge(got, want).unwrap_or_else(|error| fail(what, error));
                worst = worst.max(off);
            };
            judge("y", OUTPUTS, &got.y, &want_y);
            judge("dp", GRADIENTS, &got.dp, &want_dp);
            judge("dx", GRADIENTS, &got.dx, &want_dx);
            let all = [bits(&got.y), bits(&[got.penalty]), bits(&got.dp), bits(&got.dx)].concat();
            assert_eq!(
                *first.get_or_insert_with(|| all.clone()),
                all,
                "{name}, batch {m}: {backend} has other bits"
            );
        }
        inference::<T, B>(name, &net, &x);
    }
    println!("{name}: worst deviation {:.0} % of what is let through", 100.0 * worst);
}

/// Compares predictions with random running values with the reference. The bits must be the same
/// alone and in a batch, by the network and on the trainer's tape.
fn inference<T, const B: usize>(name: &str, net: &Mlp<T>, x: &[<ComposedOf<T> as Layer>::Input])
where
    T: Layers<Composed: Trainable + Textbook>,
{
    let mut net = Box::new(net.clone());
    let mut rng = Rng::new(Seed(5));
    let mut tensors = Vec::new();
    net.tensors(|tensor, values| {
        let drawn = (0..values.len()).map(|_| 0.1 + rng.uniform()).collect();
        tensors.push(if tensor.learnt { values.to_vec() } else { drawn });
    });
    net.set_tensors(&tensors.iter().map(Vec::as_slice).collect::<Vec<_>>()).expect("as many");
    let mut buffers = Vec::new();
    net.tensors(|tensor, values| {
        if !tensor.learnt {
            buffers.extend(wide(values));
        }
    });
    let (want, _) =
        textbook::<ComposedOf<T>>(&wide(net.weights()), &buffers, &wide(x.flat()), Run::INFERENCE);
    let mut first = None;
    for backend in backends() {
        let alone: Vec<_> = x.iter().map(|x| net.on(backend).predict(x)).collect();
        let mut y = alone.clone();
        y.flat_mut().fill(0.0);
        net.on(backend).predict_batch(x, &mut y).expect("as many");
        assert_eq!(
            bits(y.flat()),
            bits(alone.flat()),
            "{name}: a batch on {backend} differs from its samples alone"
        );
        OUTPUTS
            .compare(y.flat(), &want)
            .unwrap_or_else(|e| panic!("{name}, inference on {backend}: {e}"));
        assert_eq!(
            *first.get_or_insert_with(|| bits(y.flat())),
            bits(y.flat()),
            "{name}: {backend} has other bits"
        );
    }
}

/// One test per line of layers.
macro_rules! gradients {
    ($($name:ident: $stack:ty;)*) => {$(
        #[test]
        fn $name() {
            roomy(|| check::<$stack, 6>(stringify!($name)));
        }
    )*};
}

// Widths below, around and above each backend's number of lanes; samples of one to three axes. The
// lines are few and small, because each is compiled for each backend.
gradients! {
    batch_norm: (Dense<3, 5>, BatchNorm<[f32; 5]>, Activate<[f32; 5], Tanh>, Dense<5, 2>);
    batch_norm_first_and_last: (BatchNorm<[f32; 3]>, Dense<3, 4, Tanh>, BatchNorm<[f32; 4]>);
    batch_norm_wide: (Dense<3, 19>, BatchNorm<[f32; 19]>, Activate<[f32; 19], Relu>, Dense<19, 2>);
    batch_norm_over_positions: (BatchNorm<[[f32; 3]; 4]>, Activate<[[f32; 3]; 4], Softmax>);
    layer_norm: (Dense<3, 5>, LayerNorm<[f32; 5]>, Activate<[f32; 5], Relu>, Dense<5, 2>);
    layer_norm_wide: (Dense<3, 35>, LayerNorm<[f32; 35]>, Dense<35, 2, Softmax>);
    layer_norm_over_positions: (LayerNorm<[[f32; 5]; 3]>, Activate<[[f32; 5]; 3], Sigmoid>);
    batch_norm_epsilon: (
        Dense<3, 5>, BatchNorm<[f32; 5], { epsilon(0.1) }, { momentum(0.5) }>,
        Activate<[f32; 5], Tanh>, Dense<5, 2>, BatchNorm<[f32; 2], { epsilon(1e-5) }>
    );
    layer_norm_epsilon: (
        LayerNorm<[f32; 3], { epsilon(1e-5) }>, Dense<3, 7>, LayerNorm<[f32; 7], { epsilon(0.5) }>,
        Dense<7, 2>
    );
    images: (
        BatchNorm<[[[f32; 2]; 3]; 2]>, Dropout<[[[f32; 2]; 3]; 2], { rate(0.25) }>,
        Activate<[[[f32; 2]; 3]; 2], Tanh>, LayerNorm<[[[f32; 2]; 3]; 2]>
    );
    dropout: (
        Dense<3, 6, Tanh>, Dropout<[f32; 6], { rate(1.0 / 3.0) }>,
        Dense<6, 6>, Dropout<[f32; 6], { rate(1.0 / 3.0) }>, Dense<6, 2>
    );
    penalties: (
        DenseL2<3, 5, Tanh, 1, 100>, Regularized<Dense<5, 4, Sigmoid>, L1L2<3, 1000, 1, 50>>,
        DenseL1<4, 2, Linear, 1, 20>
    );
    twice_regularized: (Regularized<DenseL1<3, 18, Tanh, 1, 100>, L2<1, 10>>, Dense<18, 1>);
}

type Net = Mlp<(
    Dense<4, 6>,
    BatchNorm<[f32; 6]>,
    Activate<[f32; 6], Relu>,
    Dropout<[f32; 6], { rate(0.25) }>,
    DenseL2<6, 5, Tanh, 1, 1000>,
    LayerNorm<[f32; 5]>,
    Dense<5, 3, Softmax>,
)>;
type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Adam, 8>;

/// All bits are zero before initialization, so the network can be a static.
static STILL: Net = Net::ZERO;
const _: () = assert!(Net::PARAMS == 30 + 12 + 35 + 10 + 18 && Net::BYTES < 640);

fn pairs(n: usize) -> (Vec<[f32; 4]>, Vec<u8>) {
    let mut rng = Rng::new(Seed(11));
    let x: Vec<[f32; 4]> = samples(&mut rng, n, 2.0);
    let t = x.iter().map(|x| if x[0] > 0.5 { 2 } else { u8::from(x[1] * x[2] > 0.0) }).collect();
    (x, t)
}

/// A network after several epochs.
fn trained() -> (Net, NetTrainer) {
    let (x, t) = pairs(30);
    let (mut net, mut trainer) = (Net::ZERO, NetTrainer::ZERO);
    net.initialize(Seed(1957));
    let fit = Fit { epochs: 5, shuffle: Some(Seed(1)), ..Fit::new(Adam::with_lr(0.01)) };
    trainer.fit(&mut net, dataset(&x, &t), &fit).expect("good data");
    (net, trainer)
}

fn tensors(net: &Net) -> Vec<(&'static str, Vec<f32>)> {
    let mut all = Vec::new();
    net.tensors(|tensor, values| all.push((tensor.name, values.to_vec())));
    all
}

#[test]
fn names_and_starts_are_those_of_keras() {
    let mut net = STILL.clone();
    assert!(net.weights().iter().all(|w| w.to_bits() == 0));
    net.initialize(Seed(1));
    let all = tensors(&net);
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    let want =
        "kernel bias gamma beta moving_mean moving_variance kernel bias gamma beta kernel bias";
    assert_eq!(names.join(" "), want);
    for (name, values) in &all {
        let start = match *name {
            "gamma" | "moving_variance" => 1.0,
            "beta" | "bias" | "moving_mean" => 0.0,
            _ => continue,
        };
        assert!(values.iter().all(|value| *value == start), "{name} starts at {values:?}");
    }
    let summary = Net::summary().to_string();
    for part in [
        "BatchNormalization",
        "LayerNormalization",
        "Dropout",
        "Activation",
        "105 parameters, 12 running values, ",
    ] {
        assert!(summary.contains(part), "{summary}");
    }
}

#[test]
fn tensors_carry_the_running_values() {
    let (net, _) = trained();
    let all = tensors(&net);
    let moving: Vec<_> = all.iter().filter(|(name, _)| name.starts_with("moving")).collect();
    assert!(
        moving.iter().all(|(_, values)| values.iter().all(|value| *value != 0.0 && *value != 1.0))
    );
    let mut copy = Net::ZERO;
    copy.set_tensors(&all.iter().map(|(_, values)| values.as_slice()).collect::<Vec<_>>())
        .expect("its own");
    assert_eq!((tensors(&copy), copy.hash()), (all, net.hash()));
    // The weights alone do not determine the network.
    let mut half = Net::init(Seed(1));
    half.set_weights(net.weights()).expect("as many");
    assert_ne!(half.hash(), net.hash());
    let x = [0.5, -1.0, 0.25, 2.0];
    assert_eq!(bits(&copy.predict(&x)), bits(&net.predict(&x)));
    assert_ne!(bits(&half.predict(&x)), bits(&net.predict(&x)));
}

#[test]
fn running_values_by_hand() {
    let mut net = Mlp::<(BatchNorm<[[f32; 2]; 2]>,)>::init(Seed(0));
    let mut trainer = Trainer::<_, Flattened, Sgd, 4>::ZERO;
    let x = [[[1.0, -8.0], [2.0, 0.0]], [[3.0, 4.0], [6.0, 4.0]]];
    trainer.step(&mut net, dataset(&x, &x), &Sgd::with_lr(0.0)).expect("good data");
    // Means 3 and 0; variances (4 + 1 + 0 + 9) / 4 and (64 + 0 + 16 + 16) / 4. The divisor is n,
    // not n − 1.
    let near = |got: &[f32], want: [f32; 2]| {
        got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6)
    };
    net.tensors(|tensor, values| match tensor.name {
        "moving_mean" => assert!(near(values, [0.03, 0.0]), "{values:?}"),
        "moving_variance" => assert!(near(values, [0.99 + 0.035, 0.99 + 0.24]), "{values:?}"),
        _ => {}
    });
    // Equal samples have variance 0: y = β, and dx is 0. A batch of one sample is an error.
    let mut net = Mlp::<(BatchNorm<[f32; 3]>,)>::init(Seed(0));
    let mut trainer = Trainer::<_, MeanSquaredError, Sgd, 4>::ZERO;
    let mut step = |x: &[[f32; 3]]| {
        trainer.step(&mut net, dataset(x, &[[0.0; 3]; 2][..x.len()]), &Sgd::with_lr(0.0))
    };
    assert_eq!(step(&[[1.0, 2.0, 3.0]]), Err(Error::BatchTooSmall { batch: 1, least: 2 }));
    assert_eq!(step(&[[1.0, 2.0, 3.0]; 2]), Ok(0.0));
    net.tensors(|tensor, values| {
        if tensor.name == "moving_variance" {
            assert_eq!(values, [0.99; 3]);
        }
    });
}

#[test]
fn running_values_of_another_momentum() {
    fn check<const MOMENTUM: u32>(m: f32) {
        type Norm<const MOMENTUM: u32> = BatchNorm<[f32; 2], { epsilon(1e-3) }, MOMENTUM>;
        let mut net = Mlp::<(Norm<MOMENTUM>,)>::init(Seed(0));
        let mut trainer = Trainer::<_, MeanSquaredError, Sgd, 4>::ZERO;
        // Means 2 and −8, variances 1 and 16.
        let x = [[1.0, -12.0], [3.0, -4.0]];
        let (mut mean, mut variance) = ([0.0, 0.0], [1.0, 1.0]);
        for _ in 0..3 {
            trainer.step(&mut net, dataset(&x, &x), &Sgd::with_lr(0.0)).expect("good data");
            let keras = |moving: f32, own: f32| moving * m + own * (1.0 - m);
            mean = [keras(mean[0], 2.0), keras(mean[1], -8.0)];
            variance = [keras(variance[0], 1.0), keras(variance[1], 16.0)];
            let near = |got: [f32; 2], want: [f32; 2]| {
                got.iter().zip(want).all(|(got, want)| (got - want).abs() < 4e-6)
            };
            let got = net.as_view().buffers();
            assert!(near(got.mean, mean) && near(got.variance, variance), "{m}: {got:?}");
        }
    }
    check::<{ momentum(0.0) }>(0.0);
    check::<{ momentum(0.5) }>(0.5);
    check::<{ momentum(0.9) }>(0.9);
    check::<{ momentum(0.99) }>(0.99);
    check::<{ momentum(0.9999) }>(0.9999);
}

#[test]
fn constants_of_normalizations_are_the_nearest_f32() {
    let f = f32::from_bits;
    for value in [1e-3f32, 1e-5, 1e-12, 0.1, 1e-40, 3e38] {
        assert_eq!(f(epsilon(f64::from(value))), value);
    }
    assert_eq!([epsilon(0.001), epsilon(1e-5), epsilon(1e-12)].map(f), [1e-3, 1e-5, 1e-12]);
    let shares = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999].map(|m| f(momentum(m)));
    assert_eq!(shares, [1.0, 0.5, 0.1, 0.01, 0.001, 1e-4]);
    let refused = |f: fn(f64) -> u32, x: f64| std::panic::catch_unwind(|| f(x)).is_err();
    for bad in [0.0, -0.0, -1e-3, 1e-46, 1e39, f64::INFINITY, f64::NAN] {
        assert!(refused(epsilon, bad), "{bad}");
    }
    for bad in [
        -1e-6,
        -1e-12,
        1.0,
        0.999_91,
        0.999_900_000_001,
        1.1,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ] {
        assert!(refused(momentum, bad), "{bad}");
    }
}

/// Mean squared error for outputs of two axes.
struct Flattened;

impl<OutputActivation> rosenblatt::loss::Loss<OutputActivation, [[f32; 2]; 2]> for Flattened {
    type Target = [[f32; 2]; 2];
    const FUSED_WITH_ACTIVATION: bool = false;

    fn check_targets(_: &[Self::Target]) -> rosenblatt::Result<()> {
        Ok(())
    }
    fn loss<S: Simd>(
        _: S,
        y: &[[[f32; 2]; 2]],
        t: &[Self::Target],
        dy: &mut [[[f32; 2]; 2]],
    ) -> f32 {
        let mut total = 0.0;
        for ((y, t), dy) in y.flat().iter().zip(t.flat()).zip(dy.flat_mut()) {
            *dy = y - t;
            total += *dy * *dy;
        }
        total
    }
    fn class(_: &Self::Target) -> usize {
        0
    }
}

#[test]
fn nothing_but_a_good_step_moves_anything() {
    let (mut net, mut trainer) = trained();
    let (x, t) = pairs(8);
    let before = net.hash();
    for backend in backends() {
        trainer.on(backend).evaluate(&net, dataset(&x, &t)).expect("good data");
    }
    trainer.predict_batch(&net, &x).expect("fits");
    let adam = Adam::DEFAULT;
    // NaN, and numbers whose variance overflows. Without a check the running variance would stay
    // infinite.
    for bad in [f32::NAN, f32::INFINITY, 1e38, 1e25] {
        let mut x = x.clone();
        x[3][1] = bad;
        for backend in backends() {
            let refused = trainer.on(backend).step(&mut net, dataset(&x, &t), &adam);
            // The error names a value that is itself not finite.
            let named = match refused {
                Err(Error::Input { sample: 3, column: 1, .. }) => !bad.is_finite(),
                Err(Error::NotFinite { what: Quantity::Loss, epoch: 0, step: 0 }) => {
                    bad.is_finite()
                }
                _ => false,
            };
            assert!(named, "{bad} on {backend}: {refused:?}");
            assert_eq!(net.hash(), before, "{bad} on {backend}");
        }
    }
    assert!(trainer.step(&mut net, dataset(&x, &[9; 8]), &adam).is_err());
    assert_eq!(net.hash(), before);
    trainer.step(&mut net, dataset(&x, &t), &adam).expect("a good step");
    assert_ne!(net.hash(), before);
}

#[test]
fn evaluation_tells_the_penalty() {
    type Plainer = Mlp<(Dense<2, 3, Tanh>, Dense<3, 1>)>;
    type Costly = Mlp<(DenseL2<2, 3, Tanh, 1, 8>, Regularized<Dense<3, 1>, L1L2<1, 4, 1, 2>>)>;
    let plain = Plainer::init(Seed(3));
    let mut costly = Costly::ZERO;
    costly.set_weights(plain.weights()).expect("as many");
    let (x, t) = ([[0.5, -1.0], [1.0, 0.0], [0.0, 2.0]], [[1.0], [0.0], [-1.0]]);
    // Three samples in batches of two. The penalty must count once.
    let (mut a, mut b) = (
        Trainer::<_, MeanSquaredError, Sgd, 2>::ZERO,
        Trainer::<_, MeanSquaredError, Sgd, 2>::ZERO,
    );
    let error = a.evaluate(&plain, dataset(&x, &t)).expect("good data").loss;
    let loss = b.evaluate(&costly, dataset(&x, &t)).expect("good data").loss;
    let w = plain.weights();
    let squares = |w: &[f32]| w.iter().map(|w| w * w).sum::<f32>();
    let want = squares(&w[..6]) / 8.0
        + w[9..12].iter().map(|w| w.abs()).sum::<f32>() / 4.0
        + squares(&w[9..12]) / 2.0;
    assert!((loss - error - want).abs() < 1e-6, "{loss} − {error} is not {want}");
}

#[test]
fn the_slope_of_an_absolute_value_is_0_at_0() {
    let mut net = Mlp::<(DenseL1<3, 1, Linear, 1, 4>,)>::ZERO;
    net.set_weights(&[0.0, -2.0, 3.0, 5.0]).expect("as many");
    let mut trainer = Trainer::<_, MeanSquaredError, Sgd, 1>::ZERO;
    for backend in backends() {
        let loss = trainer
            .on(backend)
            .step(&mut net, dataset(&[[0.0; 3]], &[[5.0]]), &Sgd::with_lr(0.0))
            .expect("good data");
        assert_eq!(
            (loss, trainer.gradient().as_flat()),
            (1.25, [0.0, -0.25, 0.25, 0.0].as_slice()),
            "{backend}"
        );
    }
}

#[test]
fn an_activation_apart_has_the_bits_of_one_inside() {
    type Inside = Mlp<(Dense<3, 5, LeakyRelu>, Dense<5, 4, Softmax>)>;
    type Apart =
        Mlp<(Dense<3, 5>, Activate<[f32; 5], LeakyRelu>, Dense<5, 4>, Activate<[f32; 4], Softmax>)>;
    let (mut inside, mut apart) = (Inside::ZERO, Apart::ZERO);
    inside.initialize(Seed(8));
    apart.initialize(Seed(8));
    let mut rng = Rng::new(Seed(9));
    let x: Vec<[f32; 3]> = samples(&mut rng, 8, 1.0);
    let t = [0u8, 1, 2, 3, 3, 2, 1, 0];
    let mut first = Trainer::<_, SparseCategoricalCrossEntropy, Sgd, 8>::ZERO;
    let mut second = Trainer::<_, SparseCategoricalCrossEntropy, Sgd, 8>::ZERO;
    for backend in backends() {
        for m in [8, 5] {
            let sgd = Sgd::with_lr(0.1);
            let a = first
                .on(backend)
                .step(&mut inside, dataset(&x[..m], &t[..m]), &sgd)
                .expect("good data");
            let b = second
                .on(backend)
                .step(&mut apart, dataset(&x[..m], &t[..m]), &sgd)
                .expect("good data");
            assert_eq!(
                (a.to_bits(), bits(inside.weights())),
                (b.to_bits(), bits(apart.weights())),
                "{backend}"
            );
        }
    }
}

const ROW: usize = 50;
const ROWS: usize = 8;
type Third = Dropout<[f32; ROW], { rate(1.0 / 3.0) }>;
/// ⌊2³² / 3⌋
const THIRD: u32 = 1_431_655_765;

/// One training pass of dropout, with ones as inputs and as dy.
fn drop<L>(
    backend: Backend,
    pass: Context,
    tape: &mut L::Tape<ROWS>,
) -> ([[f32; ROW]; ROWS], [[f32; ROW]; ROWS])
where
    L: Trainable<Input = [f32; ROW], Output = [f32; ROW]>,
{
    let (x, mut dy, mut dx) = ([[1.0; ROW]; ROWS], [[1.0; ROW]; ROWS], [[f32::NAN; ROW]; ROWS]);
    let mut dp = L::Params::ZERO;
    dispatch!(backend, s => {
        L::forward::<_, ROWS>(s, pass, &L::Params::ZERO, &L::Buffers::ZERO, &x, tape);
        L::backward::<_, ROWS>(
            s,
            &L::Params::ZERO,
            &x,
            tape,
            &mut dy,
            false,
            &mut dp,
            Some(&mut dx),
        )
    });
    (*L::output::<ROWS>(tape), dx)
}

#[test]
fn dropout_drops_its_share_anew_each_pass_and_the_gradient_with_it() {
    const PASSES: usize = 1000;
    for backend in backends() {
        let mut tape = <Third as Trainable>::Tape::<ROWS>::ZERO;
        let (mut dropped, mut of_value) = (0, [[0usize; ROW]; ROWS]);
        let mut last = None;
        for pass in 0..PASSES {
            let (y, dx) = drop::<Third>(backend, Context::TRAINING, &mut tape);
            assert_eq!(
                bits(y.as_flattened()),
                bits(dx.as_flattened()),
                "{backend}: another mask for the gradient"
            );
            for (i, y) in y.iter().flatten().enumerate() {
                let keep = kept(THIRD, 0, 0, pass as u32, i as u32);
                assert_eq!(*y, if keep { 1.5 } else { 0.0 }, "{backend}, pass {pass}, value {i}");
                dropped += usize::from(!keep);
                of_value[i / ROW][i % ROW] += usize::from(!keep);
            }
            assert_ne!(last, Some(y), "{backend}: pass {pass} has the mask of the one before");
            last = Some(y);
        }
        // 400,000 draws have a standard deviation of 0.00075; one value's share over 1,000 passes,
        // 0.015.
        let share = dropped as f64 / (PASSES * ROW * ROWS) as f64;
        assert!((share - 1.0 / 3.0).abs() < 0.003, "{backend}: {share} were dropped");
        let shares = of_value.as_flattened().iter().map(|n| *n as f64 / PASSES as f64);
        assert!(
            shares.clone().all(|share| (share - 1.0 / 3.0).abs() < 0.07),
            "{:?}",
            shares.collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_dropped_value_is_zero_whatever_it_was() {
    for backend in backends() {
        let mut tape = <Third as Trainable>::Tape::<ROWS>::ZERO;
        let x = [[f32::NAN; ROW], [f32::INFINITY; ROW], [-1.0; ROW], [-0.0; ROW]];
        dispatch!(backend, s => Third::forward::<_, ROWS>(
            s, Context::TRAINING, &[], &[], &x, &mut tape
        ));
        for (i, (y, x)) in tape.head.iter().flatten().zip(x.iter().flatten()).enumerate() {
            let want = if kept(THIRD, 0, 0, 0, i as u32) { x * 1.5 } else { 0.0 };
            assert_eq!(bits(&[*y]), bits(&[want]), "{backend}: value {i}, {x}");
        }
        // Inference leaves the values unchanged, and does not advance the pass number.
        dispatch!(backend, s => Third::forward::<_, ROWS>(
            s, Context::INFERENCE, &[], &[], &x, &mut tape
        ));
        assert_eq!(bits(tape.head[..4].as_flattened()), bits(x.as_flattened()));
        assert_eq!(tape.tail[0].to_bits(), 1);
    }
}

#[test]
fn dropouts_differ_by_place_and_seed_and_are_independent() {
    let mask =
        |y: [[f32; ROW]; ROWS]| y.as_flattened().iter().map(|y| *y == 0.0).collect::<Vec<_>>();
    let of = |pass: Context| {
        let mut tape = <Third as Trainable>::Tape::<ROWS>::ZERO;
        (0..50)
            .flat_map(|_| mask(drop::<Third>(Backend::detect(), pass, &mut tape).0))
            .collect::<Vec<_>>()
    };
    type Other = Dropout<[f32; ROW], { rate(1.0 / 3.0) }, 1>;
    type High = Dropout<[f32; ROW], { rate(1.0 / 3.0) }, { 1 << 32 }>;
    let mut seeded = Vec::new();
    let (mut tape, mut high) =
        (<Other as Trainable>::Tape::<ROWS>::ZERO, <High as Trainable>::Tape::<ROWS>::ZERO);
    for _ in 0..50 {
        seeded.extend(mask(drop::<Other>(Backend::detect(), Context::TRAINING, &mut tape).0));
    }
    let high: Vec<bool> = (0..50)
        .flat_map(|_| mask(drop::<High>(Backend::detect(), Context::TRAINING, &mut high).0))
        .collect();
    let (second, third) = (Context::TRAINING.after::<Third>(), Context::TRAINING.after::<Twice>());
    let masks = [of(Context::TRAINING), of(second), of(third), seeded, high];
    for (i, a) in masks.iter().enumerate() {
        for b in &masks[..i] {
            // Both drop a value with probability 1/9 if they are independent. The standard
            // deviation over 20,000 draws is 0.0022.
            let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count() as f64 / a.len() as f64;
            assert!((both - 1.0 / 9.0).abs() < 0.01, "{both} are dropped by both");
        }
    }
    // Masks of successive passes are independent too.
    let both = masks[0].iter().zip(&masks[0][ROW * ROWS..]).filter(|(a, b)| **a && **b).count();
    assert!((both as f64 / (49 * ROW * ROWS) as f64 - 1.0 / 9.0).abs() < 0.01);

    // In one network: the same type twice, and a chain within a chain. The layers of an inner chain
    // are numbered like any others.
    type Twice = Chain<Third, Third>;
    type Nested = Chain<Twice, Third>;
    let mut tape = <Twice as Trainable>::Tape::<ROWS>::ZERO;
    let (y, _) = drop::<Twice>(Backend::detect(), Context::TRAINING, &mut tape);
    let (first, both) = (mask(tape.head.head), mask(y));
    let alive = both.iter().filter(|dropped| !**dropped).count() as f64 / both.len() as f64;
    assert!(
        first != both && (alive - 4.0 / 9.0).abs() < 0.08,
        "{alive} are alive after two dropouts"
    );
    let mut tape = <Nested as Trainable>::Tape::<ROWS>::ZERO;
    let (y, _) = drop::<Nested>(Backend::detect(), Context::TRAINING, &mut tape);
    let alive = mask(y).iter().filter(|dropped| !**dropped).count() as f64 / (ROW * ROWS) as f64;
    assert!((alive - 8.0 / 27.0).abs() < 0.08, "{alive} are alive after three dropouts");
}

#[test]
fn the_same_trainer_repeats_a_training_after_a_reset() {
    let (x, t) = pairs(30);
    let fit = Fit { epochs: 3, shuffle: Some(Seed(1)), ..Fit::new(Adam::with_lr(0.01)) };
    let mut trainer = NetTrainer::ZERO;
    let mut run = |reset: bool| {
        let mut net = Net::init(Seed(1957));
        if reset {
            trainer.reset();
        }
        trainer.fit(&mut net, dataset(&x, &t), &fit).expect("good data");
        // Evaluating and predicting do not advance the pass number.
        trainer.evaluate(&net, dataset(&x, &t)).expect("good data");
        net.hash()
    };
    let first = run(false);
    assert_eq!([run(true), run(true)], [first; 2]);
    assert_ne!(run(false), first);
}

/// A regularizer adds 2λ·w to the gradient of its layer's kernel, for every kind of layer. The
/// gradients of the other parameters, the outputs and dx stay the same.
fn regularized<L: Trainable>() {
    type Ridge<L> = Regularized<L, L2<1, 100>>;
    let mut rng = Rng::new(Seed(3));
    let (mut p, r) = (L::Params::ZERO, L::Buffers::ZERO);
    p.as_flat_mut().iter_mut().for_each(|w| *w = draw(&mut rng, 0.8));
    let (x, dy): (Vec<L::Input>, Vec<L::Output>) =
        (samples(&mut rng, 2, 1.0), samples(&mut rng, 2, 1.0));
    let plain = pass::<_, L, 2>(Scalar, &p, &r, &x, &mut dy.clone());
    let ridge = pass::<_, Ridge<L>, 2>(Scalar, &p, &r, &x, &mut dy.clone());
    assert_eq!((bits(&ridge.y), bits(&ridge.dx)), (bits(&plain.y), bits(&plain.dx)));
    let w = p.as_flat();
    for (i, w) in w.iter().enumerate() {
        let more = if i < L::KERNEL_LEN { 0.02 * w } else { 0.0 };
        assert_eq!(ridge.dp[i], plain.dp[i] + more, "parameter {i}");
    }
    let want = 0.01 * wide(&w[..L::KERNEL_LEN]).iter().map(|w| w * w).sum::<f64>();
    assert!(0 < L::KERNEL_LEN && L::KERNEL_LEN < w.len());
    assert!((f64::from(ridge.penalty) / want - 1.0).abs() < 1e-6, "{} for {want}", ridge.penalty);
}

#[test]
fn every_layer_with_a_kernel_can_be_regularized() {
    regularized::<Dense<5, 3, Tanh>>();
    regularized::<Conv2d<Map<5, 4, 2>, Map<3, 2, 3>, 3, 3, Relu>>();
    regularized::<Conv1d<Signal<6, 2>, Signal<6, 3>, 3, Tanh, Same>>();
    regularized::<Rnn<3, 4, 5>>();
    regularized::<Gru<3, 4, 5>>();
    regularized::<Lstm<3, 4, 5>>();
}

/// The lecture's cost is the summed loss of N samples + λ·Σw². It is N times this library's cost
/// with λ/N in the layer, and so are its gradients.
#[test]
fn the_lectures_cost() {
    type Net = Mlp<(DenseL2<2, 3, Linear, 1, 100>,)>;
    const N: usize = 4;
    let lambda = 0.01 * N as f64;
    let mut rng = Rng::new(Seed(4));
    let mut net = Net::init(Seed(9));
    let (x, t): (Vec<[f32; 2]>, Vec<[f32; 3]>) =
        (samples(&mut rng, N, 1.0), samples(&mut rng, N, 1.0));
    let cost = |w: &[f64]| {
        let mut sum = 0.0;
        for (x, t) in x.iter().zip(&t) {
            for j in 0..3 {
                let y = w[6 + j] + f64::from(x[0]) * w[j] + f64::from(x[1]) * w[3 + j];
                sum += (y - f64::from(t[j])).powi(2);
            }
        }
        sum + lambda * w[..6].iter().map(|w| w * w).sum::<f64>()
    };
    let w = wide(net.weights());
    let mut trainer = Trainer::<Net, SumOverOutputs<MeanSquaredError>, Sgd, N>::ZERO;
    let loss = trainer.step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.0)).expect("a good step");
    assert!((N as f64 * f64::from(loss) / cost(&w) - 1.0).abs() < 1e-6, "{loss}");
    let gradient: Vec<f32> = trainer.gradient().as_flat().iter().map(|dw| N as f32 * dw).collect();
    GRADIENTS.judge(&gradient, &slopes(&w, cost)).expect("N times the gradient");
}
