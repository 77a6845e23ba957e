//! Networks as values and as types: shapes, sizes, hashes, prediction.

use super::{Line, Ten, Xor, XorTrainer};
use crate::support::dataset;
use crate::support::{backends, bits, roomy};
use rosenblatt::{
    Backend, Rng,
    activation::{Activation, Step},
    hash,
    kernels::{F32Array, F32Rows, Simd},
    layer::{Dense, Dropout, L2, Layer, Regularized, rate},
    metrics::predicted,
    prelude::*,
    sequential::Layers,
};
use static_cell::ConstStaticCell;

#[test]
fn summaries_name_layers_parameters_and_bytes() {
    let text = Xor::summary().to_string();
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["layer", "inputs", "outputs", "activation", "parameters"]);
    assert_eq!(lines[1], ["Dense", "2", "8", "tanh", "24"]);
    assert_eq!(lines[2], ["Dense", "8", "1", "sigmoid", "9"]);
    assert_eq!(lines[3], ["33", "parameters,", &Xor::BYTES.to_string(), "bytes"]);
    assert_eq!(lines.len(), 4);
    // The columns are aligned with their titles.
    let width = |line: usize| text.lines().nth(line).expect("a line").chars().count();
    assert_eq!((width(0), width(0)), (width(1), width(2)));
    assert!(Line::summary().to_string().contains("linear"));
}

#[test]
fn sizes_are_known_at_compile_time() {
    // Overhead of less than a cache line beyond the parameters.
    const _: () =
        assert!(Xor::PARAMS == 33 && Xor::BYTES - 4 * Xor::PARAMS < 64 && XorTrainer::BYTES < 1024);
    assert_eq!(Xor::PARAMS, Xor::ZERO.weights().len());
    assert_eq!(Ten::PARAMS, 3 * 4 + 4 + 4 * 10 + 10);
    assert_eq!(Xor::BYTES, size_of_val(&Xor::ZERO));
    assert_eq!(XorTrainer::BYTES, size_of_val(&XorTrainer::ZERO));
}

#[test]
fn new_networks_are_all_zero_bits() {
    assert_eq!(bits(Xor::ZERO.weights()), [0; 33]);
    assert_eq!(bits(Xor::default().weights()), [0; 33]);
    assert_eq!(bits(XorTrainer::ZERO.gradient().as_flat()), [0; 33]);
}

#[test]
fn statics_can_be_trained() {
    static NET: ConstStaticCell<Xor> = ConstStaticCell::new(Xor::ZERO);
    static TRAINER: ConstStaticCell<XorTrainer> = ConstStaticCell::new(XorTrainer::ZERO);
    let (net, trainer) = (NET.take(), TRAINER.take());
    net.initialize(Seed(1957));
    let fit = Fit { epochs: 500, ..Fit::new(Adam::with_lr(0.01)) };
    trainer.fit(net, &gates::XOR, &fit).expect("good data");
    assert_eq!(trainer.evaluate(net, &gates::XOR).expect("good data").accuracy(), 1.0);
    // The same as any other network with that seed.
    let mut local = Xor::init(Seed(1957));
    XorTrainer::default().fit(&mut local, &gates::XOR, &fit).expect("good data");
    assert_eq!(net.hash(), local.hash());
}

#[test]
fn weights_lie_as_in_keras() {
    let mut net = Xor::ZERO;
    let weights: Vec<f32> = (0u8..33).map(f32::from).collect();
    net.set_weights(&weights).expect("33");
    let params = net.params();
    // w[input][unit], then the biases, then the next layer.
    assert_eq!(params.head.w[1][2], 10.0);
    assert_eq!(params.head.b[0], 16.0);
    assert_eq!(params.tail.w[7][0], 31.0);
    assert_eq!(params.tail.b[0], 32.0);
    net.layer_mut::<1>().b[0] = -1.0;
    assert_eq!(net.weights()[32], -1.0);
}

