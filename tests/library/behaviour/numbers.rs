//! Random numbers, initial weights and orders, compared with formulas and statistics.

use crate::support::{amount, bits};
use rosenblatt::{
    Rng,
    dataset::Permutation,
    init::{
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Initializer, LecunNormal,
        LecunUniform, Uniform,
    },
    layer::Dense,
    prelude::*,
};
use std::collections::HashSet;

/// xoshiro128++ as in its authors' C code, seeded as the documentation of `Rng::new` says.
struct Published([u32; 4]);

impl Published {
    fn new(seed: u64) -> Self {
        // MurmurHash3's finalizer.
        let fmix = |mut h: u32| {
            h ^= h >> 16;
            h = h.wrapping_mul(0x85eb_ca6b);
            h ^= h >> 13;
            h = h.wrapping_mul(0xc2b2_ae35);
            h ^= h >> 16;
            h
        };
        let mut salt = 0u32;
        Self(std::array::from_fn(|_| {
            salt = salt.wrapping_add(0x9e37_79b9);
            fmix(fmix((seed as u32).wrapping_add(salt)) ^ (seed >> 32) as u32) ^ salt
        }))
    }

    fn next(&mut self) -> u32 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(7).wrapping_add(s[0]);
        let t = s[1] << 9;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(11);
        result
    }
}

#[test]
fn the_generator_is_the_published_one() {
    // The numbers after the state 1, 2, 3, 4, from the reference code.
    let mut published = Published([1, 2, 3, 4]);
    let first: [u32; 6] = std::array::from_fn(|_| published.next());
    assert_eq!(first, [641, 1_573_767, 3_222_811_527, 3_517_856_514, 836_907_274, 4_247_214_768]);

    let seeds =
        (0..200).chain((0..64).map(|bit| 1 << bit)).chain([1957, u64::MAX, 0xdead_beef_0123_4567]);
    for seed in seeds {
        let (mut rng, mut published) = (Rng::new(Seed(seed)), Published::new(seed));
        assert_ne!(published.0, [0; 4]);
        for i in 0..100 {
            assert_eq!(rng.next_u32(), published.next(), "seed {seed}, number {i}");
        }
    }
}

#[test]
fn uniform_numbers_are_the_upper_bits() {
    let (mut rng, mut published) = (Rng::new(Seed(5)), Published::new(5));
    let n = amount(200_000, 20_000);
    let mut sum = 0.0;
    for _ in 0..n {
        let u = rng.uniform();
        assert_eq!(u, (published.next() >> 8) as f32 / 16_777_216.0);
        assert!((0.0..1.0).contains(&u));
        sum += f64::from(u);
    }
    // Five standard errors of a mean whose terms have the variance 1/12.
    assert!((sum / f64::from(n) - 0.5).abs() < 5.0 * (1.0 / 12.0 / f64::from(n)).sqrt());
}

/// Mean, variance, and the share of the values within `inner` of 0.
struct Sample {
    values: Vec<f32>,
}

impl Sample {
    fn mean(&self) -> f64 {
        self.values.iter().map(|x| f64::from(*x)).sum::<f64>() / self.values.len() as f64
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        self.values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>()
            / self.values.len() as f64
    }

    fn within(&self, inner: f64) -> f64 {
        self.values.iter().filter(|x| f64::from(x.abs()) < inner).count() as f64
            / self.values.len() as f64
    }

    fn top(&self) -> f64 {
        self.values.iter().fold(0.0, |top, x| top.max(f64::from(x.abs())))
    }

    /// Checks mean 0, the variance and the share, each within five standard errors.
    #[track_caller]
    fn assert_like(&self, name: &str, variance: f64, inner: f64, share: f64) {
        let n = self.values.len() as f64;
        assert!(self.mean().abs() < 5.0 * (variance / n).sqrt(), "{name}: mean {}", self.mean());
        // No distribution here has a fourth moment above the normal distribution's 3σ⁴.
        let off = self.variance() / variance - 1.0;
        assert!(
            off.abs() < 5.0 * (2.0 / n).sqrt(),
            "{name}: variance {} instead of {variance}",
            self.variance()
        );
        let got = self.within(inner);
        assert!(
            (got - share).abs() < 5.0 * (share * (1.0 - share) / n).sqrt(),
            "{name}: {got} within {inner}, not {share}"
        );
    }
}

