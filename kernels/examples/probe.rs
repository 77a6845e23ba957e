//! Exports every kernel on every backend under a name that a disassembler finds:
//! `probe_BACKEND_KERNEL`.
//!
//! `cargo xtask asm` builds this as a library and reads the machine code. The code is never run.
//!
//! With the feature `defmt` it is empty. defmt stores its strings as symbol names, which the linker
//! script of a shared library cannot contain.

#![cfg(not(feature = "defmt"))]
#![cfg_attr(target_arch = "wasm32", no_std)]

use core::slice::{from_raw_parts, from_raw_parts_mut};
use rosenblatt_kernels::{
    Simd,
    activation::{CosPi, Exp, LeakyRelu, Ln, Map, MapGrad, Relu, Sigmoid, Step, Tanh, typed},
    arch,
    columns::{self, Columns},
    dropout, gemm, loss,
    normalize::{self, BatchMoments, Moments, Scale},
    optimizer::{
        AdamStep, adagrad_on, adam_on, adamw_on, all_finite_on, clip_norm_on, clip_value_on,
        momentum_on, nesterov_on, norm_on, rmsprop_on, sgd_on,
    },
    pool, recurrent, regularize, vector,
};

/// Length of a softmax row and of a row of sums.
const ROW: usize = 100;

/// Rows of gates.
type Rows<const GATES: usize> = [[[f32; ROW]; GATES]; 8];

/// Two lines of four positions.
type Windows = [[[f32; ROW]; 4]; 2];

