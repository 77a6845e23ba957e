//! Golden hashes: trainings, initial weights, random numbers and orders must have the same bits on
//! every backend and target, in every version.
//!
//! `golden.txt` holds a line `name hash` for each.
//! `cargo xtask bless golden` writes it again. After a changed
//! line, earlier trainings cannot be reproduced, so the commit must give the reason. If the weights
//! in flash change too, run the command twice. Only the lines `firmware/*-micromath` may change
//! with the version of a crate. The targets agree on these because micromath is plain f32
//! arithmetic, but the contract does not cover them.

#[path = "../library/support/mod.rs"]
mod support;

use rosenblatt::{
    Backend, Rng,
    dataset::Permutation,
    init::{
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Initializer, LecunNormal,
        LecunUniform, Orthogonal, Uniform,
    },
    kernels::F32Array,
    layer::Dense,
    prelude::*,
};
use rosenblatt_kernels::environment::Mode;
use rosenblatt_programs::{Program, digits::WEIGHTS, programs};
use std::{fmt::Write as _, hash::Hasher};
use support::{backends, data};

const GOLDEN: &str = include_str!("../golden.txt");

type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
type Iris = Mlp<(Dense<4, 16, Tanh>, Dense<16, 3, Softmax>)>;
type Digits = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;

/// FNV-1a (64 bits) of integers, little-endian.
fn integers(values: impl Iterator<Item = u32>) -> u64 {
    let mut hasher = fnv::FnvHasher::default();
    values.for_each(|value| hasher.write(&value.to_le_bytes()));
    hasher.finish()
}

/// The losses of a training, by epoch.
fn losses<const N: usize>(history: &History<N>) -> u64 {
    let losses: Vec<_> = history.epochs().iter().map(|epoch| epoch.loss).collect();
    rosenblatt::hash(&losses)
}

/// XOR, 500 epochs of all four samples with Adam. `change` may modify the initial weights.
fn xor(backend: Backend, change: impl Fn(&mut [f32])) -> (Xor, History<500>) {
    let mut net = Xor::init(Seed(1957));
    change(net.params_mut().as_flat_mut());
    let mut history = History::new();
    let fit = Fit { epochs: 500, backend: Some(backend), ..Fit::new(Adam::with_lr(0.01)) };
    let mut trainer = Trainer::<Xor, BinaryCrossEntropy, Adam, 4>::ZERO;
    trainer.fit_with(&mut net, &gates::XOR, &fit, &mut history).expect("good data");
    (net, history)
}

/// Iris, 100 shuffled epochs in mini-batches of 16 (the last one has 6), Adam with decay.
fn iris(backend: Backend) -> (Iris, History<100>, f32) {
    let (x, t) = data::iris();
    let mut net = Iris::init_with(&LecunNormal, Seed(1936));
    let mut history = History::new();
    let optimizer = Adam { decay: 1e-3, ..Adam::with_lr(0.01) };
    let fit =
        Fit { epochs: 100, shuffle: Some(Seed(4)), backend: Some(backend), ..Fit::new(optimizer) };
    let mut trainer = Trainer::<Iris, SparseCategoricalCrossEntropy, Adam, 16>::ZERO;
    trainer
        .fit_with(&mut net, Dataset::new(&x, &t).expect("as many targets"), &fit, &mut history)
        .expect("good data");
    let accuracy = trainer
        .on(backend)
        .evaluate(&net, Dataset::new(&x, &t).expect("as many targets"))
        .expect("good data")
        .accuracy();
    (net, history, accuracy)
}

/// Digits, two shuffled epochs in mini-batches of 32 (the last one has 5), gradient descent.
fn digits(backend: Backend) -> (Box<Digits>, History<2>, f32) {
    let (x, t) = data::digits();
    let t = data::one_hot::<10>(&t);
    let mut net = Box::new(Digits::ZERO);
    net.initialize_with(&HeUniform, Seed(64));
    let mut history = History::new();
    let fit = Fit {
        epochs: 2,
        shuffle: Some(Seed(10)),
        backend: Some(backend),
        ..Fit::new(Sgd::with_lr(0.1))
    };
    let mut trainer = Box::new(Trainer::<Digits, CategoricalCrossEntropy, Sgd, 32>::ZERO);
    trainer
        .fit_with(&mut net, Dataset::new(&x, &t).expect("as many targets"), &fit, &mut history)
        .expect("good data");
    let accuracy = trainer
        .on(backend)
        .evaluate(&net, Dataset::new(&x, &t).expect("as many targets"))
        .expect("good data")
        .accuracy();
    (net, history, accuracy)
}

