//! Recurrent layers. Outputs and every gradient are compared with f64 and finite differences. The
//! bits must be the same on every backend, alone, in a batch and frame by frame.

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Backend, Error, Rng,
    init::{Initializer, Orthogonal},
    kernels::{F32Array, Simd, dispatch},
    layer::{Activate, All, Context, DenseL1, L2, Layer, Regularized, Streaming, Trainable},
    prelude::*,
    sequential::{ComposedOf, Layers},
};
use support::{
    backends, bits, draw,
    judge::Judged,
    roomy, samples,
    slopes::{Tolerance, slopes},
};

/// The layers of a network in f64, read from the network's own description.
struct Reference(Vec<Step>);

/// One layer.
struct Step {
    kind: &'static str,
    activation: &'static str,
    inputs: usize,
    units: usize,
    /// Steps in and steps out; 1 for a dense layer
    steps: [usize; 2],
}

impl Reference {
    fn of<N: Layer>() -> Self {
        let (mut kernels, mut layers) = (Vec::new(), Vec::new());
        N::tensors(&mut |tensor| {
            if tensor.name == "kernel" {
                kernels.push(tensor.shape.dims()[0]);
            }
        });
        N::describe(&mut |layer| {
            let inputs = kernels[layers.len()];
            let rows = layer.shape.dims();
            layers.push(Step {
                kind: layer.kind,
                activation: layer.activation,
                inputs,
                units: *rows.last().expect("units"),
                steps: [layer.inputs / inputs, if rows.len() == 2 { rows[0] } else { 1 }],
            });
        });
        Self(layers)
    }

