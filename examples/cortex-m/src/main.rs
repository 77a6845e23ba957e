//! Trains on the chip with samples that arrive one at a time, and predicts during training.
//!
//! An interrupt measures and puts samples into a queue. The main loop takes each sample out,
//! predicts, compares, and trains on it. Here SysTick simulates the sensor: two switches, and the
//! target is XOR. Some readings are invalid. Weights and all memory for training are statics in
//! `.bss` whose size is known at compile time. There is no allocator.
#![no_std]
#![no_main]

use core::cell::RefCell;
use cortex_m::{
    asm::wfi,
    interrupt::{Mutex, free},
    peripheral::{Peripherals, syst::SystClkSource},
};
use cortex_m_rt::{entry, exception};
use heapless::Deque;
use panic_halt as _;
use rosenblatt::{Error, Rng, kernels::contract, prelude::*};
use semihosting::{print, println};
use static_cell::ConstStaticCell;

type Net = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// Trains on one sample at a time.
type NetTrainer = Trainer<Net, BinaryCrossEntropy, Adam, 1>;

const _: () = assert!(Net::BYTES + NetTrainer::BYTES < 1024);

static NET: ConstStaticCell<Net> = ConstStaticCell::new(Net::ZERO);
static TRAINER: ConstStaticCell<NetTrainer> = ConstStaticCell::new(NetTrainer::ZERO);

/// The sensor's reading, and the target.
type Sample = ([f32; 2], [f32; 1]);

/// Samples that the interrupt passes to the main loop, and the number of lost samples.
struct Mailbox {
    samples: Deque<Sample, 8>,
    lost: u32,
}

static MAILBOX: Mutex<RefCell<Mailbox>> =
    Mutex::new(RefCell::new(Mailbox { samples: Deque::new(), lost: 0 }));

/// The sensor: one sample per interrupt of the clock.
#[exception]
fn SysTick() {
    static mut RNG: Rng = Rng::new(Seed(7));
    let bits = RNG.next_u32();
    let gate = gates::XOR;
    let (mut x, t) = (gate.x[(bits & 3) as usize], gate.t[(bits & 3) as usize]);
    if bits >> 28 == 0 {
        // One reading in sixteen is invalid.
        x[0] = f32::NAN;
    }
    free(|cs| {
        let mut mailbox = MAILBOX.borrow(cs).borrow_mut();
        // If the queue is full, `push_back` returns an error. The sample is lost and counted.
        if mailbox.samples.push_back((x, t)).is_err() {
            mailbox.lost += 1;
        }
    });
}

#[entry]
fn main() -> ! {
    // Checks that this build computes the same bits as a desktop.
    if let Some(violation) = contract::violation() {
        println!("{violation}");
        semihosting::process::exit(1);
    }
    let (net, trainer) = (NET.take(), TRAINER.take());
    net.initialize(Seed(1957));
    let adam = Adam::with_lr(0.02);

    let mut clock = Peripherals::take().expect("taken once").SYST;
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(25_000);
    clock.clear_current();
    clock.enable_interrupt();
    clock.enable_counter();

    println!("network {} bytes, trainer {} bytes", Net::BYTES, NetTrainer::BYTES);
    let (mut seen, mut right, mut refused) = (0u32, 0u32, 0u32);
    while seen < 2000 {
        let Some((x, t)) = free(|cs| MAILBOX.borrow(cs).borrow_mut().samples.pop_front()) else {
            wfi();
            continue;
        };
        // Predicts first, as in use, then trains.
        let [p] = net.predict(&x);
        match trainer.step(net, (&[x], &[t]), &adam) {
            Ok(_) => {
                seen += 1;
                right += u32::from((p > 0.5) == (t[0] > 0.5));
                if seen.is_multiple_of(200) {
                    println!("{seen} samples, {right} of the last 200 predicted");
                    right = 0;
                }
            }
            // An invalid reading is an error value too. No weight was changed.
            Err(Error::Input { .. }) => refused += 1,
            Err(error) => println!("{error}"),
        }
    }
    let lost = free(|cs| MAILBOX.borrow(cs).borrow().lost);
    println!("{refused} broken samples refused, {lost} lost");
    let mut learnt = 0;
    for (x, [t]) in gates::XOR.x.iter().zip(gates::XOR.t) {
        let [p] = net.predict(x);
        learnt += i32::from((p > 0.5) == (t > 0.5));
        print!("{x:?} -> {p:.3}  ");
    }
    println!("\naccuracy {learnt}/4");
    semihosting::process::exit(i32::from(learnt != 4))
}