/// The hash of a firmware program, which `cargo xtask qemu` runs on every board.
fn program<P: Program>(backend: Backend, spoil: impl FnOnce(&mut [f32])) -> u64 {
    let (mut net, mut trainer) = (Box::new(P::NET), Box::new(P::TRAINER));
    P::run(backend, &mut net, &mut trainer, spoil)
}

/// All firmware programs.
fn firmware(backend: Backend) -> Vec<(String, u64)> {
    let mut lines = Vec::new();
    macro_rules! line {
        ($name:literal, $program:ty) => {
            assert_eq!($name, <$program>::NAME);
            lines.push((
                concat!("firmware/", $name).to_owned(),
                program::<$program>(backend, |_| {}),
            ));
        };
    }
    programs!(line);
    lines
}

/// Hashes that depend on a backend's kernels.
fn trained(backend: Backend) -> Vec<(String, u64)> {
    let (xor, xor_history) = xor(backend, |_| {});
    assert!(
        xor.predict(&[0.0, 1.0])[0] > 0.9 && xor.predict(&[1.0, 1.0])[0] < 0.1,
        "XOR was not learnt"
    );
    let (iris, iris_history, accuracy) = iris(backend);
    assert!(accuracy > 0.95, "iris was not learnt: {accuracy}");
    let (digits, digits_history, accuracy) = digits(backend);
    assert!(accuracy > 0.8, "the digits were not learnt: {accuracy}");
    let trainings = [
        ("xor", xor.hash()),
        ("xor/losses", losses(&xor_history)),
        ("iris", iris.hash()),
        ("iris/losses", losses(&iris_history)),
        ("digits", digits.hash()),
        ("digits/losses", losses(&digits_history)),
    ]
    .map(|(name, hash)| (name.to_owned(), hash));
    trainings.into_iter().chain(firmware(backend)).collect()
}

/// Initial weights of the digits' network by one initializer.
fn initial(init: &impl Initializer) -> u64 {
    let mut net = Box::new(Digits::ZERO);
    net.initialize_with(init, Seed(1957));
    net.hash()
}

/// Hashes without a backend: random numbers, orders, initial weights.
fn drawn() -> Vec<(String, u64)> {
    let mut lines = Vec::new();
    for seed in [0, 1, 1957, u64::MAX] {
        let mut rng = Rng::new(Seed(seed));
        lines.push((format!("rng/{seed}"), integers((0..8).map(|_| rng.next_u32()))));
    }
    let mut rng = Rng::new(Seed(1957));
    lines.push((
        "uniform".to_owned(),
        rosenblatt::hash(&std::array::from_fn::<_, 1000, _>(|_| rng.uniform())),
    ));
    lines.push((
        "normal".to_owned(),
        rosenblatt::hash(&std::array::from_fn::<_, 1000, _>(|_| rng.normal())),
    ));
    for (n, seed, epoch) in
        [(4, 1957, 1), (10, 0, 1), (150, 4, 1), (150, 4, 2), (1797, 10, 1), (70_000, u64::MAX, 3)]
    {
        let order = Permutation::new(n, Seed(seed), epoch);
        lines.push((
            format!("order/{n}/{seed}/{epoch}"),
            integers((0..n).map(|i| order.index(i) as u32)),
        ));
    }
    let weights = [
        ("glorot_uniform", initial(&GlorotUniform)),
        ("glorot_normal", initial(&GlorotNormal)),
        ("he_uniform", initial(&HeUniform)),
        ("he_normal", initial(&HeNormal)),
        ("lecun_uniform", initial(&LecunUniform)),
        ("lecun_normal", initial(&LecunNormal)),
        ("orthogonal", initial(&Orthogonal)),
        ("uniform", initial(&Uniform::default())),
        ("constant", initial(&Constant(0.5))),
    ];
    lines.extend(weights.map(|(name, hash)| (format!("init/{name}"), hash)));
    lines
}

/// The format of `golden.txt`.
fn lines(hashes: &[(String, u64)]) -> String {
    let mut text = String::new();
    for (name, hash) in hashes {
        writeln!(text, "{name} {hash:016x}").expect("a String takes all");
    }
    text
}

