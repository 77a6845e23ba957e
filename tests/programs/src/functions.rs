//! Elementary functions of 256 numbers, a usual comparison of libraries for chips.

use crate::{Fingerprint, Program};
use rosenblatt_kernels::{Backend, activation, approx};

/// Values from −6 to 6 in steps of 3/64.
type Buffer = [f32; 256];

fn fill(x: &mut Buffer) {
    for (i, x) in (-128i16..).zip(x) {
        *x = f32::from(i) * (3.0 / 64.0);
    }
}

/// One program per function.
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

            fn run(
                backend: Backend,
                (): &mut (),
                x: &mut Buffer,
                spoil: impl FnOnce(&mut [f32]),
            ) -> u64 {
                fill(x);
                // Changes an input where the function is steep, so that one bit of it changes the
                // output.
                spoil(&mut x[$steep..]);
                $f(backend, x);
                let mut hash = Fingerprint::default();
                hash.add(x);
                hash.end()
            }

            fn infer((): &()) -> bool {
                false
            }

            fn step((): &mut (), x: &mut Buffer) -> bool {
                $f(Backend::detect(), x);
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
