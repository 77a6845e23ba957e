//! Rosenblatt's rule. Separable samples must be separated. A proof that samples are not separable
//! must be true. Separable samples must never be called not separable.

use crate::support;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use rosenblatt::{
    Rng,
    activation::Step,
    gates::{self, Gate},
    layer::Dense,
    prelude::*,
};
use rosenblatt_lecture::{Error, Perceptron, Separated};
use support::{amount, backends, bits, draw};

type Answers = Vec<[f32; 1]>;

/// Learning rates with a full mantissa, with two digits, and powers of two.
const RATES: [f32; 9] = [1.0, 0.1, 0.01, 0.3, 1e-3, 0.5, 3.0, 0.7, 12.345];

/// The same cases in every run.
fn config(cases: u32) -> Config {
    Config {
        cases: amount(cases, 20),
        rng_seed: RngSeed::Fixed(1957),
        failure_persistence: None,
        ..Config::default()
    }
}

fn all_right<const I: usize>(unit: &Perceptron<I>, x: &[[f32; I]], t: &[[f32; 1]]) -> bool {
    x.iter().zip(t).all(|(x, [t])| unit.predict(x) == *t)
}

/// Checks the certificate independently: runs the epochs again sample by sample, and adds the
/// updates of the cycle in integers of 2⁻ˢᶜᵃˡᵉ.
fn assert_certificate<const I: usize>(
    start: Perceptron<I>,
    (x, t): (&[[f32; I]], &[[f32; 1]]),
    lr: f32,
    error: Error,
    scale: i32,
) {
    let Error::NotSeparable { epoch, period, updates } = error else { panic!("{error}") };
    assert!(0 < period && period <= epoch);
    let mut unit = start;
    let mut run = |epochs: usize| {
        let (mut net, mut count) = (vec![0i128; I + 1], 0);
        for _ in 0..epochs {
            for (x, [t]) in x.iter().zip(t) {
                if unit.learn(x, *t, lr).expect("a good sample") {
                    let sign = if *t == 1.0 { 1 } else { -1 };
                    for (net, x) in net.iter_mut().zip(x.iter().chain([&1.0])) {
                        let whole = f64::from(*x) * 2f64.powi(scale);
                        assert_eq!(whole, whole.round(), "the test's scale is too small");
                        *net += sign * whole as i128;
                    }
                    count += 1;
                }
            }
        }
        (unit, net, count)
    };
    let (before, ..) = run(epoch - period);
    let (after, net, count) = run(period);
    assert_eq!(
        (bits(&before.w), before.b.to_bits()),
        (bits(&after.w), after.b.to_bits()),
        "other weights"
    );
    assert_eq!(count, updates);
    assert!(count > 0);
    assert_eq!(net, vec![0; I + 1], "the updates do not add up to 0");
}

#[test]
fn and_by_hand() {
    // Weights after each epoch, from zero weights, with the four samples in order.
    let epochs = [
        ([1.0, 1.0], 1.0),
        ([2.0, 1.0], 0.0),
        ([2.0, 1.0], -1.0),
        ([2.0, 2.0], -1.0),
        ([2.0, 1.0], -2.0),
        ([2.0, 1.0], -2.0),
    ];
    let mut unit = Perceptron::<2>::new();
    for (w, b) in epochs {
        for (x, [t]) in gates::AND.x.iter().zip(gates::AND.t) {
            unit.learn(x, t, 1.0).expect("a good sample");
        }
        assert_eq!((unit.w, unit.b), (w, b));
    }
    let mut fitted = Perceptron::<2>::new();
    let done = fitted.fit(&gates::AND.x, &gates::AND.t, 1.0, 6).expect("separable");
    assert_eq!(fitted, unit);
    assert_eq!(done, Separated { epochs: 6, updates: 10 });
    // One epoch fewer cannot show that all samples are right.
    let error =
        Perceptron::<2>::new().fit(&gates::AND.x, &gates::AND.t, 1.0, 5).expect_err("five epochs");
    assert_eq!(error, Error::NotConverged { epochs: 5, mistakes: 1, stalled: false });
    // A unit that separates the samples does not change.
    let done = fitted.fit(&gates::AND.x, &gates::AND.t, 1.0, 6).expect("separated");
    assert_eq!((done, fitted), (Separated { epochs: 1, updates: 0 }, unit));
}