#[test]
fn hashes_are_the_golden_ones() {
    let drawn = drawn();
    let mut first = None;
    for backend in backends() {
        let text = lines(&[drawn.as_slice(), &trained(backend)].concat());
        println!("backend {backend}:\n{text}");
        let want = first.get_or_insert_with(|| {
            if std::env::var_os("ROSENBLATT_BLESS").is_some() {
                let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../golden.txt");
                std::fs::write(path, &text).expect("the file can be written");
                text.clone()
            } else {
                GOLDEN.to_owned()
            }
        });
        for (got, want) in text.lines().zip(want.lines()) {
            assert_eq!(got, want, "on {backend} (left) the hash is not the golden one (right)");
        }
        assert_eq!(text.lines().count(), want.lines().count(), "another number of golden hashes");
    }
}

#[test]
fn one_bit_of_one_initial_weight_shows() {
    for backend in backends() {
        let (golden, _) = xor(backend, |_| {});
        let (changed, _) = xor(backend, |weights| weights[0] = weights[0].next_up());
        assert_ne!(changed.hash(), golden.hash());
        assert!(!GOLDEN.contains(&format!("{:016x}", changed.hash())));
    }
}

/// XOR, the CNN, the GRU and every other program, initial weights and orders, under flush-to-zero,
/// denormals-are-zero and each rounding mode.
#[test]
fn hashes_are_the_golden_ones_in_any_floating_point_environment() {
    for mode in Mode::ALL {
        for backend in backends() {
            let Some(text) = mode.run(|| lines(&[drawn().as_slice(), &trained(backend)].concat()))
            else {
                continue;
            };
            for (got, want) in text.lines().zip(GOLDEN.lines()) {
                // Plain arithmetic of the program itself or of the crate micromath.
                let own = [
                    "firmware/products",
                    "firmware/subnormal",
                    "firmware/exp-micromath",
                    "firmware/tanh-micromath",
                ];
                if !own.iter().any(|name| want.starts_with(name)) {
                    assert_eq!(
                        got, want,
                        "{mode:?} on {backend} (left) the hash is not the golden one (right)"
                    );
                }
            }
        }
    }
}

/// The weights that the firmware has in flash: 20 shuffled epochs over all digits.
#[test]
fn weights_in_flash_can_be_learnt_again() {
    let (x, t) = data::digits();
    let mut net = Box::new(Digits::ZERO);
    net.initialize_with(&HeUniform, Seed(1957));
    let optimizer = Adam { decay: 1e-3, ..Adam::with_lr(0.005) };
    let fit = Fit { epochs: 20, shuffle: Some(Seed(1957)), ..Fit::new(optimizer) };
    let mut trainer = Box::new(Trainer::<Digits, SparseCategoricalCrossEntropy, Adam, 32>::ZERO);
    trainer.fit(&mut net, Dataset::new(&x, &t).expect("as many targets"), &fit).expect("good data");
    assert!(
        trainer
            .evaluate(&net, Dataset::new(&x, &t).expect("as many targets"))
            .expect("good data")
            .accuracy()
            > 0.99
    );

    let bytes: Vec<u8> = net.weights().iter().flat_map(|w| w.to_le_bytes()).collect();
    if std::env::var_os("ROSENBLATT_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../programs/digits.weights");
        std::fs::write(path, &bytes).expect("the file can be written");
    } else {
        assert!(
            bytes == WEIGHTS,
            "tests/programs/digits.weights does not hold what this training gives"
        );
    }
}

/// The trained XOR as a saved model. Its bytes are the format: they stay the same on every backend
/// and in every version that reads format version 1.
#[test]
fn the_saved_model_has_the_golden_bytes() {
    for backend in backends() {
        let (net, _) = xor(backend, |_| {});
        let mut file = [0; Xor::SAVED_BYTES];
        net.save(&mut file).expect("finite weights");
        if std::env::var_os("ROSENBLATT_BLESS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/saved/xor.rosenblatt");
            std::fs::write(path, file).expect("the file can be written");
        } else {
            let golden = include_bytes!("../../src/saved/xor.rosenblatt");
            assert!(file == *golden, "src/saved/xor.rosenblatt does not hold the trained XOR");
        }
    }
}

#[test]
fn one_bit_of_one_initial_weight_shows_in_every_program() {
    macro_rules! spoilt {
        ("digits-infer", $program:ty) => {};
        ("identity", $program:ty) => {};
        // This program tests errors. A bit may be rounded away in its few steps.
        ("weather", $program:ty) => {};
        ($name:literal, $program:ty) => {
            let good = program::<$program>(Backend::detect(), |_| {});
            let bad =
                program::<$program>(Backend::detect(), |values| values[0] = values[0].next_up());
            assert_ne!(good, bad, "{}", $name);
        };
    }
    programs!(spoilt);
}
