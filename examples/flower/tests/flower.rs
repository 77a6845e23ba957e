//! The devices and the mean without Python and Flower: the same hashes as `run.py` prints.

#[path = "../src/device.rs"]
mod device;

use device::{Aggregator, Device, Samples};
use std::path::Path;

/// As in `run.py`.
const DEVICES: usize = 24;
const EPOCHS: usize = 10;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/digits.csv");
const EXPECTED: &str = include_str!("../expected.txt");

fn samples() -> (Samples, Samples) {
    Samples::split(Path::new(DATA)).expect("the digits")
}

/// A model that has learnt a little, and the number of its samples.
fn learnt(number: usize) -> (Vec<u8>, u32) {
    let share = samples().0.share(number, DEVICES).expect("a share");
    let amount = share.len() as u32;
    let mut device = Device::new(share);
    device.fit(1, number as u64).expect("it learns");
    (device.save().expect("finite weights"), amount)
}

/// The images of several parts with their digits, sorted.
fn rows<'a>(parts: impl IntoIterator<Item = &'a Samples>) -> Vec<([u32; 64], u8)> {
    let row = |(x, t): (&[f32; 64], &u8)| (x.map(f32::to_bits), *t);
    let mut rows: Vec<_> =
        parts.into_iter().flat_map(|part| part.x.iter().zip(&part.t).map(row)).collect();
    rows.sort_unstable();
    rows
}

fn message<T>(result: anyhow::Result<T>) -> String {
    result.err().map(|error| format!("{error:#}")).expect("an error")
}

#[test]
fn the_rounds_are_those_that_flower_printed() {
    let (train, test) = samples();
    let mut judge = Device::new(test);
    let mut model = judge.save().expect("finite weights");
    let mut rounds = 0;
    for line in EXPECTED.lines() {
        // A row of the table: round, loss, accuracy, hash.
        let [round, loss, accuracy, hash] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            continue;
        };
        let Ok(round) = round.parse::<usize>() else { continue };
        if hash.len() != 16 {
            continue;
        }
        assert_eq!(round, rounds);
        if round > 0 {
            let mut mean = Aggregator::new();
            // In another order in each round: 7 and 24 have no common divisor.
            for number in (0..DEVICES).map(|i| (7 * i + round) % DEVICES) {
                let share = train.share(number, DEVICES).expect("a share");
                let amount = share.len() as u32;
                let mut device = Device::new(share);
                device.load(&model).expect("the server's model");
                device.fit(EPOCHS, (round * DEVICES + number) as u64).expect("it learns");
                let learnt = device.save().expect("finite weights");
                mean.add(&learnt, amount).expect("a model of a device");
            }
            model = mean.mean().expect("a mean");
        }
        judge.load(&model).expect("a mean");
        let evaluation = judge.evaluate().expect("samples for the test");
        assert_eq!(
            (
                format!("{:.4}", evaluation.loss),
                format!("{:.4}", evaluation.accuracy()),
                format!("{:016x}", judge.hash()),
            ),
            (loss.to_owned(), accuracy.to_owned(), hash.to_owned()),
            "round {round}"
        );
        rounds += 1;
    }
    assert_eq!(rounds, 21, "expected.txt has the initial network and 20 rounds");
}

#[test]
fn each_sample_belongs_to_one_device() {
    let train = samples().0;
    for devices in [1, 20, 24, 100] {
        let shares: Vec<Samples> =
            (0..devices).map(|number| train.share(number, devices).expect("a share")).collect();
        assert_eq!(shares.iter().map(Samples::len).sum::<usize>(), train.len());
        assert_eq!(rows(&shares), rows([&train]));
    }
    assert_eq!(message(train.share(24, 24)), "no device 24: 24 are counted from 0");
}

#[test]
fn half_of_a_share_has_one_digit_or_two() {
    let train = samples().0;
    for number in 0..DEVICES {
        let mut counts = [0; 10];
        let share = train.share(number, DEVICES).expect("a share");
        share.t.iter().for_each(|digit| counts[usize::from(*digit)] += 1);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert!(2 * (counts[0] + counts[1]) >= share.len(), "device {number}: {counts:?}");
    }
}

#[test]
fn the_mean_does_not_depend_on_the_order() {
    let models: Vec<_> = (0..4).map(learnt).collect();
    let mean = |order: &[usize]| {
        let mut mean = Aggregator::new();
        for number in order {
            let (model, amount) = &models[*number];
            mean.add(model, *amount).expect("a model");
        }
        mean.mean().expect("a mean")
    };
    let first = mean(&[0, 1, 2, 3]);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        assert_eq!(mean(&order), first);
    }
    assert_ne!(mean(&[0, 1, 2]), first);
}

#[test]
fn a_bad_model_is_refused_and_changes_nothing() {
    let (good, amount) = learnt(0);
    let mut device = Device::new(samples().1);
    let mut mean = Aggregator::new();
    assert_eq!(message(mean.mean()), "there is nothing to average: no network has a weight");
    mean.add(&good, amount).expect("a model");
    let before = (device.hash(), mean.mean().expect("a mean"));
    assert_eq!(before.1, good);

    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    for bad in [&[][..], &good[..good.len() - 1], &flipped, &longer] {
        assert_eq!(message(device.load(bad)), message(mean.add(bad, amount)));
    }
    assert_eq!((device.hash(), mean.mean().expect("a mean")), before);
}