/// Threshold units with fixed weights compute XOR: (a or b) and not (a and b).
#[test]
fn step_units_predict() {
    type Steps = Mlp<(Dense<2, 2, Step>, Dense<2, 1, Step>)>;
    let mut net = Steps::ZERO;
    net.set_weights(&[1.0, 1.0, 1.0, 1.0, -0.5, -1.5, 1.0, -1.0, -0.5]).expect("nine");
    for backend in backends() {
        for (x, t) in gates::XOR.x.iter().zip(&gates::XOR.t) {
            assert_eq!(net.on(backend).predict(x), *t);
        }
        let mut y = [[9.0]; 4];
        net.on(backend).predict_batch(&gates::XOR.x, &mut y).expect("four and four");
        assert_eq!(y, gates::XOR.t);
        // A unit's output is 0 at the threshold itself.
        assert_eq!(Mlp::<(Dense<1, 1, Step>,)>::default().on(backend).predict(&[3.0]), [0.0]);
    }
}

/// A unit with an activation of the user's, of which the library knows nothing but `forward`.
struct RowMean;
impl Activation for RowMean {
    const NAME: &'static str = "row mean";
    fn forward<S: Simd, const N: usize>(_: S, z: &mut [[f32; N]]) {
        for row in z {
            *row = [row.iter().sum::<f32>() / N as f32; N];
        }
    }
}

/// Small networks compute a batch with sixteen samples side by side, and its rest in other ways.
#[test]
fn a_batch_of_any_size_has_the_bits_of_its_samples() {
    fn check<
        T: Layers<Composed: Layer<Input = [f32; I], Output = [f32; O]>>,
        const I: usize,
        const O: usize,
    >() {
        let net = Mlp::<T>::init(Seed(3));
        let mut rng = Rng::new(Seed(5));
        let mut x: Vec<[f32; I]> =
            (0..50).map(|_| [0.0; I].map(|_: f32| rng.uniform() - 0.5)).collect();
        for (i, special) in [f32::NAN, f32::INFINITY, -0.0, 1e-40, 3e38].into_iter().enumerate() {
            x[7 * i][i % I] = special;
        }
        let alone: Vec<_> = x.iter().map(|x| net.on(Backend::baseline()).predict(x)).collect();
        for backend in backends() {
            for m in 0..=x.len() {
                let mut y = vec![[9.0; O]; m + 1];
                net.on(backend).predict_batch(&x[..m], &mut y[..m]).expect("as many");
                assert_eq!(bits(y[..m].flat()), bits(alone[..m].flat()), "{m} on {backend}");
                assert_eq!(y[m], [9.0; O], "{m} on {backend}");
            }
        }
    }
    check::<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>), 2, 1>();
    check::<(Dense<4, 16, Relu>, Dense<16, 3, Softmax>), 4, 3>();
    check::<(Dense<5, 2, Softmax>, Dense<2, 16, LeakyRelu>, Dense<16, 16, Softmax>), 5, 16>();
    // Softmax over more units is not computed side by side, nor are wide layers.
    check::<(Dense<3, 17, Softmax>, Dense<17, 2>), 3, 2>();
    check::<(Dense<65, 2, Step>,), 65, 2>();
    check::<(Dense<1, 64, Relu>, Dense<64, 7>), 1, 7>();
    check::<
        (
            Regularized<Dense<6, 9, Tanh>, L2<1, 100>>,
            Dropout<[f32; 9], { rate(0.5) }>,
            Dense<9, 13>,
        ),
        6,
        13,
    >();
    check::<(Dense<3, 4, Tanh>, Dense<4, 5, RowMean>), 3, 5>();
}

#[test]
fn twelve_layers_and_one() {
    roomy(train_twelve_layers_and_one);
}

