//! Error conditions: a queue that overflows, samples with NaN, batches with no samples and with too
//! many. Each gives an error value and changes no weight.

use crate::{
    Fingerprint, Program,
    xor::{Net, NetTrainer},
};
use heapless::spsc::Queue;
use rosenblatt::{Error, kernels::F32Array, prelude::*, train::Batch};

/// XOR from samples that arrive one at a time. Some do not fit into the queue, some contain NaN.
pub struct Weather;
const SGD: Sgd = Sgd::with_lr(0.5);

impl Program for Weather {
    const NAME: &'static str = "weather";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = NetTrainer<Sgd>;
    const TRAINER: Self::Trainer = NetTrainer::ZERO;

    fn run(
        backend: Backend,
        net: &mut Net,
        trainer: &mut Self::Trainer,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        net.initialize(Seed(1957));
        spoil(net.params_mut().as_flat_mut());
        // Capacity for three samples. Five arrive in each round.
        let mut queue = Queue::<([f32; 2], [f32; 1]), 4>::new();
        let (mut lost, mut refused) = (0u16, 0u16);
        for round in 0u16..40 {
            for (i, (x, t)) in gates::XOR
                .x
                .iter()
                .zip(gates::XOR.t)
                .cycle()
                .skip(usize::from(round % 4))
                .take(5)
                .enumerate()
            {
                let x = if round % 3 == 0 && i == 1 { [f32::NAN, x[1]] } else { *x };
                lost += u16::from(queue.enqueue((x, t)).is_err());
            }
            while let Some((x, t)) = queue.dequeue() {
                let before = net.hash();
                match trainer.on(backend).step(net, (&[x], &[t]), &SGD) {
                    Ok(_) if !x[0].is_nan() => {}
                    Err(Error::Input { sample: 0, column: 0, .. })
                        if x[0].is_nan() && net.hash() == before =>
                    {
                        refused += 1
                    }
                    // A bad sample was accepted, or a good one refused.
                    _ => return 0,
                }
            }
            let before = net.hash();
            let none = trainer.on(backend).step(net, (&[], &[]), &SGD) == Err(Error::Empty);
            let fit = |batch| Fit { batch: Some(batch), backend: Some(backend), ..Fit::new(SGD) };
            let (x, t) = (&gates::XOR.x, &gates::XOR.t);
            let zero = trainer.fit(net, (x, t), &fit(Batch::Mini(0))) == Err(Error::BatchOfZero);
            let large = matches!(
                trainer.fit(net, (x, t), &fit(Batch::Mini(5))),
                Err(Error::BatchTooLarge { .. })
            );
            if !(none && zero && large) || net.hash() != before {
                return 0;
            }
        }
        let mut hash = Fingerprint::default();
        hash.add(net.weights());
        hash.add(&[f32::from(lost), f32::from(refused)]);
        hash.end()
    }

    fn infer(_: &Net) -> bool {
        false
    }

    fn step(_: &mut Net, _: &mut Self::Trainer) -> bool {
        false
    }
}