    fn forward(&self, weights: &[f64], x: &[f64]) -> Vec<f64> {
        let (mut x, mut rest) = (x.to_vec(), weights);
        for layer in &self.0 {
            (x, rest) = layer.forward(rest, &x);
        }
        assert!(rest.is_empty(), "parameters are left over");
        x
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Step {
    fn activate(&self, x: f64) -> f64 {
        match self.activation {
            "linear" => x,
            "tanh" => x.tanh(),
            "sigmoid" => sigmoid(x),
            name => panic!("the judge knows no activation {name}"),
        }
    }

    /// x·w for one row, `w` of `columns` columns.
    fn product(x: &[f64], w: &[f64], columns: usize) -> Vec<f64> {
        (0..columns)
            .map(|j| x.iter().enumerate().map(|(i, x)| x * w[i * columns + j]).sum())
            .collect()
    }

    /// Outputs, and the weights of the layers that follow. The formulas and the order of the gates
    /// are Keras'.
    fn forward<'a>(&self, weights: &'a [f64], x: &[f64]) -> (Vec<f64>, &'a [f64]) {
        let u = self.units;
        let gates = match self.kind {
            "Dense" | "SimpleRNN" => 1,
            "GRU" => 3,
            "LSTM" => 4,
            kind => panic!("the judge knows no layer {kind}"),
        };
        let columns = gates * u;
        let (w, rest) = weights.split_at(self.inputs * columns);
        let (state, rest) = rest.split_at(if self.kind == "Dense" { 0 } else { u * columns });
        let (b, rest) = rest.split_at(columns * if self.kind == "GRU" { 2 } else { 1 });
        let (mut h, mut c) = (vec![0.0; u], vec![0.0; u]);
        let mut outputs = Vec::new();
        assert_eq!(x.len(), self.inputs * self.steps[0]);
        for frame in x.chunks_exact(self.inputs) {
            let mut a = Self::product(frame, w, columns);
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            // A dense layer has no state.
            let mut s = if state.is_empty() {
                vec![0.0; columns]
            } else {
                Self::product(&h, state, columns)
            };
            match self.kind {
                "GRU" => {
                    s.iter_mut().zip(&b[columns..]).for_each(|(s, b)| *s += b);
                    for j in 0..u {
                        let z = sigmoid(a[j] + s[j]);
                        let r = sigmoid(a[u + j] + s[u + j]);
                        h[j] = z * h[j] + (1.0 - z) * (a[2 * u + j] + r * s[2 * u + j]).tanh();
                    }
                }
                "LSTM" => {
                    a.iter_mut().zip(&s).for_each(|(a, s)| *a += s);
                    for j in 0..u {
                        c[j] = sigmoid(a[u + j]) * c[j] + sigmoid(a[j]) * a[2 * u + j].tanh();
                        h[j] = sigmoid(a[3 * u + j]) * c[j].tanh();
                    }
                }
                _ => {
                    h = a.iter().zip(&s).map(|(a, s)| self.activate(a + s)).collect();
                }
            }
            outputs.extend(&h);
        }
        (outputs.split_off(outputs.len() - self.steps[1] * u), rest)
    }
}

/// Rounding errors pass through several steps, each with a few tens of terms.
const TOLERANCE: Tolerance = Tolerance { relative: 3e-5, floor: 1e-6, least: 0.0, visible: 5e-4 };

/// Outputs, parameters' gradient and inputs' gradient of one mini-batch.
#[inline(always)]
fn pass<S: Simd, N: Trainable, const B: usize>(
    s: S,
    p: &N::Params,
    x: &[N::Input],
    dy: &[N::Output],
) -> [Vec<f32>; 3] {
    let mut buffers = N::Buffers::ZERO;
    let mut tape = Box::new(N::Tape::<B>::ZERO);
    // The tape's old contents must not matter.
    tape.as_flat_mut().fill(f32::NAN);
    N::forward::<S, B>(s, Context::TRAINING, p, &buffers, x, &mut tape);
    let y = N::output::<B>(&tape)[..x.len()].to_vec();
    let (mut dp, mut dx, mut dy) =
        (Box::new(N::Params::ZERO), vec![N::Input::ZERO; x.len()], dy.to_vec());
    dp.as_flat_mut().fill(f32::NAN);
    N::backward::<S, B>(s, p, x, &mut tape, &mut dy, false, &mut dp, Some(&mut dx));
    N::update_buffers::<B>(&tape, &mut buffers);
    let flat = |rows: &[f32]| rows.to_vec();
    let outputs: Vec<f32> = y.iter().flat_map(|y| flat(y.as_flat())).collect();
    [outputs, flat(dp.as_flat()), dx.iter().flat_map(|x| flat(x.as_flat())).collect()]
}

/// Compares layers with random parameters with the reference: batches of 1, of 3 and of 5, on every
/// backend. The loss is a weighted sum of all outputs.
fn check<T: Layers<Composed: Trainable>>(name: &str) {
    const B: usize = 5;
    let judge = Reference::of::<ComposedOf<T>>();
    let (mut worst, backends) = ([0.0f64; 3], backends());
    for m in [1, 3, B] {
        let mut rng = Rng::new(Seed(m as u64));
        let mut p = Box::new(<ComposedOf<T> as Layer>::Params::ZERO);
        p.as_flat_mut().iter_mut().for_each(|w| *w = draw(&mut rng, 0.8));
        let x: Vec<<ComposedOf<T> as Layer>::Input> = samples(&mut rng, m, 1.0);
        let dy: Vec<<ComposedOf<T> as Layer>::Output> = samples(&mut rng, m, 1.0);
        let wide = |values: &[f32]| values.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let (weights, xs): (Vec<f64>, Vec<_>) =
            (wide(p.as_flat()), x.iter().map(|x| wide(x.as_flat())).collect());
        let loss = |weights: &[f64], i: usize, x: &[f64]| -> f64 {
            judge
                .forward(weights, x)
                .iter()
                .zip(dy[i].as_flat())
                .map(|(y, dy)| y * f64::from(*dy))
                .sum()
        };
        let want = [
            xs.iter().flat_map(|x| judge.forward(&weights, x)).collect(),
            slopes(&weights, |weights| {
                xs.iter().enumerate().map(|(i, x)| loss(weights, i, x)).sum()
            }),
            xs.iter()
                .enumerate()
                .flat_map(|(i, x)| slopes(x, |x| loss(&weights, i, x)))
                .collect::<Vec<_>>(),
        ];
        let mut first = None;
        for &backend in &backends {
            let got = dispatch!(backend, s => pass::<_, ComposedOf<T>, B>(s, &p, &x, &dy));
            for (((got, want), worst), what) in
                got.iter().zip(&want).zip(&mut worst).zip(["y", "dp", "dx"])
            {
                let (off, tried) = TOLERANCE.judge(got, want).unwrap_or_else(|error| {
                    panic!("{name}, batch {m}, {backend}, {what}: {error}")
                });
                *worst = worst.max(off);
                // With one step, the recurrent kernel and a forget gate have gradient 0.
                assert!(tried > 0.25, "{name}, {what}: only {tried} of the values could be tried");
            }
            let got = got.map(|values| bits(&values));
            assert!(
                *first.get_or_insert_with(|| got.clone()) == got,
                "{name}, batch {m}: {backend} has other bits"
            );
        }
    }
    println!(
        "{name}: worst deviation {:.0?} % of what is let through (y, dp, dx)",
        worst.map(|worst| 100.0 * worst)
    );
}

/// One test per line.
macro_rules! gradients {
    ($($name:ident: $stack:ty;)*) => {
        mod gradients {
            use super::*;
            $(
                #[test]
                fn $name() {
                    roomy(|| check::<$stack>(stringify!($name)));
                }
            )*
        }
    };
}

// Units below, equal to and around each backend's number of lanes; one step and several; the last
// state and all states; stacked layers. There are few lines, because each compiles its layers for
// each backend.
gradients! {
    simple: (Rnn<3, 5, 4>,);
    simple_one_step: (Rnn<2, 3, 1, Sigmoid>,);
    simple_all: (Rnn<3, 7, 4, Linear, All>,);
    gru: (Gru<3, 5, 4>,);
    gru_one_step: (Gru<2, 1, 1>,);
    gru_all: (Gru<3, 8, 4, All>,);
    gru_wide: (Gru<5, 19, 3>,);
    lstm: (Lstm<3, 5, 4>,);
    lstm_one_step: (Lstm<1, 3, 1, All>,);
    lstm_all: (Lstm<3, 8, 4, All>,);
    lstm_wide: (Lstm<5, 19, 3>,);
    stacked: (Lstm<3, 6, 4, All>, Gru<6, 5, 4, All>, Rnn<5, 4, 4>, Dense<4, 2, Tanh>);
}

/// Magnitudes of inputs and initial weights: ordinary numbers; subnormal inputs; products that are
/// subnormal; sums that overflow.
const SIZES: [(f32, f32); 4] = [(1.0, 0.5), (1e-39, 0.5), (1e-20, 1e-20), (3e38, 1e3)];

/// Trains for two shuffled epochs on one backend. Gives losses or the error, weights, and
/// predictions.
fn trained<T, L, const O: usize>(
    backend: Backend,
    (x_size, w_size): (f32, f32),
) -> (String, Vec<u32>)
where
    T: Layers<Composed: Trainable<Output = [f32; O]> + Streaming<FrameOutput = [f32; O]>>,
    L: Judged<<ComposedOf<T> as Layer>::OutputActivation, O>,
    <ComposedOf<T> as Layer>::Input: AsRef<[<ComposedOf<T> as Streaming>::Frame]>,
{
    const B: usize = 4;
    let mut rng = Rng::new(Seed(1957));
    let x: Vec<<ComposedOf<T> as Layer>::Input> = samples(&mut rng, 2 * B + 1, x_size);
    let t: Vec<L::Target> = x.iter().map(|_| L::target(&mut rng)).collect();
    let mut net = Box::new(Mlp::<T>::ZERO);
    net.initialize(Seed(7));
    net.params_mut().as_flat_mut().iter_mut().for_each(|w| *w *= w_size);
    let mut trainer = Box::new(Trainer::<Mlp<T>, L, Adam, B>::ZERO);
    let fit = Fit {
        epochs: 2,
        shuffle: Some(Seed(3)),
        backend: Some(backend),
        ..Fit::new(Adam::with_lr(0.01))
    };
    let report = trainer.fit(&mut net, dataset(&x, &t), &fit).map(|epoch| epoch.loss.to_bits());

    let alone: Vec<_> = x.iter().map(|x| net.on(backend).predict(x)).collect();
    let alone = bits(alone.as_flattened());
    let mut batch = vec![[0.0; O]; x.len()];
    net.on(backend).predict_batch(&x, &mut batch).expect("as many");
    assert_eq!(
        bits(batch.as_flattened()),
        alone,
        "{backend}: a batch differs from its samples alone"
    );
    let on_tape: Vec<_> =
        x.chunks(3).flat_map(|x| trainer.predict_batch(&net, x).expect("fits").to_vec()).collect();
    assert_eq!(bits(on_tape.as_flattened()), alone, "{backend}: the trainer's batch differs");
    assert!(trainer.predict_batch(&net, &[]).expect("fits").is_empty());
    let stepwise: Vec<_> = x
        .iter()
        .map(|x| {
            let mut stream = net.stream();
            let frames = x.as_ref().iter();
            frames.map(|frame| stream.on(backend).push(frame)).last().expect("frames")
        })
        .collect();
    assert_eq!(
        bits(stepwise.as_flattened()),
        alone,
        "{backend}: frame by frame differs from the whole"
    );
    (format!("{report:?}"), [alone, bits(net.weights())].concat())
}

macro_rules! identity {
    ($($name:ident: $stack:ty, $loss:ty;)*) => {
        mod identity {
            use super::*;
            $(
                #[test]
                fn $name() {
                    roomy(|| for size in SIZES {
                        let backends = backends();
                        let want = trained::<$stack, $loss, _>(backends[0], size);
                        for &backend in &backends[1..] {
                            let got = trained::<$stack, $loss, _>(backend, size);
                            assert_eq!(got.0, want.0, "{backend}, {size:?}");
                            assert!(got.1 == want.1, "{backend}, {size:?}: other bits");
                        }
                        println!("{size:?}: {}", want.0);
                    });
                }
            )*
        }
    };
}

identity! {
    simple: (Rnn<3, 9, 5, Relu>, Dense<9, 3, Softmax>), SparseCategoricalCrossEntropy;
    gru: (Gru<8, 12, 8>, Dense<12, 10, Softmax>), SparseCategoricalCrossEntropy;
    lstm: (Lstm<1, 17, 6>, Dense<17, 1, Sigmoid>), BinaryCrossEntropy;
    stacked: (Gru<2, 5, 4, All>, Lstm<5, 4, 4, All>, Rnn<4, 3, 4>), MeanSquaredError;
    with_others_between: (
        Rnn<3, 6, 5, Linear, All>, LayerNorm<[[f32; 6]; 5]>, Activate<[[f32; 6]; 5], Tanh>,
        Dropout<[[f32; 6]; 5], { rate(0.25) }>,
        Regularized<Gru<6, 4, 5>, L2<1, 100>>, BatchNorm<[f32; 4]>, DenseL1<4, 3, Softmax, 1, 100>,
    ), SparseCategoricalCrossEntropy;
}

/// A unit that adds its inputs. Every state is the sum so far.
#[test]
fn a_sum() {
    let mut net = Mlp::<(Rnn<1, 1, 5, Linear, All>,)>::ZERO;
    net.set_tensors(&[&[1.0], &[1.0], &[0.0]]).expect("three tensors");
    assert_eq!(
        net.predict(&[[1.0], [2.0], [3.0], [4.0], [5.0]]),
        [[1.0], [3.0], [6.0], [10.0], [15.0]]
    );
    let mut stream = net.stream();
    let sums: Vec<_> = (1..=100).map(|x| stream.push(&[x as f32])[0]).collect();
    assert_eq!(sums[99], 5050.0, "a stream may be longer than a sample");
}

/// An LSTM whose gates are fully open or fully closed, by biases that saturate them.
#[test]
fn gates_of_an_lstm() {
    let run = |input: f32, forget: f32, output: f32| {
        let mut net = Mlp::<(Lstm<1, 1, 3>,)>::ZERO;
        let bias = [input, forget, 0.0, output];
        net.set_tensors(&[&[0.0, 0.0, 1.0, 0.0], &[0.0; 4], &bias]).expect("three tensors");
        net.predict(&[[0.5], [0.25], [0.125]])[0]
    };
    let (open, shut) = (100.0, -200.0);
    let t = [0.5f64, 0.25, 0.125].map(f64::tanh);
    let near =
        |got: f32, want: f64| assert!((f64::from(got) - want).abs() < 1e-6, "{got} for {want}");
    near(run(open, open, open), (t[0] + t[1] + t[2]).tanh()); // keeps everything
    near(run(open, shut, open), t[2].tanh()); // forgets the previous state
    assert_eq!(run(shut, open, open), 0.0); // ignores the input
    assert_eq!(run(open, open, shut), 0.0); // outputs nothing
}

/// A GRU that keeps its state where z is 1, and ignores it in the candidate where r is 0.
#[test]
fn gates_of_a_gru() {
    let run = |z: f32, r: f32| {
        let mut net = Mlp::<(Gru<1, 1, 2>,)>::ZERO;
        let bias = [z, r, 0.0, 0.0, 0.0, 0.25];
        net.set_tensors(&[&[0.0, 0.0, 1.0], &[0.0, 0.0, 1.0], &bias]).expect("three tensors");
        f64::from(net.predict(&[[0.5], [-0.25]])[0])
    };
    let (open, shut) = (100.0, -200.0);
    let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-6, "{got} for {want}");
    near(run(open, open), 0.0); // keeps the initial zero
    near(run(shut, shut), (-0.25f64).tanh()); // last input only; r scales the inner bias too
    near(run(shut, open), (-0.25 + (0.5f64 + 0.25).tanh() + 0.25).tanh());
}