#[test]
fn gates_that_a_line_parts() {
    for gate in [gates::OR, gates::AND, gates::NAND] {
        for lr in RATES {
            let mut unit = Perceptron::<2>::new();
            let done = unit.fit(&gate.x, &gate.t, lr, 100).expect("separable");
            assert!(all_right(&unit, &gate.x, &gate.t));
            // R² = 3, and the largest margin of these gates is at least γ² = 1/12.
            assert!(done.updates <= 36, "{done:?}");
        }
    }
}

/// XOR and its negation, with inputs 0 and 1 or −1 and 1, scaled. The samples are in several
/// orders, and multiples of a learning rate may need rounding.
#[test]
fn xor_is_proved_not_separable() {
    let scales = [1.0, 0.5, 0.37, 3.0, 1024.0, 0.1, 1.0 / 64.0];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 1, 3]];
    let mut longest = 0;
    for negated in [false, true] {
        for signs in [false, true] {
            for scale in scales {
                for order in orders {
                    let Gate { x, t } = gates::XOR;
                    let x =
                        order.map(|i| x[i].map(|x| scale * if signs { 2.0 * x - 1.0 } else { x }));
                    let t = order.map(|i| t[i].map(|t| if negated { 1.0 - t } else { t }));
                    // Where the weights recur only after thousands of updates, rounding must not
                    // change them. These rates are powers of two and small multiples of them.
                    let exact = |lr: &f32| scale > 0.05 || [1.0, 0.5, 3.0].contains(lr);
                    for lr in RATES.into_iter().filter(exact) {
                        let mut unit = Perceptron::<2>::new();
                        let error = unit.fit(&x, &t, lr, 10_000).expect_err("XOR");
                        assert_certificate(Perceptron::new(), (&x, &t), lr, error, 60);
                        assert!(!all_right(&unit, &x, &t));
                        let Error::NotSeparable { epoch, .. } = error else { panic!("{error}") };
                        longest = longest.max(epoch);
                    }
                }
            }
        }
    }
    println!("the longest took {longest} epochs");
}

#[test]
fn parity_of_three_inputs() {
    let x: [[f32; 3]; 8] =
        std::array::from_fn(|i| std::array::from_fn(|bit| (i >> bit & 1) as f32));
    let t = x.map(|x| [(x.iter().sum::<f32>() as u32 % 2) as f32]);
    let mut unit = Perceptron::<3>::new();
    let error = unit.fit(&x, &t, 1.0, 10_000).expect_err("parity");
    assert_certificate(Perceptron::new(), (&x, &t), 1.0, error, 0);
}

/// One sample with both targets: an update and its reversal alternate.
#[test]
fn contradictions() {
    for lr in RATES {
        for x in [1.0f32, 0.1, 1e-30, 3e20, 1e-45] {
            let error = Perceptron::<1>::new()
                .fit(&[[x], [x]], &[[0.0], [1.0]], lr, 100)
                .expect_err("a contradiction");
            assert!(matches!(error, Error::NotSeparable { .. }), "{error} for {x}, lr {lr}");
        }
    }
}

#[test]
fn errors_read_well() {
    let error =
        Perceptron::<2>::new().fit(&gates::XOR.x, &gates::XOR.t, 1.0, 100).expect_err("XOR");
    assert_eq!(
        error.to_string(),
        "not linearly separable: the weights after epoch 3 are those after epoch 2, to the bit, \
         and the 4 updates in between add up to exactly 0"
    );
    let error =
        Perceptron::<2>::new().fit(&gates::AND.x, &gates::AND.t, 1.0, 2).expect_err("two epochs");
    assert_eq!(
        error.to_string(),
        "not separated: epoch 2 still made 3 mistakes; more epochs may help, or the samples are \
         not separable"
    );
    let mut heavy = Perceptron { w: [0.0], b: 1e9 };
    let error = heavy.fit(&[[0.0], [1.0]], &[[0.0], [1.0]], 1.0, 100).expect_err("1e9 − 1 is 1e9");
    assert_eq!(error, Error::NotConverged { epochs: 1, mistakes: 1, stalled: true });
    assert_eq!(
        error.to_string(),
        "not separated: epoch 1 still made 1 mistake, and rounding keeps the weights from moving \
         on; another learning rate may help"
    );
}