#[test]
fn normal_numbers_are_normal() {
    let mut rng = Rng::new(Seed(8));
    let sample = Sample { values: (0..amount(400_000, 40_000)).map(|_| rng.normal()).collect() };
    for (sigmas, share) in
        [(0.5, 0.382_924_9), (1.0, 0.682_689_5), (2.0, 0.954_499_7), (3.0, 0.997_300_2)]
    {
        sample.assert_like("normal", 1.0, sigmas, share);
    }
    assert!(sample.top() > 3.5, "no tail");
}

/// Weights from one initializer for the fans 40 and 160.
fn drawn(init: &dyn Initializer, seed: u64) -> Sample {
    let mut values = vec![0.0; amount(100_000, 20_000)];
    init.fill(&mut Rng::new(Seed(seed)), 40, 160, &mut values);
    Sample { values }
}

#[test]
fn scaled_initializers_have_their_variance_and_bounds() {
    let (fan_in, fan_out) = (40.0, 160.0);
    let cases: [(&str, &dyn Initializer, f64, bool); 6] = [
        ("Glorot uniform", &GlorotUniform, 2.0 / (fan_in + fan_out), false),
        ("Glorot normal", &GlorotNormal, 2.0 / (fan_in + fan_out), true),
        ("He uniform", &HeUniform, 2.0 / fan_in, false),
        ("He normal", &HeNormal, 2.0 / fan_in, true),
        ("LeCun uniform", &LecunUniform, 1.0 / fan_in, false),
        ("LeCun normal", &LecunNormal, 1.0 / fan_in, true),
    ];
    for (name, init, variance, normal) in cases {
        let sample = drawn(init, 1);
        let bound = if normal {
            // Truncated at two standard deviations, then scaled so that the variance is right. Of
            // these values 0.6827 / 0.9545 are within one standard deviation.
            let deviation: f64 = variance.sqrt() / 0.879_625_661_034_239_8;
            sample.assert_like(name, variance, deviation, 0.682_689_492 / 0.954_499_736);
            2.0 * deviation
        } else {
            let limit = (3.0 * variance).sqrt();
            sample.assert_like(name, variance, limit / 2.0, 0.5);
            limit
        };
        assert!(sample.top() <= bound * (1.0 + 1e-6), "{name}: {} is beyond {bound}", sample.top());
        assert!(sample.top() > 0.995 * bound, "{name}: no value near {bound}");
    }
}

#[test]
fn uniform_and_constant_weights_are_what_they_say() {
    let sample = drawn(&Uniform::default(), 1);
    sample.assert_like("uniform", 0.05 * 0.05 / 3.0, 0.025, 0.5);
    assert!(sample.top() <= 0.05);
    let sample = drawn(&Uniform { min: 2.0, max: 3.0 }, 1);
    assert!(sample.values.iter().all(|w| (2.0..3.0).contains(w)));
    assert!((sample.mean() - 2.5).abs() < 0.02);
    assert!(drawn(&Constant(0.25), 1).values.iter().all(|w| *w == 0.25));
}

#[test]
fn layers_are_drawn_one_after_the_other_with_their_own_fans() {
    let mut net = Mlp::<(Dense<40, 10, Relu>, Dense<10, 160>)>::ZERO;
    // Old weights must not matter.
    net.set_weights(&[f32::NAN; 40 * 10 + 10 + 10 * 160 + 160]).expect("as many as there are");
    net.initialize_with(&HeNormal, Seed(3));

    let mut rng = Rng::new(Seed(3));
    let (mut first, mut second) = ([0.0; 400], [0.0; 1600]);
    HeNormal.fill(&mut rng, 40, 10, &mut first);
    HeNormal.fill(&mut rng, 10, 160, &mut second);
    assert_eq!(bits(net.layer::<0>().w.as_flattened()), bits(&first));
    assert_eq!(bits(net.layer::<1>().w.as_flattened()), bits(&second));
    assert_eq!(bits(&net.layer::<0>().b), [0; 10]);
    assert_eq!(bits(&net.layer::<1>().b), [0; 160]);

    // The default initializer is Keras'.
    let mut glorot = net.clone();
    net.initialize(Seed(9));
    glorot.initialize_with(&GlorotUniform, Seed(9));
    assert_eq!(bits(net.weights()), bits(glorot.weights()));
}

