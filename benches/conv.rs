//! Training steps of convolutional networks on every backend. The first network is also timed in
//! hand-written plain loops.
//!
//! `cargo bench --bench conv` prints criterion's estimates. The relevant figure is the ratio of
//! `plain` to a backend. Before the timing both run 20 steps from the same weights, and their
//! losses must agree within rounding.

mod plain;

use criterion::{Criterion, criterion_group, criterion_main};
use plain::cnn::Cnn as ByHand;
use rosenblatt::{
    Rng,
    kernels::{Backend, F32Array, array::reshape_rows},
    layer::{Layer, Map, Same, Trainable},
    prelude::*,
    sequential::{ComposedOf, InputOf, Layers, OutputOf},
};
use std::hint::black_box;

const B: usize = 32;

/// The networks of the Keras fixtures.
type Cnn = (
    Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3, Relu>,
    MaxPool2d<Map<6, 6, 8>, Map<3, 3, 8>, 2>,
    Flatten<Map<3, 3, 8>, 72>,
    Dense<72, 10, Softmax>,
);
type Cnn2 = (
    Conv2d<Map<8, 8, 1>, Map<8, 8, 6>, 3, 3, Tanh, Same>,
    AvgPool2d<Map<8, 8, 6>, Map<4, 4, 6>, 2>,
    Conv2d<Map<4, 4, 6>, Map<2, 2, 8>, 3, 3, Relu, Same, 2>,
    Flatten<Map<2, 2, 8>, 32>,
    Dense<32, 10, Softmax>,
);
/// A network for images of MNIST's size.
type Lenet = (
    Conv2d<Map<28, 28, 1>, Map<24, 24, 16>, 5, 5, Relu>,
    MaxPool2d<Map<24, 24, 16>, Map<12, 12, 16>, 2>,
    Conv2d<Map<12, 12, 16>, Map<8, 8, 32>, 5, 5, Relu>,
    MaxPool2d<Map<8, 8, 32>, Map<4, 4, 32>, 2>,
    Flatten<Map<4, 4, 32>, 512>,
    Dense<512, 10, Softmax>,
);

fn step<T>(c: &mut Criterion, name: &str, by_hand: impl FnOnce(&Mlp<T>) -> Option<ByHand<B>>)
where
    T: Layers<Composed: Trainable<OutputActivation = Softmax>>,
    SparseCategoricalCrossEntropy: rosenblatt::loss::Loss<
            <ComposedOf<T> as Layer>::OutputActivation,
            OutputOf<Mlp<T>>,
            Target = u8,
        >,
{
    let mut rng = Rng::new(Seed(7));
    let mut x = vec![InputOf::<Mlp<T>>::ZERO; B];
    x.iter_mut().for_each(|x| x.as_flat_mut().iter_mut().for_each(|x| *x = rng.uniform()));
    let t: [u8; B] = std::array::from_fn(|i| (i % 10) as u8);
    let adam = Adam::with_lr(0.001);
    let mut start = Box::new(Mlp::<T>::ZERO);
    start.initialize(Seed(1957));
    let trainer = || Box::new(Trainer::<Mlp<T>, SparseCategoricalCrossEntropy, Adam, B>::ZERO);

    let mut group = c.benchmark_group(name);
    if let Some(mut plain) = by_hand(&start) {
        let flat: Vec<[f32; 64]> =
            x.iter().map(|x| std::array::from_fn(|i| x.as_flat()[i])).collect();
        let images: &[[[f32; 8]; 8]; B] = reshape_rows(&flat).try_into().expect("as many");
        let (mut net, mut trainer) = (start.clone(), trainer());
        for step in 0..20 {
            let ours = trainer
                .step(&mut net, Dataset::new(&x, &t).expect("as many targets"), &adam)
                .expect("a finite loss");
            let theirs = plain.step(images, &t, adam.lr);
            assert!(
                (ours - theirs).abs() <= 1e-3 * theirs,
                "step {step}: {ours} and by hand {theirs}"
            );
        }
        group.bench_function("plain", |b| {
            b.iter(|| plain.step(black_box(images), black_box(&t), adam.lr))
        });
    }
    for backend in Backend::available() {
        let (mut net, mut trainer) = (start.clone(), trainer());
        group.bench_function(backend.name(), |b| {
            b.iter(|| {
                trainer
                    .on(backend)
                    .step(
                        &mut net,
                        Dataset::new(black_box(&x), black_box(&t)).expect("as many targets"),
                        &adam,
                    )
                    .expect("a finite loss")
            });
        });
    }
    group.finish();
}

fn steps(c: &mut Criterion) {
    step::<Cnn>(c, "cnn 8x8 batch 32", |net| Some(ByHand::new(net.weights())));
    step::<Cnn2>(c, "cnn2 8x8 batch 32", |_| None);
    step::<Lenet>(c, "lenet 28x28 batch 32", |_| None);
}

criterion_group!(benches, steps);
criterion_main!(benches);
