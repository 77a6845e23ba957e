//! Elementary functions over 256 numbers, as libraries for chips are compared.

use crate::{Fingerprint, Program};
use rosenblatt_kernels::{Level, activation, approx};

/// Values from −6 to 6 in steps of 3/64.
type Buffer = [f32; 256];

fn fill(x: &mut Buffer) {
    for (i, x) in (-128i16..).zip(x) {
        *x = f32::from(i) * (3.0 / 64.0);
    }
}

/// The programs of one function each.
macro_rules! functions {
    ($($(#[$doc:meta])* $program:ident = $name:literal, $f:path, $steep:literal;)*) => {$(
        $(#[$doc])*
        pub struct $program;

        impl Program for $program {
            const NAME: &'static str = $name;
            type Net = ();
            const NET: () = ();
            type Trainer = Buffer;
            const TRAINER: Buffer = [0.0; 256];

            fn run(level: Level, (): &mut (), x: &mut Buffer, spoil: impl FnOnce(&mut [f32])) -> u64 {
                fill(x);
                // Where the function is not flat: one bit of the input shows in the output.
                spoil(&mut x[$steep..]);
                $f(level, x);
                let mut hash = Fingerprint::default();
                hash.add(x);
                hash.end()
            }

            fn infer((): &()) -> bool {
                false
            }

            fn step((): &mut (), x: &mut Buffer) -> bool {
                $f(Level::detect(), x);
                true
            }
        }
    )*};
}

functions! {
    /// x ← eˣ
    Exp = "exp", activation::exp, 255;
    /// x ← tanh x
    Tanh = "tanh", activation::tanh, 129;
    /// x ← eˣ by micromath
    ExpMicromath = "exp-micromath", approx::exp, 255;
    /// x ← tanh x by micromath's exponential
    TanhMicromath = "tanh-micromath", approx::tanh, 150;
}
