//! Cortex-M with a floating-point unit (M4F, M7, M33), built for speed: micro-kernels in assembly,
//! which replace scalar loops.
//!
//! One instruction (VLDM, VSTM) loads or stores eight values. The compiler does not generate it.
//! The operations and their order are those of the scalar loops: VMLA rounds the product, then the
//! sum. With `-C target-cpu=cortex-m4` a VMUL and a VADD are used instead: they take one cycle each
//! on that core, where a VMLA takes three. This is the only difference between cores.

mod adam;
mod gemm;
mod stream;

pub use adam::adam;
pub use gemm::{few_outputs, product, transpose};
pub use stream::{all_finite, relu, relu_grad, sgd, sum_rows, tanh_grad};

/// Zeros as the start of sums.
static ZEROS: [f32; 16] = [0.0; 16];

/// sum ← sum + x·w, the product rounded first. The arguments are register numbers. s28 is scratch.
#[cfg(not(rosenblatt_slow_vmla))]
macro_rules! mla {
    ($sum:literal, $x:literal, $w:literal) => {
        concat!("vmla.f32 s", $sum, ", s", $x, ", s", $w, "\n")
    };
}
#[cfg(rosenblatt_slow_vmla)]
macro_rules! mla {
    ($sum:literal, $x:literal, $w:literal) => {
        concat!("vmul.f32 s28, s", $x, ", s", $w, "\nvadd.f32 s", $sum, ", s", $sum, ", s28\n")
    };
}
use mla;