/// The exported functions of one backend, in a module of its own. `$token` is `None` if the CPU
/// lacks the backend.
macro_rules! probes {
    ($module:ident, $backend:literal, $token:expr) => {
        mod $module {
            use super::*;

            probes! { $backend, $token;
                "gemm"(
                    s, m: usize, k: usize, n: usize, x: *const f32, w: *const f32, b: *const f32,
                    y: *mut f32
                )
                    => gemm::gemm(
                        s, m, k, n, input(x, m * k), input(w, k * n), input(b, n), output(y, m * n)
                    );
                "gemm_tn"(
                    s, m: usize, k: usize, n: usize, x: *const f32, dy: *const f32, dw: *mut f32
                )
                    => gemm::gemm_tn(
                        s, m, k, n, input(x, m * k), input(dy, m * n), output(dw, k * n), false
                    );
                "gemm_nt"(
                    s, m: usize, k: usize, n: usize, dy: *const f32, w: *const f32, dx: *mut f32
                )
                    => gemm::gemm_nt(
                        s, m, k, n, input(dy, m * n), input(w, k * n), output(dx, m * k)
                    );
                "gemm_in_place"(
                    s, m: usize, x: *const f32, w: &[[f32; 16]; 16], b: &[f32; 16], y: *mut f32
                )
                    => gemm::typed::gemm(
                        s, input(x, m * 16).as_chunks().0, w, b, output(y, m * 16).as_chunks_mut().0
                    );
                "gemv"(
                    s, k: usize, n: usize, w: *const f32, x: *const f32, b: *const f32, y: *mut f32
                )
                    => gemm::gemv(s, input(w, k * n), input(x, k), input(b, n), output(y, n));
                "gemv_t"(s, k: usize, n: usize, w: *const f32, dy: *const f32, dx: *mut f32)
                    => gemm::gemv_t(s, input(w, k * n), input(dy, n), output(dx, k));
                "ger"(s, k: usize, n: usize, x: *const f32, y: *const f32, w: *mut f32)
                    => gemm::ger(s, input(x, k), input(y, n), output(w, k * n));
                "dot"(s, n: usize, x: *const f32, y: *const f32, result: &mut f32)
                    => *result = vector::dot(s, input(x, n), input(y, n));
                "axpy"(s, n: usize, a: f32, x: *const f32, y: *mut f32)
                    => vector::axpy(s, a, input(x, n), output(y, n));
                "sum_rows"(s, m: usize, dy: *const f32, db: &mut [f32; ROW])
                    => gemm::typed::sum_rows(s, input(dy, m * ROW).as_chunks().0, db);
                "gemm_add"(s, m: usize, x: *const f32, w: &[[f32; 16]; 16], y: *mut f32)
                    => gemm::typed::gemm_add::<_, { usize::MAX }, _, _, _>(
                        s, input(x, m * 16).as_chunks::<16>().0, w,
                        output(y, m * 16).as_chunks_mut::<16>().0
                    );
                "gemm_nt_add"(s, m: usize, dy: *const f32, w: &[[f32; 16]; 16], dx: *mut f32)
                    => gemm::typed::affine_grad_input::<_, { usize::MAX }, _, _, _>(
                        s,
                        input(dy, m * 16).as_chunks::<16>().0,
                        w,
                        output(dx, m * 16).as_chunks_mut::<16>().0,
                        true,
                    );
                "sum_rows_add"(s, m: usize, dy: *const f32, db: &mut [f32; ROW])
                    => gemm::typed::sum_rows_add(s, input(dy, m * ROW).as_chunks().0, db);
                "add"(s, x: &[f32; ROW], y: &mut [f32; ROW]) => gemm::typed::add(s, y, x);
                "max"(s, x: &Windows, y: &mut [f32; ROW]) => pool::max(s, x, 1..3, y);
                "max_grad"(s, x: &Windows, y: &[f32; ROW], dy: &[f32; ROW], dx: &mut Windows)
                    => pool::max_grad(s, x, 1..3, (y, dy), dx);
                "avg"(s, x: &Windows, y: &mut [f32; ROW]) => pool::avg(s, x, 1..3, 4.0, y);
                "avg_grad"(s, dy: &[f32; ROW], dx: &mut Windows)
                    => pool::avg_grad(s, 1..3, 4.0, dy, dx);
                "exp"(s, n: usize, x: *mut f32) => map::<_, Exp>(s, output(x, n));
                "ln"(s, n: usize, x: *mut f32) => map::<_, Ln>(s, output(x, n));
                "tanh"(s, n: usize, x: *mut f32) => map::<_, Tanh>(s, output(x, n));
                "sigmoid"(s, n: usize, x: *mut f32) => map::<_, Sigmoid>(s, output(x, n));
                "relu"(s, n: usize, x: *mut f32) => map::<_, Relu>(s, output(x, n));
                "leaky_relu"(s, n: usize, x: *mut f32)
                    => map::<_, LeakyRelu<1, 10>>(s, output(x, n));
                "step"(s, n: usize, x: *mut f32) => map::<_, Step>(s, output(x, n));
                "exp_grad"(s, n: usize, y: *const f32, dy: *mut f32)
                    => map_grad::<_, Exp>(s, input(y, n), output(dy, n));
                "tanh_grad"(s, n: usize, y: *const f32, dy: *mut f32)
                    => map_grad::<_, Tanh>(s, input(y, n), output(dy, n));
                "sigmoid_grad"(s, n: usize, y: *const f32, dy: *mut f32)
                    => map_grad::<_, Sigmoid>(s, input(y, n), output(dy, n));
                "relu_grad"(s, n: usize, y: *const f32, dy: *mut f32)
                    => map_grad::<_, Relu>(s, input(y, n), output(dy, n));
                "leaky_relu_grad"(s, n: usize, y: *const f32, dy: *mut f32)
                    => map_grad::<_, LeakyRelu<1, 10>>(s, input(y, n), output(dy, n));
                "softmax"(s, m: usize, x: *mut f32)
                    => typed::softmax::<_, ROW>(s, output(x, m * ROW).as_chunks_mut().0);
                "columns"(
                    s, x: &[[f32; 4]; 16], w: &[[f32; 3]; 4], b: &[f32; 3], y: &mut [[f32; 3]; 16]
                )
                    => {
                        let (mut from, mut to) = (Columns::ZERO, Columns::ZERO);
                        from.set(s, x);
                        columns::affine(s, &from, w, b, &mut to);
                        typed::softmax_columns(s, &mut to);
                        to.get(s, y);
                    };
                "softmax_grad"(s, m: usize, y: *const f32, dy: *mut f32)
                    => typed::softmax_grad::<_, ROW>(
                        s, input(y, m * ROW).as_chunks().0, output(dy, m * ROW).as_chunks_mut().0
                    );
                "squared_error"(
                    s, n: usize, y: *const f32, t: *const f32, dy: *mut f32, result: &mut f32
                )
                    => *result = loss::squared_error(
                        s, 1.0, input(y, n), input(t, n), output(dy, n)
                    );
                "binary_cross_entropy"(
                    s, n: usize, p: *const f32, t: *const f32, dy: *mut f32, result: &mut f32
                )
                    => *result = loss::binary_cross_entropy(
                        s, 1.0, input(p, n), input(t, n), output(dy, n)
                    );
                "categorical_cross_entropy"(
                    s, n: usize, p: *const f32, t: *const f32, dy: *mut f32, result: &mut f32
                )
                    => *result = loss::categorical_cross_entropy(
                        s, 1.0, input(p, n), input(t, n), output(dy, n)
                    );
                "gru"(s, a: &mut Rows<3>, b: &mut Rows<3>, h: &mut Rows<1>)
                    => recurrent::gru(s, a, b, h.as_flattened_mut());
                "gru_grad"(
                    s, a: &mut Rows<3>, b: &mut Rows<3>, before: &mut Rows<1>, dh: &mut Rows<1>
                )
                    => recurrent::gru_grad(
                        s, a, b, before.as_flattened_mut(), dh.as_flattened_mut()
                    );
                "lstm"(s, a: &mut Rows<4>, kept: &mut Rows<2>, h: &mut Rows<1>, c: &mut Rows<1>)
                    => recurrent::lstm(s, a, kept, h.as_flattened_mut(), c.as_flattened_mut());
                "lstm_grad"(
                    s, a: &mut Rows<4>, kept: &mut Rows<2>, dh: &mut Rows<1>, dc: &mut Rows<1>
                )
                    => recurrent::lstm_grad(
                        s, a, kept, dh.as_flattened_mut(), dc.as_flattened_mut()
                    );
                "sgd"(s, n: usize, lr: f32, w: *mut f32, dw: *const f32)
                    => sgd_on(s, lr, output(w, n), input(dw, n));
                "adam"(
                    s, n: usize, alpha: f32, w: *mut f32, m: *mut f32, v: *mut f32, dw: *const f32
                )
                    => adam_on(
                        s,
                        AdamStep { alpha, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
                        output(w, n),
                        output(m, n),
                        output(v, n),
                        input(dw, n),
                    );
                "momentum"(s, n: usize, lr: f32, w: *mut f32, v: *mut f32, dw: *const f32)
                    => momentum_on(s, lr, 0.9, output(w, n), output(v, n), input(dw, n));
                "nesterov"(s, n: usize, lr: f32, w: *mut f32, v: *mut f32, dw: *const f32)
                    => nesterov_on(s, lr, 0.9, output(w, n), output(v, n), input(dw, n));
                "adagrad"(s, n: usize, lr: f32, w: *mut f32, h: *mut f32, dw: *const f32)
                    => adagrad_on(s, lr, 1e-8, output(w, n), output(h, n), input(dw, n));
                "rmsprop"(s, n: usize, lr: f32, w: *mut f32, h: *mut f32, dw: *const f32)
                    => rmsprop_on(s, lr, 0.9, 1e-8, output(w, n), output(h, n), input(dw, n));
                "adamw"(
                    s, n: usize, alpha: f32, w: *mut f32, m: *mut f32, v: *mut f32, dw: *const f32
                )
                    => adamw_on(
                        s,
                        AdamStep { alpha, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
                        1e-5,
                        output(w, n),
                        output(m, n),
                        output(v, n),
                        input(dw, n),
                    );
                "clip_value"(s, n: usize, limit: f32, x: *mut f32)
                    => clip_value_on(s, limit, output(x, n));
                "norm"(s, n: usize, x: *const f32, result: &mut f32)
                    => *result = norm_on(s, input(x, n));
                "clip_norm"(s, n: usize, limit: f32, x: *mut f32, result: &mut f32)
                    => *result = clip_norm_on(s, limit, output(x, n));
                "cos_pi"(s, n: usize, x: *mut f32) => map::<_, CosPi>(s, output(x, n));
                "moments"(s, m: usize, x: *const f32, moments: &mut BatchMoments<[f32; ROW]>)
                    => normalize::moments(s, input(x, m * ROW).as_chunks().0, moments);
                "batch"(
                    s, m: usize, epsilon: f32, x: *const f32, moments: &Moments<[f32; ROW]>,
                    p: &Scale<[f32; ROW]>, y: *mut f32
                )
                    => normalize::batch(
                        s, epsilon, input(x, m * ROW).as_chunks().0, moments, p,
                        output(y, m * ROW).as_chunks_mut().0
                    );
                "batch_own"(
                    s,
                    m: usize,
                    epsilon: f32,
                    x: *const f32,
                    moments: &BatchMoments<[f32; ROW]>,
                    p: &Scale<[f32; ROW]>,
                    y: *mut f32
                ) => normalize::batch_own(
                    s,
                    epsilon,
                    input(x, m * ROW).as_chunks().0,
                    moments,
                    p,
                    output(y, m * ROW).as_chunks_mut().0,
                );
                "batch_grad"(
                    s,
                    m: usize,
                    epsilon: f32,
                    x: *const f32,
                    moments: &BatchMoments<[f32; ROW]>,
                    p: &Scale<[f32; ROW]>,
                    dy: *const f32,
                    dp: &mut Scale<[f32; ROW]>,
                    dx: *mut f32
                ) => normalize::batch_grad(
                    s,
                    epsilon,
                    input(x, m * ROW).as_chunks().0,
                    moments,
                    p,
                    input(dy, m * ROW).as_chunks().0,
                    dp,
                    Some(output(dx, m * ROW).as_chunks_mut().0),
                );
                "layer"(s, m: usize, epsilon: f32, x: *const f32, p: &Scale<[f32; ROW]>, y: *mut f32)
                    => normalize::layer(
                        s, epsilon, input(x, m * ROW).as_chunks().0, p,
                        output(y, m * ROW).as_chunks_mut().0, None
                    );
                "layer_grad"(
                    s,
                    m: usize,
                    epsilon: f32,
                    x: *const f32,
                    mean: *const f32,
                    rest: *const f32,
                    variance: *const f32,
                    p: &Scale<[f32; ROW]>,
                    dy: *const f32,
                    dp: &mut Scale<[f32; ROW]>,
                    dx: *mut f32
                ) => normalize::layer_grad(
                    s,
                    epsilon,
                    input(x, m * ROW).as_chunks().0,
                    (input(mean, m), input(rest, m), input(variance, m)),
                    p,
                    input(dy, m * ROW).as_chunks().0,
                    dp,
                    Some(output(dx, m * ROW).as_chunks_mut().0),
                );
                "dropout"(s, n: usize, key: u32, x: *const f32, y: *mut f32)
                    => dropout::dropout(s, key, 1 << 31, 2.0, input(x, n), output(y, n));
                "l1"(s, n: usize, w: *const f32, result: &mut f32)
                    => *result = regularize::l1(s, input(w, n));
                "l2"(s, n: usize, w: *const f32, result: &mut f32)
                    => *result = regularize::l2(s, input(w, n));
                "l1_grad"(s, n: usize, lambda: f32, w: *const f32, dw: *mut f32)
                    => regularize::l1_grad(s, lambda, input(w, n), output(dw, n));
                "l2_grad"(s, n: usize, lambda: f32, w: *const f32, dw: *mut f32)
                    => regularize::l2_grad(s, lambda, input(w, n), output(dw, n));
                "all_finite"(s, n: usize, x: *const f32, result: &mut bool)
                    => *result = all_finite_on(s, input(x, n));
            }
        }
    };
    (
        $backend:literal, $token:expr;
        $($kernel:literal($s:ident $(, $name:ident: $type:ty)*) => $call:expr;)*
    ) => {$(
        const _: () = {
            #[unsafe(export_name = concat!("probe_", $backend, "_", $kernel))]
            unsafe extern "C" fn probe($($name: $type),*) {
                if let Some($s) = $token {
                    Simd::vectorize($s, #[inline(always)] || $call);
                }
            }
        };
    )*};
}

probes!(scalar, "scalar", Some(arch::scalar::Scalar));
#[cfg(target_feature = "sse2")]
probes!(avx2, "avx2", arch::x86::Avx2::new());
#[cfg(target_feature = "sse2")]
probes!(avx512, "avx512", arch::x86::Avx512::new());
#[cfg(target_feature = "sse2")]
probes!(avx512vl, "avx512vl", arch::x86::Avx512Vl::new());
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
probes!(neon, "neon", Some(arch::neon::Neon::new()));
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
probes!(wasm, "wasm", Some(arch::wasm::Wasm::new()));

#[inline(always)]
fn input<'a>(p: *const f32, n: usize) -> &'a [f32] {
    // SAFETY: nothing calls the probes; a caller would have to pass `n` readable values.
    unsafe { from_raw_parts(p, n) }
}

#[inline(always)]
fn output<'a>(p: *mut f32, n: usize) -> &'a mut [f32] {
    // SAFETY: nothing calls the probes; a caller would have to pass `n` writable values that
    // nothing else uses.
    unsafe { from_raw_parts_mut(p, n) }
}

#[inline(always)]
fn map<S: Simd, A: Map>(s: S, x: &mut [f32]) {
    typed::map::<S, A, 1>(s, x.as_chunks_mut().0);
}

#[inline(always)]
fn map_grad<S: Simd, A: MapGrad>(s: S, y: &[f32], dy: &mut [f32]) {
    typed::map_grad::<S, A, 1>(s, y.as_chunks().0, dy.as_chunks_mut().0);
}

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
