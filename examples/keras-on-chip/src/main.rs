//! A network that Keras trained (`train.py`) predicts on the chip. `build.rs` converts it.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use panic_halt as _;
use rosenblatt::kernels::contract;
use semihosting::println;

// `pub type Iris = Sequential<(Dense<4, 16, Relu>, Dense<16, 3, Softmax>)>` and
// `pub static IRIS: Iris`, as build.rs writes them.
include!(concat!(env!("OUT_DIR"), "/iris.rs"));

const SPECIES: [&str; 3] = ["setosa", "versicolor", "virginica"];

/// Sepal and petal, length and width in cm; the species; and what Keras predicts (`train.py`).
const FLOWERS: [([f32; 4], usize, [f32; 3]); 5] = [
    ([5.1, 3.5, 1.4, 0.2], 0, [0.995648, 0.004287, 0.000065]),
    ([7.0, 3.2, 4.7, 1.4], 1, [0.019049, 0.882964, 0.097988]),
    ([6.7, 3.0, 5.0, 1.7], 1, [0.004702, 0.529174, 0.466124]),
    ([6.3, 3.3, 6.0, 2.5], 2, [0.000026, 0.053988, 0.945986]),
    ([5.9, 3.0, 5.1, 1.8], 2, [0.000903, 0.310984, 0.688113]),
];

#[entry]
fn main() -> ! {
    // Checks that this build computes the same bits as a desktop.
    if let Some(violation) = contract::violation() {
        println!("{violation}");
        semihosting::process::exit(1);
    }
    println!("{} bytes of weights in flash", Iris::BYTES);
    let mut largest = 0.0f32;
    for (x, species, keras) in FLOWERS {
        let p = IRIS.predict(&x);
        println!("{x:?} {:<10} {p:.3?}", SPECIES[species]);
        for (p, keras) in p.iter().zip(keras) {
            largest = largest.max((p - keras).abs());
        }
    }
    // Keras' values here have six digits.
    let equal = largest < 2e-6;
    println!("as Keras predicts: {}", if equal { "yes" } else { "no" });
    semihosting::process::exit(i32::from(!equal))
}