fn train_twelve_layers_and_one() {
    type D<A = Tanh> = Dense<2, 2, A>;
    type Deep = Mlp<(
        Dense<1, 2, Tanh>,
        D,
        D,
        D<Sigmoid>,
        D,
        D<Relu>,
        D<LeakyRelu>,
        D,
        D<Softmax>,
        D,
        D,
        Dense<2, 1>,
    )>;
    assert_eq!(Deep::PARAMS, 4 + 10 * 6 + 3);
    assert_eq!(Deep::summary().to_string().lines().count(), 1 + 12 + 1);
    let start = Deep::init(Seed(12));
    let (x, t) = ([[0.5], [-0.5]], [[1.0], [3.0]]);
    for backend in backends() {
        let mut net = start.clone();
        let mut trainer = Trainer::<Deep, MeanSquaredError, Sgd, 2>::ZERO;
        let losses: Vec<_> = (0..50)
            .map(|_| {
                trainer
                    .on(backend)
                    .step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.1))
                    .expect("a good step")
            })
            .collect();
        assert!(losses[49] < losses[0], "{losses:?}");

        // One linear unit, computed by hand: 2·3 − 1·4 + 0.5.
        let mut line = Line::ZERO;
        line.set_weights(&[2.0, -1.0, 0.5]).expect("three");
        assert_eq!(line.on(backend).predict(&[3.0, 4.0]), [2.5]);
    }
}

#[test]
fn hashes_are_fnv_over_little_endian_bits() {
    // FNV-1a of no bytes, and of the four bytes of 1.0.
    assert_eq!(hash(&[]), 0xcbf2_9ce4_8422_2325);
    let mut want = 0xcbf2_9ce4_8422_2325u64;
    for byte in [0u8, 0, 0x80, 0x3f] {
        want = (want ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    assert_eq!(hash(&[1.0]), want);
    // All NaN count as one value. The two zeros differ.
    assert_eq!(hash(&[f32::NAN]), hash(&[-f32::NAN]));
    assert_eq!(hash(&[f32::NAN]), hash(&[f32::from_bits(0x7f80_0001)]));
    assert_ne!(hash(&[0.0]), hash(&[-0.0]));

    let net = Xor::init(Seed(1));
    assert_eq!(net.hash(), hash(net.weights()));
    assert_eq!(format!("{net:?}"), format!("Sequential(33 parameters, hash {:016x})", net.hash()));
}

#[test]
fn gates_are_truth_tables() {
    let table = |gate: gates::Gate| gate.t.map(|t| t[0] == 1.0);
    let inputs = gates::OR.x.map(|x| x.map(|x| x == 1.0));
    assert_eq!(table(gates::OR), inputs.map(|[a, b]| a | b));
    assert_eq!(table(gates::AND), inputs.map(|[a, b]| a & b));
    assert_eq!(table(gates::NAND), inputs.map(|[a, b]| !(a & b)));
    assert_eq!(table(gates::XOR), inputs.map(|[a, b]| a ^ b));
    assert_eq!(inputs.iter().collect::<std::collections::HashSet<_>>().len(), 4);
}

#[test]
fn classes_are_the_first_greatest_or_above_a_half() {
    assert_eq!(predicted(&[0.5]), Some(0));
    assert_eq!(predicted(&[0.5f32.next_up()]), Some(1));
    assert_eq!(predicted(&[0.1, 0.7, 0.2]), Some(1));
    assert_eq!(predicted(&[0.4, 0.4, 0.2]), Some(0));
    assert_eq!(predicted(&[f32::NEG_INFINITY, -1.0]), Some(1));
}

/// The longest tuple, and its layers by number.
#[test]
fn thirty_two_layers() {
    type D = Dense<1, 1>;
    #[rustfmt::skip]
    type Deep = Mlp<(
        D, D, D, D, D, D, D, D, D, D, D, D, D, D, D, D,
        D, D, D, D, D, D, D, D, D, D, D, D, D, D, D, D,
    )>;
    let mut net = Deep::ZERO;
    for (i, w) in net.weights_mut().iter_mut().enumerate() {
        *w = if i % 2 == 0 { 1.0 } else { (i / 2) as f32 };
    }
    // The identity, and to it the numbers of all layers.
    assert_eq!(net.predict(&[0.5]), [0.5 + (31 * 32 / 2) as f32]);
    assert_eq!(
        (net.layer::<0>().b, net.layer::<17>().b, net.layer::<31>().b),
        ([0.0], [17.0], [31.0])
    );
    net.layer_mut::<31>().w = [[2.0]];
    assert_eq!(net.weights()[62], 2.0);
}
