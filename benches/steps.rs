//! Whole training steps. Every backend and hand-written plain loops for the same network are timed
//! in one run.
//!
//! `cargo bench --bench steps` prints criterion's estimates. The relevant figure is the ratio of
//! `plain` to a backend. Every timed step returns its loss and the bench consumes it. Before the
//! timing both run 20 steps from the same weights, and their losses must agree within rounding.

mod plain;

use criterion::{Criterion, criterion_group, criterion_main};
use plain::Plain;
use rosenblatt::{
    kernels::{Backend, environment::standard},
    prelude::*,
};
use std::hint::black_box;

/// Inputs in [0, 1) and one-hot (or, with one output, alternating) targets.
fn samples<const I: usize, const O: usize, const B: usize>() -> (Box<[[f32; I]; B]>, [[f32; O]; B])
{
    let mut rng = rosenblatt::Rng::new(Seed(7));
    let mut x = Box::new([[0.0; I]; B]);
    x.as_flattened_mut().iter_mut().for_each(|x| *x = rng.uniform());
    let mut t = [[0.0; O]; B];
    for (i, t) in t.iter_mut().enumerate() {
        if O == 1 {
            t[0] = (i % 2) as f32;
        } else {
            t[i % O] = 1.0;
        }
    }
    (x, t)
}

/// Checks one network on every backend and in plain loops, then times it.
macro_rules! steps {
    (
        $c:expr, $name:literal, $i:literal-$h:literal-$o:literal, $batch:literal,
        $hidden:ty, $head:ty, $loss:ty, $plain:ident, $lr:expr
    ) => {{
        type Net = Mlp<(Dense<$i, $h, $hidden>, Dense<$h, $o, $head>)>;
        type T = Trainer<Net, $loss, Adam, $batch>;
        let (x, t) = samples::<$i, $o, $batch>();
        let adam = Adam::with_lr($lr);
        let mut start = Box::new(Net::ZERO);
        start.initialize(Seed(1957));

        let mut by_hand = Box::new(Plain::<$i, $h, $o, $batch>::new(start.weights()));
        let (mut net, mut trainer) = (start.clone(), Box::new(T::ZERO));
        for step in 0..20 {
            let ours = trainer
                .step(&mut net, Dataset::new(&x[..], &t).expect("as many targets"), &adam)
                .expect("a finite loss");
            let theirs = by_hand.$plain(&x, &t, $lr);
            assert!(
                (ours - theirs).abs() <= 1e-3 * theirs,
                "step {step}: {ours} and by hand {theirs}"
            );
        }

        let mut group = $c.benchmark_group($name);
        group.bench_function("plain", |b| {
            b.iter(|| by_hand.$plain(black_box(&x), black_box(&t), $lr))
        });
        for backend in Backend::available() {
            let (mut net, mut trainer) = (start.clone(), Box::new(T::ZERO));
            group.bench_function(backend.name(), |b| {
                b.iter(|| {
                    trainer
                        .on(backend)
                        .step(
                            &mut net,
                            Dataset::new(black_box(&x[..]), black_box(&t))
                                .expect("as many targets"),
                            &adam,
                        )
                        .expect("a finite loss")
                });
            });
        }
        group.finish();
    }};
}

/// The cost of the check of the floating-point environment at each entry to the kernels.
fn environment(c: &mut Criterion) {
    let mut group = c.benchmark_group("environment");
    group.bench_function("without a look", |b| b.iter(|| black_box(black_box(1.5f32) * 2.0)));
    group.bench_function("with a look", |b| {
        b.iter(|| standard(|| black_box(black_box(1.5f32) * 2.0)))
    });
    group.finish();
}

fn steps(c: &mut Criterion) {
    steps!(
        c,
        "T1 xor 2-8-1 batch 4",
        2 - 8 - 1,
        4,
        Tanh,
        Sigmoid,
        BinaryCrossEntropy,
        step_binary,
        0.01
    );
    steps!(
        c,
        "T2 iris 4-16-3 batch 16",
        4 - 16 - 3,
        16,
        Relu,
        Softmax,
        CategoricalCrossEntropy,
        step_classes,
        0.001
    );
    steps!(
        c,
        "T3 digits 64-32-10 batch 32",
        64 - 32 - 10,
        32,
        Relu,
        Softmax,
        CategoricalCrossEntropy,
        step_classes,
        0.001
    );
    steps!(
        c,
        "T4 mnist 784-128-10 batch 32",
        784 - 128 - 10,
        32,
        Relu,
        Softmax,
        CategoricalCrossEntropy,
        step_classes,
        0.001
    );
}

criterion_group!(benches, environment, steps);
criterion_main!(benches);
