//! Averages: the exact mean against rational numbers, in any order and grouping; `lerp`.

use crate::support::bits;
use num_rational::BigRational;
use proptest::prelude::*;
use rosenblatt::{
    Rng,
    average::{Average, Error},
    kernels::F32Array,
    prelude::*,
};

type Net = Mlp<(Dense<2, 3, Tanh>, BatchNorm<[f32; 3]>, Dense<3, 1>)>;
type One = Mlp<(Dense<1, 1>,)>;

/// A network with these two values.
fn one(w: f32, b: f32) -> One {
    let mut net = One::ZERO;
    net.set_weights(&[w, b]).expect("two values");
    net
}

fn exact(value: f32) -> BigRational {
    BigRational::from_float(value).expect("a finite number")
}

/// Whether `got` is the f32 nearest to the number, the even one of two.
fn is_nearest(got: f32, number: &BigRational) -> bool {
    let off = |value: f32| {
        let off = exact(value) - number;
        if off < exact(0.0) { -off } else { off }
    };
    let own = off(got);
    let near = |other: f32| {
        !other.is_finite()
            || own < off(other)
            || own == off(other) && got.to_bits().is_multiple_of(2)
            || own == off(other) && exact(got) == exact(other)
    };
    near(got.next_up()) && near(got.next_down())
}

/// Numbers of all sizes, subnormal ones included, never infinite or NaN.
fn any_finite(rng: &mut Rng) -> f32 {
    loop {
        let value = f32::from_bits(rng.next_u32());
        if value.is_finite() {
            return value;
        }
    }
}

/// The mean of values by their weights, and of the same in reverse order and in groups.
fn mean_of(values: &[(f32, u32)]) -> f32 {
    let mean = |average: &Average<One>| {
        let mut net = One::ZERO;
        average.mean(&mut net).expect("a weight");
        assert_eq!(bits(net.weights())[0], bits(net.weights())[1]);
        net.weights()[0]
    };
    let sum = |values: &mut dyn Iterator<Item = &(f32, u32)>| {
        let mut average = Average::<One>::ZERO;
        for (value, weight) in values {
            average.add(&one(*value, *value), *weight).expect("finite");
        }
        average
    };
    let ahead = mean(&sum(&mut values.iter()));
    let back = mean(&sum(&mut values.iter().rev()));
    let (left, right) = values.split_at(values.len() / 2);
    let mut groups = sum(&mut right.iter());
    groups.merge(&sum(&mut left.iter())).expect("few");
    assert_eq!(bits(&[ahead, ahead]), bits(&[back, mean(&groups)]));
    ahead
}

fn is_right(values: &[(f32, u32)]) -> bool {
    let total: u64 = values.iter().map(|(_, n)| u64::from(*n)).sum();
    let sum = values
        .iter()
        .map(|(value, n)| exact(*value) * BigRational::from_integer((*n).into()))
        .fold(exact(0.0), |sum, value| sum + value);
    is_nearest(mean_of(values), &(sum / BigRational::from_integer(total.into())))
}

#[test]
fn the_mean_is_the_nearest_number() {
    let mut rng = Rng::new(Seed(77));
    for round in 0..2_000 {
        let n = 1 + rng.next_u32() as usize % 9;
        let values: Vec<_> = (0..n)
            .map(|_| {
                let value = any_finite(&mut rng);
                // Numbers of like size, whose sums cancel; subnormal results.
                let value = match round % 4 {
                    0 => value,
                    1 => f32::from_bits(value.to_bits() & 0x807f_ffff | 0x4000_0000),
                    2 => f32::from_bits(value.to_bits() & 0x80ff_ffff),
                    _ => f32::from_bits(value.to_bits() & 0xffff_f000),
                };
                (value, 1 + rng.next_u32() % if round % 3 == 0 { 3 } else { 1 << 20 })
            })
            .collect();
        assert!(is_right(&values), "{values:?}");
    }
}