#[test]
fn tensors_are_keras() {
    type Net = Mlp<(Gru<8, 12, 8, All>, Lstm<12, 5, 8, All>, Rnn<5, 3, 8>)>;
    let mut net = Net::init(Seed(1));
    let mut lines = Vec::new();
    net.tensors(|tensor, values| {
        assert_eq!(values.len(), tensor.shape.len());
        lines.push(format!("{} {}", tensor.name, tensor.shape));
    });
    let want = [
        "kernel (8, 36)",
        "recurrent_kernel (12, 36)",
        "bias (2, 36)",
        "kernel (12, 20)",
        "recurrent_kernel (5, 20)",
        "bias (20)",
        "kernel (5, 3)",
        "recurrent_kernel (3, 3)",
        "bias (3)",
    ];
    assert_eq!(lines, want);
    let mut tensors: Vec<Vec<f32>> = Vec::new();
    net.tensors(|_, values| tensors.push(values.to_vec()));
    let short = tensors
        .iter()
        .enumerate()
        .map(|(i, values)| &values[usize::from(i == 1)..])
        .collect::<Vec<_>>();
    let Err(error) = net.set_tensors(&short) else { panic!("a short tensor was taken") };
    assert!(matches!(error, Error::Tensor { index: 1, got: 431, .. }), "{error}");
    assert!(
        error.to_string().contains("recurrent_kernel") && error.to_string().contains("(12, 36)"),
        "{error}"
    );
    let text = Net::summary().to_string();
    for part in ["GRU", "LSTM", "SimpleRNN", "8x12", "8x5"] {
        assert!(text.contains(part), "{text}");
    }
}

