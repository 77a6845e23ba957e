//! The thin face for users who want kernels without networks: `heapless` buffers and arrays, shapes checked by the types.
//!
//! A batch of up to `B` rows is a `heapless::Vec<[f32; K], B>`; anything that derefs to `&[[f32; K]]` (an array, too) will do where it is only read.

use crate::{
    Level,
    activation::{self, Map, MapGrad},
    blas, dispatch,
    optimizer::{self, AdamStep},
    plain::{Plain, values, values_mut},
};
use heapless::Vec;

/// y ← x·w + b for a batch; `y` gets as many rows as `x` has
///
/// The types say that an output row fits every input row: a wrong shape does not compile.
///
/// ```compile_fail
/// use rosenblatt_kernels::{Level, fixed};
/// let x: heapless::Vec<[f32; 3], 4> = heapless::Vec::new();
/// let w = [[1.0; 5]; 2]; // 2 inputs, but the samples have 3
/// fixed::matmul(Level::detect(), &x, &w, &[0.0; 5], &mut heapless::Vec::new());
/// ```
pub fn matmul<const K: usize, const N: usize, const B: usize>(
    level: Level,
    x: &Vec<[f32; K], B>,
    w: &[[f32; N]; K],
    b: &[f32; N],
    y: &mut Vec<[f32; N], B>,
) {
    // x has at most B rows, and so y holds as many.
    while y.len() < x.len() && y.push([0.0; N]).is_ok() {}
    y.truncate(x.len());
    dispatch!(level, s => blas::fixed::gemm(s, x, w, b, y));
}

/// dw ← xᵀ·dy and db ← the sum of the rows of dy: the gradients of [`matmul`]'s weights and bias
pub fn matmul_grad<const K: usize, const N: usize>(
    level: Level,
    x: &[[f32; K]],
    dy: &[[f32; N]],
    dw: &mut [[f32; N]; K],
    db: &mut [f32; N],
) {
    #[inline(always)]
    fn both<S: crate::Simd, const K: usize, const N: usize>(
        s: S,
        x: &[[f32; K]],
        dy: &[[f32; N]],
        dw: &mut [[f32; N]; K],
        db: &mut [f32; N],
    ) {
        blas::fixed::gemm_tn(s, x, dy, dw);
        blas::fixed::sum_rows(s, dy, db);
    }
    dispatch!(level, s => both(s, x, dy, dw, db));
}

/// dx ← dy·wᵀ: the gradient of [`matmul`]'s input; `dx` gets as many rows as `dy` has
pub fn matmul_grad_input<const K: usize, const N: usize, const B: usize>(
    level: Level,
    dy: &Vec<[f32; N], B>,
    w: &[[f32; N]; K],
    dx: &mut Vec<[f32; K], B>,
) {
    while dx.len() < dy.len() && dx.push([0.0; K]).is_ok() {}
    dx.truncate(dy.len());
    dispatch!(level, s => blas::fixed::gemm_nt(s, dy, w, dx));
}

/// x ← f(x) for every value of a batch; `A` is a type of [`activation`], as in `fixed::activate::<Tanh, 8>(level, &mut x)`
pub fn activate<A: Map, const N: usize>(level: Level, x: &mut [[f32; N]]) {
    dispatch!(level, s => activation::fixed::map::<_, A, N>(s, x));
}

/// dy ← dy·f′(y) for every value of a batch
pub fn activate_grad<A: MapGrad, const N: usize>(level: Level, y: &[[f32; N]], dy: &mut [[f32; N]]) {
    dispatch!(level, s => activation::fixed::map_grad::<_, A, N>(s, y, dy));
}

/// Each row ← softmax(row)
pub fn softmax<const N: usize>(level: Level, x: &mut [[f32; N]]) {
    dispatch!(level, s => activation::fixed::softmax(s, x));
}

/// w ← w − lr·dw for parameters of any plain shape
///
/// ```
/// use rosenblatt_kernels::{Level, fixed};
/// let mut w = [[1.0, 2.0], [3.0, 4.0]];
/// fixed::sgd(Level::detect(), 1.0, &mut w, &[[1.0, 1.0], [1.0, 1.0]]);
/// assert_eq!(w, [[0.0, 1.0], [2.0, 3.0]]);
/// ```
pub fn sgd<P: Plain>(level: Level, lr: f32, w: &mut P, dw: &P) {
    dispatch!(level, s => optimizer::sgd_on(s, lr, values_mut(w), values(dw)));
}

/// One Adam step for parameters of any plain shape; see [`optimizer::adam`]
pub fn adam<P: Plain>(level: Level, step: AdamStep, w: &mut P, m: &mut P, v: &mut P, dw: &P) {
    dispatch!(level, s => optimizer::adam_on(s, step, values_mut(w), values_mut(m), values_mut(v), values(dw)));
}

/// One step with momentum for parameters of any plain shape; see [`optimizer::momentum`]
pub fn momentum<P: Plain>(level: Level, lr: f32, r: f32, w: &mut P, v: &mut P, dw: &P) {
    dispatch!(level, s => optimizer::momentum_on(s, lr, r, values_mut(w), values_mut(v), values(dw)));
}

/// One step with Nesterov's momentum for parameters of any plain shape; see [`optimizer::nesterov`]
pub fn nesterov<P: Plain>(level: Level, lr: f32, r: f32, w: &mut P, v: &mut P, dw: &P) {
    dispatch!(level, s => optimizer::nesterov_on(s, lr, r, values_mut(w), values_mut(v), values(dw)));
}

/// One AdaGrad step for parameters of any plain shape; see [`optimizer::adagrad`]
pub fn adagrad<P: Plain>(level: Level, lr: f32, epsilon: f32, w: &mut P, h: &mut P, dw: &P) {
    dispatch!(level, s => optimizer::adagrad_on(s, lr, epsilon, values_mut(w), values_mut(h), values(dw)));
}

/// One RMSProp step for parameters of any plain shape; see [`optimizer::rmsprop`]
pub fn rmsprop<P: Plain>(level: Level, lr: f32, rho: f32, epsilon: f32, w: &mut P, h: &mut P, dw: &P) {
    dispatch!(level, s => optimizer::rmsprop_on(s, lr, rho, epsilon, values_mut(w), values_mut(h), values(dw)));
}

/// One AdamW step for parameters of any plain shape; see [`optimizer::adamw`]
pub fn adamw<P: Plain>(level: Level, step: AdamStep, shrink: f32, w: &mut P, m: &mut P, v: &mut P, dw: &P) {
    let (w, m, v, dw) = (values_mut(w), values_mut(m), values_mut(v), values(dw));
    dispatch!(level, s => optimizer::adamw_on(s, step, shrink, w, m, v, dw));
}

/// Each value of a gradient of any plain shape brought between −limit and limit; see [`optimizer::clip_value`]
pub fn clip_value<P: Plain>(level: Level, limit: f32, dw: &mut P) {
    optimizer::clip_value(level, limit, values_mut(dw));
}

/// A gradient of any plain shape brought to a norm of at most `limit`; returns the norm it had. See [`optimizer::clip_norm`]
///
/// ```
/// use rosenblatt_kernels::{Level, fixed};
/// let mut dw = [[0.0, 3.0], [4.0, 0.0]];
/// assert_eq!(fixed::clip_norm(Level::detect(), 1.0, &mut dw), 5.0);
/// assert_eq!(dw, [[0.0, 0.6], [0.8, 0.0]]);
/// ```
pub fn clip_norm<P: Plain>(level: Level, limit: f32, dw: &mut P) -> f32 {
    optimizer::clip_norm(level, limit, values_mut(dw))
}
