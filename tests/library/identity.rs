//! The same bits: whole trainings, evaluations and predictions on every backend of this CPU.

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Backend, Rng,
    init::Uniform,
    kernels::F32Array,
    layer::{Activate, Dense, L1L2, Layer, Regularized, Trainable},
    optimizer::Optimizer,
    prelude::*,
    sequential::{ComposedOf, Layers},
    train::Batch,
};
use std::{fmt::Debug, ops::ControlFlow};
use support::{backends, bits, judge::Judged, roomy, samples};

/// Results of a training: text for the report and numbers for the comparison.
#[derive(Default)]
struct Record(Vec<(String, Vec<u32>)>);

impl Record {
    fn values(&mut self, name: &str, values: &[f32]) {
        self.0.push((name.to_owned(), bits(values)));
    }

    /// Adds a result that is not a number, such as an error.
    fn text(&mut self, name: String) {
        self.0.push((name, Vec::new()));
    }

    /// Where two records first differ.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.0.len() != other.0.len() {
            return Some(format!("{} results instead of {}", self.0.len(), other.0.len()));
        }
        let ((name, got), (other, want)) = self.0.iter().zip(&other.0).find(|(a, b)| a != b)?;
        let place = got.iter().zip(want).position(|(got, want)| got != want);
        Some(format!("{name} differs from {other} at value {place:?}"))
    }
}

/// One sort of inputs and initial weights.
#[derive(Clone, Copy, Debug)]
struct Sort {
    x: f32,
    weights: f32,
}

/// Ordinary numbers; subnormal inputs; weights whose products are subnormal; inputs and weights
/// whose squares and sums overflow.
const SORTS: [Sort; 5] = [
    Sort { x: 1.0, weights: 0.5 },
    Sort { x: 1e-39, weights: 0.5 },
    Sort { x: 1e-20, weights: 1e-20 },
    Sort { x: 1e19, weights: 1.0 },
    Sort { x: 3e38, weights: 3e3 },
];

/// One network, optimizer and loss, for every sort of data and every division into mini-batches.
struct Case<T, O, L, const I: usize, const OUT: usize, const B: usize> {
    optimizer: O,
    of: std::marker::PhantomData<(fn() -> T, L)>,
}

impl<T, O, L, const I: usize, const OUT: usize, const B: usize> Case<T, O, L, I, OUT, B>
where
    T: Layers<Composed: Trainable<Input = [f32; I], Output = [f32; OUT]>>,
    O: Optimizer + Debug,
    L: Judged<<ComposedOf<T> as Layer>::OutputActivation, OUT>,
{
    fn new(optimizer: O) -> Self {
        Self { optimizer, of: std::marker::PhantomData }
    }

    /// Runs every training on one backend. `planted` moves one initial weight by 1 ULP.
    fn run(&self, backend: Backend, sorts: &[Sort], planted: bool) -> Record {
        let mut record = Record::default();
        let mut trainer = Box::new(Trainer::<Mlp<T>, L, O, B>::ZERO);
        for (i, sort) in sorts.iter().enumerate() {
            let mut rng = Rng::new(Seed(1957 + i as u64));
            // Two full mini-batches and a smaller one.
            let n = 2 * B + 1;
            let x: Vec<[f32; I]> = samples(&mut rng, n, sort.x);
            let t: Vec<L::Target> = (0..n).map(|_| L::target(&mut rng)).collect();
            let mut start = Box::new(Mlp::<T>::ZERO);
            start.initialize_with(&Uniform { min: -sort.weights, max: sort.weights }, Seed(7));
            if planted {
                let w = &mut start.params_mut().as_flat_mut()[0];
                *w = w.next_up();
            }

            for shuffle in [None, Some(Seed(3))] {
                for batch in [
                    None,
                    Some(Batch::Full),
                    Some(Batch::Mini(B.div_ceil(2))),
                    Some(Batch::Stochastic),
                ] {
                    // A full batch must fit into the trainer.
                    let n = if batch == Some(Batch::Full) { B } else { n };
                    let (x, t) = (&x[..n], &t[..n]);
                    let fit = Fit {
                        optimizer: self.optimizer,
                        epochs: 2,
                        batch,
                        shuffle,
                        drop_last: false,
                        backend: Some(backend),
                    };
                    let mut net = start.clone();
                    trainer.reset();
                    let mut history = Vec::new();
                    let mut observer = OnEpoch(|epoch: &EpochReport| {
                        history.extend([epoch.loss, epoch.accuracy]);
                        ControlFlow::Continue(())
                    });
                    let outcome = trainer
                        .fit_with(&mut net, dataset(x, t), &fit, &mut observer)
                        .map(|epoch| epoch.number);
                    let name = format!("{sort:?} {batch:?} {shuffle:?}");
                    record.text(format!("{name}: {outcome:?}"));
                    record.values(&format!("{name}: history"), &history);
                    record.values(&format!("{name}: weights"), net.weights());
                    record.text(format!("{name}: hash {:016x}", net.hash()));
                    let evaluation =
                        trainer.on(backend).evaluate(&net, dataset(x, t)).expect("good data");
                    record.values(
                        &format!("{name}: loss"),
                        &[evaluation.loss, evaluation.correct as f32],
                    );
                    self.predict(backend, &mut trainer, &net, x, &name, &mut record);
                }
            }
        }
        record
    }

    /// Predictions for one sample, for a batch, and in the trainer's memory have the same bits.
    fn predict(
        &self,
        backend: Backend,
        trainer: &mut Trainer<Mlp<T>, L, O, B>,
        net: &Mlp<T>,
        x: &[[f32; I]],
        name: &str,
        record: &mut Record,
    ) {
        let alone: Vec<_> = x.iter().map(|x| net.on(backend).predict(x)).collect();
        let alone = alone.as_flattened();
        let mut y = vec![[0.0; OUT]; x.len()];
        net.on(backend).predict_batch(x, &mut y).expect("as many outputs as inputs");
        assert_eq!(
            bits(y.as_flattened()),
            bits(alone),
            "{name}: a batch on {backend} differs from its samples alone"
        );
        for chunk in [1, B.div_ceil(2), B] {
            let y: Vec<_> = x
                .chunks(chunk)
                .flat_map(|x| trainer.predict_batch(net, x).expect("fits").to_vec())
                .collect();
            assert_eq!(
                bits(y.as_flattened()),
                bits(alone),
                "{name}: the trainer's batch of {chunk} differs from {backend}"
            );
        }
        let y: Vec<_> = x.iter().map(|x| trainer.predict(net, x)).collect();
        assert_eq!(
            bits(y.as_flattened()),
            bits(alone),
            "{name}: the trainer's prediction differs from {backend}"
        );
        record.values(&format!("{name}: predictions"), alone);
    }

    fn check(&self, name: &str) {
        let backends = backends();
        let want = self.run(backends[0], &SORTS, false);
        for &backend in &backends[1..] {
            let got = self.run(backend, &SORTS, false);
            if let Some(difference) = got.difference(&want) {
                panic!("{name} on {backend}: {difference}");
            }
        }
        let stopped = want.0.iter().filter(|(name, _)| name.contains("NotFinite")).count();
        println!(
            "{name}: {} results the same on {} backends, {stopped} of them errors",
            want.0.len(),
            backends.len()
        );

        // The comparison must find a difference of one bit.
        assert!(
            self.run(backends[0], &SORTS[..1], true)
                .difference(&self.run(backends[0], &SORTS[..1], false))
                .is_some()
        );
    }
}