#[test]
fn bad_data() {
    let start = Perceptron { w: [0.5, -0.25], b: 0.125 };
    let refused = |x: &[[f32; 2]], t: &[[f32; 1]], lr: f32, message: &str| {
        let mut unit = start;
        let error = unit.fit(x, t, lr, 10).expect_err("bad data");
        assert_eq!(error.to_string(), message);
        assert_eq!(unit, start, "weights changed: {message}");
        error
    };
    let (x, t) = (gates::OR.x, gates::OR.t);
    // Without an epoch, the result can be neither a success nor a number of mistakes.
    let error = start.clone().fit(&x, &t, 1.0, 0).expect_err("no epoch");
    assert_eq!(error.to_string(), "epochs is 0; at least 1 is expected");
    assert_eq!(
        refused(&[], &[], 1.0, "no samples; at least one is needed"),
        Error::Library(rosenblatt::Error::Empty)
    );
    refused(&x, &t[..3], 1.0, "4 inputs, but 3 targets or outputs; as many are needed");
    refused(&x[..1], &t, 1.0, "1 inputs, but 4 targets or outputs; as many are needed");
    for (value, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let mut x = x;
        x[2][1] = value;
        x[3][0] = value;
        let message = format!(
            "row 3, column 2 of the inputs (counted from 1) is {text}; a finite number is expected"
        );
        assert!(matches!(
            refused(&x, &t, 1.0, &message),
            Error::Library(rosenblatt::Error::Input { sample: 2, column: 1, .. })
        ));
    }
    for (value, text) in
        [(0.5, "0.5"), (-1.0, "-1"), (2.0, "2"), (f32::NAN, "NaN"), (1.0f32.next_up(), "1.0000001")]
    {
        let mut t = t;
        t[1][0] = value;
        let message = format!(
            "row 2, column 1 of the targets (counted from 1) is {text}; 0 or 1 is expected"
        );
        assert!(matches!(
            refused(&x, &t, 1.0, &message),
            Error::Library(rosenblatt::Error::Target { sample: 1, output: 0, .. })
        ));
        assert_eq!(
            start.clone().learn(&x[0], value, 1.0).expect_err("bad").to_string(),
            message.replace('2', "1").replace("is 1;", &format!("is {text};"))
        );
    }
    for (lr, text) in [(0.0, "0"), (-1.0, "-1"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        refused(&x, &t, lr, &format!("lr is {text}; a finite number above 0 is expected"));
    }
}

/// An update that overflows f32 is an error and is not carried out.
#[test]
fn weights_that_overflow() {
    let x = [[1.0, 0.0], [3e38, 1.0]];
    let mut unit = Perceptron::<2>::new();
    let error = unit.fit(&x, &[[1.0], [0.0]], 10.0, 10).expect_err("3e39");
    assert_eq!(error, Error::NotFinite { epoch: 1, step: 2 });
    assert_eq!(
        error.to_string(),
        "the weight is not finite at epoch 1, step 2; no weight was changed by this step"
    );
    assert_eq!((unit.w, unit.b), ([10.0, 0.0], 10.0));
    assert!(unit.learn(&x[1], 0.0, 10.0).is_err());
    assert_eq!((unit.w, unit.b), ([10.0, 0.0], 10.0));
    // An excitation that is NaN (∞ − ∞) is an error too.
    let mut unit = Perceptron { w: [3e38, -3e38], b: 0.0 };
    assert!(unit.predict(&[10.0, 10.0]).is_nan());
    assert!(matches!(unit.fit(&[[10.0, 10.0]], &[[0.0]], 1.0, 1), Err(Error::NotFinite { .. })));
}

#[test]
fn a_static_unit() {
    static UNIT: Perceptron<2> = Perceptron { w: [2.0, 1.0], b: -2.0 };
    const ZERO: Perceptron<2> = Perceptron::new();
    assert!(all_right(&UNIT, &gates::AND.x, &gates::AND.t));
    assert_eq!(ZERO, Perceptron::default());
    assert!(ZERO.predict(&[f32::NAN, 0.0]).is_nan());
}

/// The unit has the same bits as the layer `Dense<I, 1, Step>`, on every backend.
#[test]
fn a_unit_is_a_layer_with_a_step() {
    let mut rng = Rng::new(Seed(3));
    for _ in 0..amount(2000, 50) {
        let unit = Perceptron::<5> {
            w: std::array::from_fn(|_| draw(&mut rng, 1.0)),
            b: draw(&mut rng, 1.0),
        };
        let x: [f32; 5] = std::array::from_fn(|_| draw(&mut rng, 1.0));
        let weights: Vec<f32> = unit.w.into_iter().chain([unit.b]).collect();
        let (mut step, mut line) = (Mlp::<(Dense<5, 1, Step>,)>::ZERO, Mlp::<(Dense<5, 1>,)>::ZERO);
        step.set_weights(&weights).expect("six");
        line.set_weights(&weights).expect("six");
        for backend in backends() {
            assert_eq!(bits(&step.on(backend).predict(&x)), bits(&[unit.predict(&x)]));
            assert_eq!(bits(&line.on(backend).predict(&x)), bits(&[unit.excitation(&x)]));
        }
    }
}

/// V·X of a sample in f64 with X = (x, 1), unless rounding could change its sign.
fn margin<const I: usize>(v: &[f32], x: &[f32; I]) -> Option<f64> {
    let terms = || v.iter().zip(x.iter().chain([&1.0])).map(|(v, x)| f64::from(*v) * f64::from(*x));
    let (sum, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
    // Products of f32 are exact in f64. A sum of a few terms errs by about 1e-15 of their
    // magnitude.
    (sum.abs() > 1e-13 * size).then_some(sum)
}

/// Samples that V separates beyond doubt, with coordinates from `coordinate`.
fn separable<const I: usize>(
    rng: &mut Rng,
    n: usize,
    v: &[f32],
    mut coordinate: impl FnMut(&mut Rng) -> f32,
) -> (Vec<[f32; I]>, Answers) {
    let mut data = (Vec::new(), Vec::new());
    for _ in 0..1000 * n {
        let x: [f32; I] = std::array::from_fn(|_| coordinate(rng));
        if let Some(margin) = margin(v, &x) {
            data.0.push(x);
            data.1.push([if margin > 0.0 { 1.0 } else { 0.0 }]);
        }
        if data.0.len() == n {
            break;
        }
    }
    data
}

proptest! {
    #![proptest_config(config(2000))]

    /// On a grid all arithmetic is exact, and Novikoff's bound holds exactly.
    #[test]
    fn what_is_separable_is_separated_within_the_bound(
        seed: u64,
        n in 1usize..40,
        shift in 0i32..8,
        power in -20i32..20,
    ) {
        let mut rng = Rng::new(Seed(seed));
        let v: [f32; 4] = std::array::from_fn(|_| (rng.next_u32() % 17) as f32 - 8.0);
        let grid = 2f32.powi(-shift);
        let (x, t) =
            separable::<3>(&mut rng, n, &v, |rng| grid * ((rng.next_u32() % 33) as f32 - 16.0));
        prop_assume!(!x.is_empty());
        let length =
            |x: &mut dyn Iterator<Item = f32>| x.map(|x| f64::from(x).powi(2)).sum::<f64>();
        let radius =
            x.iter().map(|x| length(&mut x.iter().copied().chain([1.0]))).fold(0.0, f64::max);
        let gamma = x
            .iter()
            .map(|x| margin(&v, x).expect("drawn so").abs())
            .fold(f64::INFINITY, f64::min);
        let bound = radius * length(&mut v.into_iter()) / gamma.powi(2);
        let mut unit = Perceptron::<3>::new();
        let done = unit.fit(&x, &t, 2f32.powi(power), 1_000_000);
        let Separated { epochs, updates } =
            done.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(all_right(&unit, &x, &t));
        prop_assert!(updates as f64 <= bound, "{} updates, the bound is {}", updates, bound);
        prop_assert!(epochs <= updates + 1);
    }

    /// Random coordinates and any learning rate. With a margin, rounding does no harm.
    #[test]
    fn a_margin_survives_rounding(seed: u64, n in 1usize..60, rate in 0..RATES.len()) {
        let mut rng = Rng::new(Seed(seed));
        let v: [f32; 6] = std::array::from_fn(|_| draw(&mut rng, 1.0));
        let (x, t) = separable::<5>(&mut rng, 4 * n, &v, |rng| draw(rng, 1.0));
        let size = v.iter().map(|v| v * v).sum::<f32>().sqrt();
        let (x, t): (Vec<_>, Vec<_>) = x
            .into_iter()
            .zip(t)
            .filter(|(x, _)| margin(&v, x).is_some_and(|m| m.abs() > 0.05 * f64::from(size)))
            .unzip();
        prop_assume!(!x.is_empty());
        let mut unit = Perceptron::<5>::new();
        // R² is at most 6, so 2400 updates are enough without rounding.
        let done = unit
            .fit(&x, &t, RATES[rate], 5000)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(all_right(&unit, &x, &t));
        prop_assert!(done.updates <= 2410, "{:?}", done);
    }

    /// Samples that are not separable end in a valid certificate or in the error "not converged".
    #[test]
    fn certificates_hold(seed: u64, n in 2usize..9, size in 1u32..5, power in 0..RATES.len()) {
        let mut rng = Rng::new(Seed(seed));
        let x: Vec<[f32; 2]> = (0..n)
            .map(|_| {
                std::array::from_fn(|_| (rng.next_u32() % (2 * size + 1)) as f32 - size as f32)
            })
            .collect();
        let t: Answers = (0..n).map(|_| [(rng.next_u32() % 2) as f32]).collect();
        let mut unit = Perceptron::<2>::new();
        match unit.fit(&x, &t, RATES[power], 2000) {
            Ok(_) => prop_assert!(all_right(&unit, &x, &t)),
            Err(error @ Error::NotSeparable { .. }) => assert_certificate(
                Perceptron::new(),
                (&x, &t),
                RATES[power],
                error,
                0,
            ),
            Err(error) => prop_assert!(matches!(error, Error::NotConverged { .. }), "{}", error),
        }
    }
}

/// Counts of how the unit ends on separable samples: separated, out of epochs, stalled, overflowed.
#[derive(Debug, Default)]
struct Ends {
    separated: usize,
    converging: usize,
    stalled: usize,
    overflowed: usize,
}

impl Ends {
    #[track_caller]
    fn fit<const I: usize>(
        &mut self,
        mut unit: Perceptron<I>,
        x: &[[f32; I]],
        t: &[[f32; 1]],
        lr: f32,
    ) {
        match unit.fit(x, t, lr, 200) {
            Ok(_) => {
                assert!(all_right(&unit, x, t));
                self.separated += 1;
            }
            Err(Error::NotConverged { stalled: false, .. }) => self.converging += 1,
            Err(Error::NotConverged { stalled: true, .. }) => self.stalled += 1,
            Err(Error::NotFinite { .. }) => self.overflowed += 1,
            Err(error) => panic!("separable samples: {error}\n{x:?}\n{t:?} lr {lr:e}"),
        }
    }
}

/// Separable samples are never called not separable, whatever the rounding of the weights.
/// Recurring weights alone would have led to that conclusion many times: `stalled` counts these
/// cases.
#[test]
fn what_is_separable_is_never_called_not_separable() {
    let mut rng = Rng::new(Seed(1957));
    let mut ends = Ends::default();
    let power =
        |rng: &mut Rng, most: i32| draw(rng, 1.0) * 2f32.powi(rng.next_u32() as i32 % (most + 1));
    for round in 0..amount(60_000, 500) {
        // Magnitudes from all equal to 2⁻⁶⁰ … 2⁶⁰.
        let most = [0, 4, 12, 24, 60][round % 5];
        let v: [f32; 3] = std::array::from_fn(|_| power(&mut rng, most));
        let n = 1 + rng.next_u32() as usize % 12;
        let (x, t) = separable::<2>(&mut rng, n, &v, |rng| power(rng, most));
        if x.is_empty() {
            continue;
        }
        let lr = match round % 3 {
            0 => RATES[rng.next_u32() as usize % RATES.len()],
            1 => power(&mut rng, 30).abs().max(f32::MIN_POSITIVE),
            _ => 0.1,
        };
        // From zero, from weights much larger than the updates, and from weights near the answer.
        for start in [
            Perceptron::new(),
            Perceptron { w: std::array::from_fn(|_| power(&mut rng, 40)), b: power(&mut rng, 40) },
            Perceptron { w: [-v[0], v[1]], b: v[2] },
        ] {
            ends.fit(start, &x, &t, lr);
        }
    }
    println!("{ends:?}");
    assert!(ends.separated > 0 && ends.converging > 0);
    assert!(ends.stalled > amount(1000, 5), "rounding was never put to the test");
}

/// Separable samples, all misclassified by weights so large that no update changes them. The
/// updates seem to add up to 0 if the sum is rounded to one number, or to a pair of numbers.
#[test]
fn sums_that_rounding_hides() {
    // V = (1, −1, 1, 0) has s·V·X = 1/16 for the large ones, 15/16 for the small ones.
    let (tiny, large) = (0.0625, |size: f32, s: f32| ([size, size, s * 0.0625], s));
    let small = |s: f32| ([s, 0.0, s * -tiny], s);
    let (huge, mid) = (2f32.powi(52), 2f32.powi(26));
    let hidden_from_one = [large(mid, 1.0), small(1.0), small(-1.0), large(mid, -1.0)].to_vec();
    let hidden_from_two = [
        large(huge, 1.0),
        large(mid, 1.0),
        small(1.0),
        small(-1.0),
        small(1.0),
        small(-1.0),
        large(mid, -1.0),
        large(huge, -1.0),
    ]
    .to_vec();
    for signed in [hidden_from_one, hidden_from_two] {
        let x: Vec<[f32; 3]> = signed.iter().map(|(x, _)| *x).collect();
        let t: Answers = signed.iter().map(|(_, s)| [if *s > 0.0 { 1.0 } else { 0.0 }]).collect();
        assert!(
            all_right(&Perceptron { w: [1.0, -1.0, 1.0], b: 0.0 }, &x, &t),
            "not what this test is about"
        );
        let size = 2f32.powi(74);
        let mut unit = Perceptron { w: [-size, size, -size], b: 0.0 };
        let error = unit.fit(&x, &t, 2f32.powi(-10), 100).expect_err("too large weights");
        assert_eq!(error, Error::NotConverged { epochs: 1, mistakes: x.len(), stalled: true });
    }
}

/// The narrowest gaps in f32: adjacent numbers with different targets, whose products with lr round
/// to the same number.
#[test]
fn neighbours_are_never_called_not_separable() {
    let mut rng = Rng::new(Seed(7));
    let mut ends = Ends::default();
    for _ in 0..amount(20_000, 500) {
        let x = 1.0 + rng.uniform();
        let lr = RATES[rng.next_u32() as usize % RATES.len()] * (1.0 + rng.uniform());
        ends.fit(Perceptron::<1>::new(), &[[x], [x.next_up()]], &[[0.0], [1.0]], lr);
        // XOR with one corner moved inward, so that a line separates it from the others with a
        // margin of 2⁻²⁵.
        let mut gate = gates::XOR;
        (gate.x[0], gate.x[3]) = ([-lr; 2], [0.5f32.next_down(); 2]);
        ends.fit(Perceptron::<2>::new(), &gate.x, &gate.t, lr);
    }
    println!("{ends:?}");
    assert!(ends.stalled > 0, "rounding was never put to the test");
}

/// The lecture's network for XOR with its fixed weights: by `from_params`, and in Keras' order by
/// `set_weights`.
#[test]
fn the_lectures_network_computes_xor() {
    use rosenblatt::kernels::array::{Affine, Join};
    type Net = Mlp<(Dense<2, 2, Sigmoid>, Dense<2, 1, Sigmoid>)>;
    static BY_PARAMS: Net = Mlp::from_params(Join {
        head: Affine { w: [[20.0, -20.0], [20.0, -20.0]], b: [-10.0, 30.0] },
        tail: Affine { w: [[20.0], [20.0]], b: [-30.0] },
    });
    let mut by_weights = Net::ZERO;
    by_weights
        .set_weights(&[20.0, -20.0, 20.0, -20.0, -10.0, 30.0, 20.0, 20.0, -30.0])
        .expect("nine");
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    for backend in backends() {
        for (x, [t]) in gates::XOR.x.iter().zip(gates::XOR.t) {
            let [y] = BY_PARAMS.on(backend).predict(x);
            assert_eq!(bits(&[y]), bits(&by_weights.on(backend).predict(x)));
            let sum = f64::from(x[0] + x[1]);
            let (h1, h2) = (sigmoid(20.0 * sum - 10.0), sigmoid(-20.0 * sum + 30.0));
            let want = sigmoid(20.0 * h1 + 20.0 * h2 - 30.0);
            assert!((f64::from(y) - want).abs() < 1e-6, "{y} for {want}");
            assert!((y - t).abs() < 1e-4, "{x:?} gives {y}, XOR is {t}");
        }
    }
}
