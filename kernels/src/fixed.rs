//! Kernels without networks: `heapless` buffers and arrays, with shapes checked by the types.
//!
//! A batch of up to `B` rows is a `heapless::Vec<[f32; K], B>`. Where it is only read, anything
//! that derefs to `&[[f32; K]]` is accepted (an array, too).

use crate::{
    Backend,
    activation::{self, Map, MapGrad},
    array::{F32Array, values, values_mut},
    dispatch, gemm,
    optimizer::{self, AdamStep},
};
use heapless::Vec;

/// y ← x·w + b for a batch; `y` gets as many rows as `x` has
///
/// `x` is (rows, K), `w` is (K, N), `y` is (rows, N). A wrong shape does not compile. The sums are
/// those of [`gemm`](crate::gemm::gemm).
///
/// ```compile_fail
/// use rosenblatt_kernels::{Backend, fixed};
/// let x: heapless::Vec<[f32; 3], 4> = heapless::Vec::new();
/// let w = [[1.0; 5]; 2]; // 2 inputs, but the samples have 3
/// fixed::matmul(Backend::detect(), &x, &w, &[0.0; 5], &mut heapless::Vec::new());
/// ```
pub fn matmul<const K: usize, const N: usize, const B: usize>(
    backend: Backend,
    x: &Vec<[f32; K], B>,
    w: &[[f32; N]; K],
    b: &[f32; N],
    y: &mut Vec<[f32; N], B>,
) {
    // x has at most B rows, so y has room for as many.
    while y.len() < x.len() && y.push([0.0; N]).is_ok() {}
    y.truncate(x.len());
    dispatch!(backend, s => gemm::typed::gemm(s, x, w, b, y));
}

/// dw ← xᵀ·dy and db ← the sum of the rows of dy: the gradients of [`matmul`] by weights and bias
pub fn matmul_grad<const K: usize, const N: usize>(
    backend: Backend,
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
        gemm::typed::gemm_tn(s, x, dy, dw);
        gemm::typed::sum_rows(s, dy, db);
    }
    dispatch!(backend, s => both(s, x, dy, dw, db));
}

/// dx ← dy·wᵀ: the gradient of [`matmul`] by its input; `dx` gets as many rows as `dy` has
pub fn matmul_grad_input<const K: usize, const N: usize, const B: usize>(
    backend: Backend,
    dy: &Vec<[f32; N], B>,
    w: &[[f32; N]; K],
    dx: &mut Vec<[f32; K], B>,
) {
    while dx.len() < dy.len() && dx.push([0.0; K]).is_ok() {}
    dx.truncate(dy.len());
    dispatch!(backend, s => gemm::typed::gemm_nt(s, dy, w, dx));
}

/// x ← f(x) for every value of a batch; `A` is a type of [`activation`], as in
/// `fixed::activate::<Tanh, 8>(backend, &mut x)`
pub fn activate<A: Map, const N: usize>(backend: Backend, x: &mut [[f32; N]]) {
    dispatch!(backend, s => activation::typed::map::<_, A, N>(s, x));
}

/// dy ← dy·f′(y) for every value of a batch
pub fn activate_grad<A: MapGrad, const N: usize>(
    backend: Backend,
    y: &[[f32; N]],
    dy: &mut [[f32; N]],
) {
    dispatch!(backend, s => activation::typed::map_grad::<_, A, N>(s, y, dy));
}

/// Each row ← softmax(row); see [`softmax`](crate::activation::softmax)
pub fn softmax<const N: usize>(backend: Backend, x: &mut [[f32; N]]) {
    dispatch!(backend, s => activation::typed::softmax(s, x));
}