/// Keras' initial weights: an orthogonal recurrent kernel, an input kernel by the fans, and zero
/// biases except the forget gate's.
#[test]
fn initial_weights() {
    let net = Mlp::<(Lstm<40, 12, 2>,)>::init(Seed(3));
    let p = net.params();
    assert_eq!(p.b, [[0.0; 12], [1.0; 12], [0.0; 12], [0.0; 12]]);
    let limit = (6.0f32 / (40.0 + 48.0)).sqrt();
    let top = p.w.iter().flatten().flatten().fold(0.0f32, |top, w| top.max(w.abs()));
    assert!(top <= limit && top > 0.95 * limit, "{top} within {limit}");
    let dot = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    let orthonormal = |rows: &[Vec<f32>]| {
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                let want = if i == j { 1.0 } else { 0.0 };
                assert!((dot(a, b) - want).abs() < 1e-6, "rows {i} and {j}: {}", dot(a, b));
            }
        }
    };
    orthonormal(&p.u.iter().map(|row| row.as_flattened().to_vec()).collect::<Vec<_>>());
    for (rows, columns) in [(1, 1), (1, 7), (7, 1), (5, 5), (5, 9), (9, 5), (64, 64), (30, 128)] {
        let mut w = vec![0.0; rows * columns];
        Orthogonal.fill(&mut Rng::new(Seed(rows as u64)), rows, columns, &mut w);
        let by_rows: Vec<_> = w.chunks_exact(columns).map(<[f32]>::to_vec).collect();
        let by_columns: Vec<_> =
            (0..columns).map(|j| by_rows.iter().map(|row| row[j]).collect()).collect();
        orthonormal(if rows <= columns { &by_rows } else { &by_columns });
    }
    Orthogonal.fill(&mut Rng::new(Seed(0)), 3, 0, &mut []);
}