/// One test per line: layers, loss, the trainer's capacity in samples, optimizer.
macro_rules! identity {
    ($($name:ident: $stack:ty, $loss:ty, $b:literal, $optimizer:expr;)*) => {$(
        #[test]
        fn $name() {
            roomy(|| Case::<$stack, _, $loss, _, _, $b>::new($optimizer).check(stringify!($name)));
        }
    )*};
}

// Sizes below, equal to and around each backend's number of lanes. There are few lines, because
// each compiles a whole training for each backend.
identity! {
    xor: (Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>), BinaryCrossEntropy, 4, Adam::with_lr(0.01);
    one_weight: (Dense<1, 1>,), MeanSquaredError, 3, Sgd { lr: 0.1, decay: 0.01 };
    odd_3_7_5: (Dense<3, 7, LeakyRelu>, Dense<7, 5, Softmax>),
        SparseCategoricalCrossEntropy<u16>, 7, Sgd::with_lr(0.1);
    odd_17_33_2: (Dense<17, 33, Relu>, Dense<33, 2, Softmax>), CategoricalCrossEntropy, 5,
        Adam { decay: 0.1, ..Adam::DEFAULT };
    digits: (Dense<64, 32, Relu>, Dense<32, 10, Softmax>), SparseCategoricalCrossEntropy, 32,
        Adam::DEFAULT;
    three_layers: (Dense<5, 18, Sigmoid>, Dense<18, 20, Tanh>, Dense<20, 3, Sigmoid>),
        BinaryCrossEntropy, 8, Sgd::with_lr(0.5);
    normalized: (
        Dense<5, 18>, BatchNorm<[f32; 18]>, Activate<[f32; 18], Relu>,
        Dropout<[f32; 18], { rate(0.25) }>,
        Regularized<Dense<18, 7, Tanh>, L1L2<1, 1000, 1, 500>>, LayerNorm<[f32; 7]>,
        Dense<7, 3, Softmax>
    ), SparseCategoricalCrossEntropy, 8, Adam::with_lr(0.01);
    normalized_as_in_pytorch: (
        Dense<5, 18>, BatchNorm<[f32; 18], { epsilon(1e-5) }, { momentum(0.9) }>,
        Activate<[f32; 18], Relu>, Dense<18, 7, Tanh>, LayerNorm<[f32; 7], { epsilon(1e-5) }>,
        Dense<7, 3, Softmax>
    ), SparseCategoricalCrossEntropy, 8, Sgd::with_lr(0.1);
    regression: (Dense<9, 16, Softmax>, Dense<16, 3>), MeanSquaredError, 16,
        Adam { beta1: 0.8, beta2: 0.99, epsilon: 1e-4, ..Adam::DEFAULT };
}
