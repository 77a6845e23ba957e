//! Cortex-M with a floating-point unit (M4F, M7, M33), built for speed: micro-kernels in assembly, which take the place of scalar loops.
//!
//! One instruction loads or stores eight values (VLDM, VSTM), which the compiler never arrives at by itself. The operations and their order are
//! those of the scalar loops: VMLA rounds the product, then the sum. With `-C target-cpu=cortex-m4` it is a VMUL and a VADD, which take one cycle each on that core
//! where a VMLA takes three. Nothing else is chosen by core.

mod gemm;
mod stream;

pub use gemm::{few_outputs, product, transpose};
pub use stream::{all_finite, relu, relu_grad, sgd, sum_rows, tanh_grad};

/// Zeros for sums to start at.
static ZEROS: [f32; 16] = [0.0; 16];

/// sum ← sum + x·w, the product rounded first. Arguments are numbers of registers; s28 is free for it.
#[cfg(not(slow_vmla))]
macro_rules! mla {
    ($sum:literal, $x:literal, $w:literal) => {
        concat!("vmla.f32 s", $sum, ", s", $x, ", s", $w, "\n")
    };
}
#[cfg(slow_vmla)]
macro_rules! mla {
    ($sum:literal, $x:literal, $w:literal) => {
        concat!("vmul.f32 s28, s", $x, ", s", $w, "\nvadd.f32 s", $sum, ", s", $sum, ", s28\n")
    };
}
use mla;
