//! Learns on the chip, from samples that arrive one at a time, and predicts while it learns.
//!
//! An interrupt measures and puts samples into a queue; the main loop takes them out, predicts, compares, and learns from each. Here SysTick plays the
//! sensor: two switches, and whether they differ (XOR); now and then its reading is broken. Weights and all that training needs are statics in
//! `.bss`, their size known at compile time; there is no allocator.
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
/// Learns from one sample at a time.
type NetTrainer = Trainer<Net, Adam, BinaryCrossEntropy, 1>;

const _: () = assert!(Net::BYTES + NetTrainer::BYTES < 1024);

static NET: ConstStaticCell<Net> = ConstStaticCell::new(Net::new());
static TRAINER: ConstStaticCell<NetTrainer> = ConstStaticCell::new(NetTrainer::new());

/// What the sensor saw, and what was true.
type Sample = ([f32; 2], [f32; 1]);

/// Samples on their way from the interrupt to the main loop, and how many found no room.
struct Mailbox {
    samples: Deque<Sample, 8>,
    lost: u32,
}

static MAILBOX: Mutex<RefCell<Mailbox>> = Mutex::new(RefCell::new(Mailbox { samples: Deque::new(), lost: 0 }));

/// The sensor: a sample each time the clock strikes.
#[exception]
fn SysTick() {
    static mut RNG: Rng = Rng::new(Seed(7));
    let bits = RNG.next_u32();
    let gate = gates::XOR;
    let (mut x, t) = (gate.x[(bits & 3) as usize], gate.t[(bits & 3) as usize]);
    if bits >> 28 == 0 {
        // One reading in sixteen is broken.
        x[0] = f32::NAN;
    }
    free(|cs| {
        let mut mailbox = MAILBOX.borrow(cs).borrow_mut();
        // A full queue is an error value: the sample is lost, and counted.
        if mailbox.samples.push_back((x, t)).is_err() {
            mailbox.lost += 1;
        }
    });
}

#[entry]
fn main() -> ! {
    // Does this build compute what the desktop computes, to the bit?
    if let Some(violation) = contract::violation() {
        println!("{violation}");
        semihosting::process::exit(1);
    }
    let (net, trainer) = (NET.take(), TRAINER.take());
    net.init(Seed(1957));
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
        // First predict, as the device is used, then learn.
        let [p] = net.predict(&x);
        match trainer.step(net, &adam, &[x], &[t]) {
            Ok(_) => {
                seen += 1;
                right += u32::from((p > 0.5) == (t[0] > 0.5));
                if seen.is_multiple_of(200) {
                    println!("{seen} samples, {right} of the last 200 predicted");
                    right = 0;
                }
            }
            // A broken reading is an error value too; no weight was changed.
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