#[test]
fn special_means() {
    let tiny = f32::from_bits(1);
    let cases: [&[(f32, u32)]; 14] = [
        &[(f32::MAX, u32::MAX)],
        &[(f32::MIN, u32::MAX)],
        &[(f32::MAX, 1 << 31), (f32::MIN, (1 << 31) - 1)],
        &[(f32::MAX, 1), (-f32::MAX, 1), (tiny, 1)],
        &[(tiny, 1), (0.0, 1)],
        &[(tiny, 3), (0.0, 1)],
        &[(f32::from_bits(3), 1), (0.0, 1)],
        &[(f32::MIN_POSITIVE, 1), (f32::MIN_POSITIVE.next_down(), 1)],
        &[(1.0, 1), (1f32.next_up(), 1)],
        &[(1f32.next_up(), 1), (1.0 + 2.0 * f32::EPSILON, 1)],
        &[(-1.0, 1), ((-1f32).next_down(), 1), (-1.0, 0)],
        &[(0.1, 1), (0.2, 1), (0.3, 1)],
        // Half a unit, and a quarter of 2⁻¹⁴⁹ more or less.
        &[(2.0, 1), (1f32.next_up(), 2), (tiny, 1)],
        &[(2.0, 1), (1f32.next_up(), 2), (-tiny, 1)],
    ];
    for values in cases {
        assert!(is_right(values), "{values:?}");
    }
    // The mean of one network is that network; of zeros, +0.
    assert_eq!(mean_of(&[(0.3, 7)]), 0.3);
    assert_eq!(mean_of(&[(-0.0, 7)]).to_bits(), 0);
    assert_eq!(mean_of(&[(5.0, 1), (-5.0, 1)]).to_bits(), 0);
}

proptest! {
    #[test]
    fn any_networks_in_any_order(
        seeds in prop::collection::vec((any::<u64>(), 0u32..1000), 1..8),
        turn in 0usize..8,
    ) {
        let nets: Vec<_> = seeds
            .iter()
            .map(|(seed, n)| {
                let mut net = Net::init(Seed(*seed));
                let mut rng = Rng::new(Seed(!*seed));
                net.weights_mut().iter_mut().for_each(|w| *w += rng.uniform());
                (net, *n)
            })
            .collect();
        let mean = |nets: &mut dyn Iterator<Item = &(Net, u32)>| {
            let mut average = Average::<Net>::ZERO;
            nets.for_each(|(net, n)| average.add(net, *n).expect("finite"));
            let mut net = Net::ZERO;
            average.mean(&mut net).map(|()| net.hash())
        };
        let (left, right) = nets.split_at(turn % nets.len());
        prop_assert_eq!(mean(&mut nets.iter()), mean(&mut right.iter().chain(left)));
        prop_assert_eq!(mean(&mut nets.iter()), mean(&mut nets.iter().rev()));
    }
}

#[test]
fn what_cannot_be_averaged_is_refused() {
    let mut average = Average::<Net>::ZERO;
    let mut net = Net::init(Seed(1));
    assert_eq!(average.mean(&mut net), Err(Error::Empty));
    assert_eq!(net.hash(), Net::init(Seed(1)).hash());
    average.add(&net, u32::MAX - 1).expect("finite");
    assert_eq!(average.add(&net, 2), Err(Error::TooMuch));
    let mut other = Average::<Net>::ZERO;
    other.add(&net, 2).expect("finite");
    assert_eq!(average.merge(&other), Err(Error::TooMuch));
    let mut bad = net.clone();
    bad.weights_mut()[4] = f32::NEG_INFINITY;
    let error = average.add(&bad, 1).unwrap_err();
    assert_eq!(error, Error::NotFinite { learnt: true, index: 4, value: f32::NEG_INFINITY });
    assert_eq!(error.to_string(), "weight 5 (counted from 1) is -inf; a finite number is expected");
    // Nothing has changed: the mean is still that network.
    assert_eq!(average.total(), u32::MAX - 1);
    let mut mean = Net::ZERO;
    average.mean(&mut mean).expect("a weight");
    assert_eq!(mean.weights(), net.weights());
    assert_eq!(mean.as_view().buffers().as_flat(), net.as_view().buffers().as_flat());
    average.reset();
    assert_eq!((average.total(), average.mean(&mut mean)), (0, Err(Error::Empty)));
}

#[test]
fn lerp_follows() {
    let (mut a, b) = (Net::init(Seed(1)), Net::init(Seed(2)));
    let start = a.clone();
    a.lerp(&b, 0.0);
    assert_eq!(a.weights(), start.weights());
    a.lerp(&b, 0.25);
    for ((a, start), b) in a.weights().iter().zip(start.weights()).zip(b.weights()) {
        assert_eq!(*a, start + 0.25 * (b - start));
    }
    a.lerp(&b, 1.0);
    assert_eq!(a.hash(), b.hash());
    // Equal networks stay as they are.
    a.lerp(&b, 0.3);
    assert_eq!(a.hash(), b.hash());
    // The ends are exact, even where the difference overflows.
    let (far, other) = (one(f32::MAX, -0.0), one(-f32::MAX, 1e-45));
    for (t, want) in [(0.0, &far), (1.0, &other)] {
        let mut net = far.clone();
        net.lerp(&other, t);
        assert_eq!(net.hash(), want.hash());
    }
}