#[test]
fn equal_seeds_give_equal_weights_and_others_others() {
    let inits: [&dyn Initializer; 7] = [
        &GlorotUniform,
        &GlorotNormal,
        &HeUniform,
        &HeNormal,
        &LecunUniform,
        &LecunNormal,
        &Uniform { min: -1.0, max: 1.0 },
    ];
    for init in inits {
        let seeds: Vec<u64> =
            (0..50).chain((6..64).map(|bit| 1 << bit)).chain([u64::MAX]).collect();
        let draw = |seed| {
            let mut w = [0.0; 8];
            init.fill(&mut Rng::new(Seed(seed)), 4, 2, &mut w);
            bits(&w)
        };
        let different: HashSet<_> = seeds.iter().map(|seed| draw(*seed)).collect();
        assert_eq!(different.len(), seeds.len(), "two seeds give the same weights");
        assert!(
            seeds.iter().all(|seed| different.contains(&draw(*seed))),
            "a seed gives other weights the second time"
        );
    }
}

fn order(n: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let order = Permutation::new(n, Seed(seed), epoch);
    (0..n).map(|i| order.index(i)).collect()
}

#[test]
fn an_order_has_each_index_once() {
    let large = [1797, 65_535, 65_536, 65_537, 100_000, 1 << 20, (1 << 20) + 1];
    let seeds = [0, 1, 1957, u64::MAX, 1 << 40];
    for n in (1..=300).chain(large.into_iter().filter(|n| *n < amount(usize::MAX, 70_000))) {
        for (epoch, seed) in (1..).zip(seeds).take(if n > 300 { 1 } else { 5 }) {
            let mut seen = vec![false; n];
            for index in order(n, seed, epoch) {
                assert!(
                    !std::mem::replace(&mut seen[index], true),
                    "{index} twice: n {n}, seed {seed}, epoch {epoch}"
                );
            }
            // An index beyond the end must not be permuted.
            let order = Permutation::new(n, Seed(seed), epoch);
            assert_eq!(order.index(n), n);
            assert_eq!(order.index(usize::MAX), usize::MAX);
        }
    }
    assert_eq!(Permutation::new(0, Seed(1), 1).index(0), 0);
    let vast = Permutation::new(u32::MAX as usize, Seed(1), 1);
    let places: HashSet<_> = (0..10_000).map(|i| vast.index(i * 400_000)).collect();
    assert!(places.len() == 10_000 && places.iter().all(|place| *place < u32::MAX as usize));
}

#[test]
fn orders_differ_by_epoch_and_by_seed() {
    let seeds = (0..20).chain((20..64).map(|bit| 1 << bit));
    let all: Vec<_> =
        seeds.flat_map(|seed| (1..=10).map(move |epoch| order(20, seed, epoch))).collect();
    let different: HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "two of {} orders are the same", all.len());
    assert_eq!(order(20, 7, 3), order(20, 7, 3));
}

/// Σ (seen − expected)² / expected
fn chi_squared(seen: &[u32], expected: f64) -> f64 {
    seen.iter().map(|seen| (f64::from(*seen) - expected).powi(2) / expected).sum()
}

/// Fails if χ² exceeds its degrees of freedom by more than six standard deviations.
#[track_caller]
fn assert_uniform(seen: &[u32], expected: f64, freedom: f64) {
    let chi = chi_squared(seen, expected);
    assert!(
        chi < freedom + 6.0 * (2.0 * freedom).sqrt(),
        "χ² is {chi} at {freedom} degrees of freedom"
    );
}

#[test]
fn orders_are_spread_evenly() {
    let epochs = amount(24_000, 6_000);
    // Each index is equally frequent at each place.
    const N: usize = 8;
    let mut places = [0; N * N];
    let mut neighbours = 0;
    for epoch in 1..=epochs {
        let order = order(N, 1957, epoch);
        order.iter().enumerate().for_each(|(place, index)| places[place * N + index] += 1);
        neighbours += order.windows(2).filter(|pair| pair[0] + 1 == pair[1]).count();
    }
    assert_uniform(&places, epochs as f64 / N as f64, ((N - 1) * (N - 1)) as f64);
    // At each of N − 1 places, an index is followed by the next one with probability 1/N. The
    // variance of the count is about its mean.
    let expected = epochs as f64 * (N - 1) as f64 / N as f64;
    assert!(
        (neighbours as f64 - expected).abs() < 6.0 * expected.sqrt(),
        "{neighbours} neighbours, {expected} expected"
    );

    // All orders of four are equally frequent, over epochs and over seeds.
    for by_seed in [false, true] {
        let mut seen = std::collections::HashMap::new();
        for i in 0..epochs {
            *seen
                .entry(if by_seed { order(4, i as u64, 1) } else { order(4, 5, i + 1) })
                .or_insert(0) += 1;
        }
        let seen: Vec<u32> = seen.into_values().collect();
        assert_eq!(seen.len(), 24, "some order of four never came");
        assert_uniform(&seen, epochs as f64 / 24.0, 23.0);
    }
}