/// w ← w − lr·dw for parameters of any [`F32Array`]; see [`optimizer::sgd`]
///
/// ```
/// use rosenblatt_kernels::{Backend, fixed};
/// let mut w = [[1.0, 2.0], [3.0, 4.0]];
/// fixed::sgd(Backend::detect(), 1.0, &mut w, &[[1.0, 1.0], [1.0, 1.0]]);
/// assert_eq!(w, [[0.0, 1.0], [2.0, 3.0]]);
/// ```
pub fn sgd<P: F32Array>(backend: Backend, lr: f32, w: &mut P, dw: &P) {
    dispatch!(backend, s => optimizer::sgd_on(s, lr, values_mut(w), values(dw)));
}

/// One Adam step for parameters of any [`F32Array`]; see [`optimizer::adam`]
pub fn adam<P: F32Array>(
    backend: Backend,
    step: AdamStep,
    w: &mut P,
    m: &mut P,
    v: &mut P,
    dw: &P,
) {
    dispatch!(
        backend,
        s => optimizer::adam_on(s, step, values_mut(w), values_mut(m), values_mut(v), values(dw))
    );
}

/// One step with momentum for parameters of any [`F32Array`]; see [`optimizer::momentum`]
pub fn momentum<P: F32Array>(backend: Backend, lr: f32, r: f32, w: &mut P, v: &mut P, dw: &P) {
    dispatch!(
        backend,
        s => optimizer::momentum_on(s, lr, r, values_mut(w), values_mut(v), values(dw))
    );
}

/// One step with Nesterov's momentum for parameters of any [`F32Array`]; see
/// [`optimizer::nesterov`]
pub fn nesterov<P: F32Array>(backend: Backend, lr: f32, r: f32, w: &mut P, v: &mut P, dw: &P) {
    dispatch!(
        backend,
        s => optimizer::nesterov_on(s, lr, r, values_mut(w), values_mut(v), values(dw))
    );
}

/// One AdaGrad step for parameters of any [`F32Array`]; see [`optimizer::adagrad`]
pub fn adagrad<P: F32Array>(backend: Backend, lr: f32, epsilon: f32, w: &mut P, h: &mut P, dw: &P) {
    dispatch!(
        backend,
        s => optimizer::adagrad_on(s, lr, epsilon, values_mut(w), values_mut(h), values(dw))
    );
}

/// One RMSProp step for parameters of any [`F32Array`]; see [`optimizer::rmsprop`]
pub fn rmsprop<P: F32Array>(
    backend: Backend,
    lr: f32,
    rho: f32,
    epsilon: f32,
    w: &mut P,
    h: &mut P,
    dw: &P,
) {
    dispatch!(
        backend,
        s => optimizer::rmsprop_on(s, lr, rho, epsilon, values_mut(w), values_mut(h), values(dw))
    );
}

/// One AdamW step for parameters of any [`F32Array`]; see [`optimizer::adamw`]
pub fn adamw<P: F32Array>(
    backend: Backend,
    step: AdamStep,
    shrink: f32,
    w: &mut P,
    m: &mut P,
    v: &mut P,
    dw: &P,
) {
    let (w, m, v, dw) = (values_mut(w), values_mut(m), values_mut(v), values(dw));
    dispatch!(backend, s => optimizer::adamw_on(s, step, shrink, w, m, v, dw));
}

/// Clips each value of a gradient of any [`F32Array`] to [−limit, limit]; see
/// [`optimizer::clip_value`]
pub fn clip_value<P: F32Array>(backend: Backend, limit: f32, dw: &mut P) {
    optimizer::clip_value(backend, limit, values_mut(dw));
}

/// Scales a gradient of any [`F32Array`] to a norm of at most `limit`. Returns the norm before. See
/// [`optimizer::clip_norm`]
///
/// ```
/// use rosenblatt_kernels::{Backend, fixed};
/// let mut dw = [[0.0, 3.0], [4.0, 0.0]];
/// assert_eq!(fixed::clip_norm(Backend::detect(), 1.0, &mut dw), 5.0);
/// assert_eq!(dw, [[0.0, 0.6], [0.8, 0.0]]);
/// ```
pub fn clip_norm<P: F32Array>(backend: Backend, limit: f32, dw: &mut P) -> f32 {
    optimizer::clip_norm(backend, limit, values_mut(dw))
}
