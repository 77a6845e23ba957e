//! Textbook loops in f64 over f32 inputs: the reference for tests and benches.
//!
//! They are written for clarity, not speed, and share no code with the kernels. Every product of
//! two f32 numbers is exact in f64. A result is therefore the true value to about 2⁻⁵⁰ of the sum
//! of the magnitudes. Names and argument orders are those of the kernels; results are f64.
//! Elementary functions are `libm`'s f64 ones.

use rosenblatt_kernels::{loss::EPSILON, optimizer::AdamStep};

/// y ← x·w + b; see [`rosenblatt_kernels::gemm::gemm`]
///
/// With the absolute values of x, w and b it computes |x|·|w| + |b|, the scale of the error bounds.
/// # Panics
/// If a length is less than m, k and n require. So do the other products.
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm(m: usize, k: usize, n: usize, x: &[f32], w: &[f32], b: &[f32], y: &mut [f64]) {
    for i in 0..m {
        for j in 0..n {
            let mut sum = f64::from(b[j]);
            for p in 0..k {
                sum += f64::from(x[i * k + p]) * f64::from(w[p * n + j]);
            }
            y[i * n + j] = sum;
        }
    }
}

/// dw ← xᵀ·dy, or dw ← dw + xᵀ·dy with `add`; see [`rosenblatt_kernels::gemm::gemm_tn`]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm_tn(m: usize, k: usize, n: usize, x: &[f32], dy: &[f32], dw: &mut [f64], add: bool) {
    for p in 0..k {
        for j in 0..n {
            let mut sum = if add { dw[p * n + j] } else { 0.0 };
            for i in 0..m {
                sum += f64::from(x[i * k + p]) * f64::from(dy[i * n + j]);
            }
            dw[p * n + j] = sum;
        }
    }
}

/// dx ← dy·wᵀ; see [`rosenblatt_kernels::gemm::gemm_nt`]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm_nt(m: usize, k: usize, n: usize, dy: &[f32], w: &[f32], dx: &mut [f64]) {
    for i in 0..m {
        for p in 0..k {
            dx[i * k + p] = dot(&dy[i * n..][..n], &w[p * n..][..n]);
        }
    }
}

/// y ← wᵀ·x + b; see [`rosenblatt_kernels::gemm::gemv`]
pub fn gemv(w: &[f32], x: &[f32], b: &[f32], y: &mut [f64]) {
    gemm(1, x.len(), b.len(), x, w, b, y);
}

/// dx ← w·dy; see [`rosenblatt_kernels::gemm::gemv_t`]
pub fn gemv_t(w: &[f32], dy: &[f32], dx: &mut [f64]) {
    gemm_nt(1, dx.len(), dy.len(), dy, w, dx);
}

/// w ← w + x·yᵀ; see [`rosenblatt_kernels::gemm::ger`]
pub fn ger(x: &[f32], y: &[f32], w: &mut [f64]) {
    gemm_tn(1, x.len(), y.len(), x, y, w, true);
}

/// x·y; see [`rosenblatt_kernels::vector::dot`]
pub fn dot(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// y ← a·x + y; see [`rosenblatt_kernels::vector::axpy`]
pub fn axpy(a: f32, x: &[f32], y: &mut [f64]) {
    for (x, y) in x.iter().zip(y) {
        *y += f64::from(a) * f64::from(*x);
    }
}

/// db ← the sum of the rows of dy; see [`rosenblatt_kernels::gemm::typed::sum_rows`]
pub fn sum_rows(dy: &[f32], db: &mut [f64]) {
    db.fill(0.0);
    for row in dy.chunks_exact(db.len().max(1)) {
        for (dy, db) in row.iter().zip(&mut *db) {
            *db += f64::from(*dy);
        }
    }
}

/// eˣ
pub fn exp(x: f32) -> f64 {
    libm::exp(x.into())
}

/// d · exp′(x), y = eˣ
pub fn exp_grad(y: f32, d: f32) -> f64 {
    f64::from(d) * f64::from(y)
}

/// ln x
pub fn ln(x: f32) -> f64 {
    libm::log(x.into())
}

/// d · ln′(x): by the input, not the output
pub fn ln_grad(x: f32, d: f32) -> f64 {
    f64::from(d) / f64::from(x)
}

/// tanh x
pub fn tanh(x: f32) -> f64 {
    libm::tanh(x.into())
}

/// d · tanh′(x), y = tanh x
pub fn tanh_grad(y: f32, d: f32) -> f64 {
    f64::from(d) * (1.0 - f64::from(y) * f64::from(y))
}

/// 1 / (1 + e⁻ˣ)
pub fn sigmoid(x: f32) -> f64 {
    let x = f64::from(x);
    if x < 0.0 {
        // For large −x the sum 1 + eˣ is 1 to f64's precision, and this form keeps all digits.
        let e = libm::exp(x);
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + libm::exp(-x))
    }
}

/// d · sigmoid′(x), y = sigmoid x
pub fn sigmoid_grad(y: f32, d: f32) -> f64 {
    f64::from(d) * (f64::from(y) * (1.0 - f64::from(y)))
}

/// cos πx. The reduction is exact: every f32 number and its distance to a whole number are f64
/// numbers.
pub fn cos_pi(x: f32) -> f64 {
    use core::f64::consts::PI;
    // The distance to the nearest even number, from 0 to 1.
    let u = libm::fabs(f64::from(x) - 2.0 * libm::rint(0.5 * f64::from(x)));
    match u {
        u if u <= 0.25 => libm::cos(PI * u),
        u if u < 0.75 => libm::sin(PI * (0.5 - u)),
        u => -libm::cos(PI * (1.0 - u)),
    }
}

/// x for x > 0 and for NaN, else +0
pub fn relu(x: f32) -> f64 {
    if x <= 0.0 { 0.0 } else { x.into() }
}

/// d where y > 0, else 0
pub fn relu_grad(y: f32, d: f32) -> f64 {
    if y > 0.0 { d.into() } else { 0.0 }
}

/// x for x ≥ 0 and for NaN, else x · slope
pub fn leaky_relu(slope: f32, x: f32) -> f64 {
    if x < 0.0 { f64::from(slope) * f64::from(x) } else { x.into() }
}

/// d where y > 0, else d · slope
pub fn leaky_relu_grad(slope: f32, y: f32, d: f32) -> f64 {
    if y > 0.0 { d.into() } else { f64::from(slope) * f64::from(d) }
}

/// 1 for x > 0, else 0; NaN for NaN
pub fn step(x: f32) -> f64 {
    if x > 0.0 {
        1.0
    } else if x <= 0.0 {
        0.0
    } else {
        x.into()
    }
}

/// Each row of `n` values of y ← softmax of x's row; see
/// [`rosenblatt_kernels::activation::softmax`]
pub fn softmax(n: usize, x: &[f32], y: &mut [f64]) {
    for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
        let top = x.iter().fold(f64::NEG_INFINITY, |top, x| top.max((*x).into()));
        let mut sum = 0.0;
        for (x, y) in x.iter().zip(&mut *y) {
            *y = libm::exp(f64::from(*x) - top);
            sum += *y;
        }
        for y in y {
            *y /= sum;
        }
    }
}

/// Each row of dx ← y·(dy − Σ dy·y); see [`rosenblatt_kernels::activation::softmax_grad`]
pub fn softmax_grad(n: usize, y: &[f32], dy: &[f32], dx: &mut [f64]) {
    for ((y, dy), dx) in y.chunks_exact(n).zip(dy.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
        let inner = dot(y, dy);
        for ((y, dy), dx) in y.iter().zip(dy).zip(dx) {
            *dx = f64::from(*y) * (f64::from(*dy) - inner);
        }
    }
}

/// p clipped to the bounds of [`rosenblatt_kernels::loss`], which are f32 numbers.
fn clip(p: f32) -> f64 {
    f64::from(p).max(EPSILON.into()).min((1.0 - EPSILON).into())
}

/// Σ (y − t)²; see [`rosenblatt_kernels::loss::squared_error`]
pub fn squared_error(y: &[f32], t: &[f32]) -> f64 {
    y.iter()
        .zip(t)
        .map(|(y, t)| (f64::from(*y) - f64::from(*t)) * (f64::from(*y) - f64::from(*t)))
        .sum()
}

/// −Σ (t·ln p + (1 − t)·ln(1 − p)); see [`rosenblatt_kernels::loss::binary_cross_entropy`]
pub fn binary_cross_entropy(p: &[f32], t: &[f32]) -> f64 {
    let term = |p: f64, t: f64| t * libm::log(p) + (1.0 - t) * libm::log(1.0 - p);
    -p.iter().zip(t).map(|(p, t)| term(clip(*p), (*t).into())).sum::<f64>()
}

/// −Σ t·ln p; see [`rosenblatt_kernels::loss::categorical_cross_entropy`]
pub fn categorical_cross_entropy(p: &[f32], t: &[f32]) -> f64 {
    -p.iter().zip(t).map(|(p, t)| f64::from(*t) * libm::log(clip(*p))).sum::<f64>()
}

/// −Σ ln `p[i][class(i)]` over rows of `n`; see [`rosenblatt_kernels::loss::sparse_cross_entropy`]
pub fn sparse_cross_entropy(n: usize, p: &[f32], class: impl Fn(usize) -> usize) -> f64 {
    let term =
        |(i, row): (usize, &[f32])| row.get(class(i)).map_or(f64::NAN, |p| libm::log(clip(*p)));
    -p.chunks_exact(n).enumerate().map(term).sum::<f64>()
}

/// dy ← scale·(y − t): the gradient of all losses that take targets
pub fn loss_grad(scale: f32, y: &[f32], t: &[f32], dy: &mut [f64]) {
    for ((y, t), dy) in y.iter().zip(t).zip(dy) {
        *dy = f64::from(scale) * (f64::from(*y) - f64::from(*t));
    }
}

/// (mean, variance), the variance over n, not n − 1
fn moments_of(x: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (mut n, mut sum) = (0.0, 0.0);
    for x in x.clone() {
        n += 1.0;
        sum += x;
    }
    let mean = sum / n;
    (mean, x.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n)
}

/// For each of `n` columns, its indices in `len` values.
fn columns(len: usize, n: usize) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
    (0..n).map(move |j| (j..len).step_by(n))
}

/// For each row of `n` values, its indices in `len` values.
fn rows(len: usize, n: usize) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
    (0..len / n).map(move |i| i * n..(i + 1) * n)
}

/// The values at `places`, normalized: x̂ = (x − mean) / √(variance + ε). Also returns the root.
fn hats(
    epsilon: f32,
    x: &[f32],
    places: impl Iterator<Item = usize> + Clone,
) -> (impl Iterator<Item = f64> + Clone, f64) {
    let x = places.map(|i| f64::from(x[i]));
    let (mean, variance) = moments_of(x.clone());
    let root = libm::sqrt(variance + f64::from(epsilon));
    (x.map(move |x| (x - mean) / root), root)
}

/// Mean and variance of each of `n` columns, means first; see
/// [`rosenblatt_kernels::normalize::moments`]
pub fn moments(n: usize, x: &[f32], moments: &mut [f64]) {
    for (j, column) in columns(x.len(), n).enumerate() {
        (moments[j], moments[n + j]) = moments_of(column.map(|i| f64::from(x[i])));
    }
}

/// y ← x̂·γ + β with the moments of x's own columns. `p` is γ, then β. See
/// [`rosenblatt_kernels::normalize::batch`]
pub fn batch_norm(n: usize, epsilon: f32, x: &[f32], p: &[f32], y: &mut [f64]) {
    for (j, column) in columns(x.len(), n).enumerate() {
        for (i, hat) in column.clone().zip(hats(epsilon, x, column).0) {
            y[i] = hat * f64::from(p[j]) + f64::from(p[n + j]);
        }
    }
}

/// The gradients of [`batch_norm`]; see [`rosenblatt_kernels::normalize::batch_grad`]
pub fn batch_norm_grad(
    n: usize,
    epsilon: f32,
    x: &[f32],
    p: &[f32],
    dy: &[f32],
    dp: &mut [f64],
    dx: &mut [f64],
) {
    let m = (x.len() / n) as f64;
    for (j, column) in columns(x.len(), n).enumerate() {
        let (hats, root) = hats(epsilon, x, column.clone());
        let dys = column.clone().map(|i| f64::from(dy[i]));
        dp[j] = dys.clone().zip(hats.clone()).map(|(dy, hat)| dy * hat).sum();
        dp[n + j] = dys.clone().sum();
        for ((i, dy), hat) in column.zip(dys).zip(hats) {
            dx[i] = f64::from(p[j]) / root * (dy - dp[n + j] / m - hat * dp[j] / m);
        }
    }
}

/// Each row of `n` values ← x̂·γ + β with its own moments. `p` is γ, then β. See
/// [`rosenblatt_kernels::normalize::layer`]
pub fn layer_norm(n: usize, epsilon: f32, x: &[f32], p: &[f32], y: &mut [f64]) {
    for row in rows(x.len(), n) {
        for ((j, i), hat) in row.clone().enumerate().zip(hats(epsilon, x, row).0) {
            y[i] = hat * f64::from(p[j]) + f64::from(p[n + j]);
        }
    }
}

/// The gradients of [`layer_norm`]; see [`rosenblatt_kernels::normalize::layer_grad`]
pub fn layer_norm_grad(
    n: usize,
    epsilon: f32,
    x: &[f32],
    p: &[f32],
    dy: &[f32],
    dp: &mut [f64],
    dx: &mut [f64],
) {
    dp.fill(0.0);
    for row in rows(x.len(), n) {
        let (hats, root) = hats(epsilon, x, row.clone());
        let g = row.clone().enumerate().map(|(j, i)| f64::from(dy[i]) * f64::from(p[j]));
        let mean = g.clone().sum::<f64>() / n as f64;
        let inner = g.clone().zip(hats.clone()).map(|(g, hat)| g * hat).sum::<f64>() / n as f64;
        for (((j, i), hat), g) in row.enumerate().zip(hats).zip(g) {
            dp[j] += f64::from(dy[i]) * hat;
            dp[n + j] += f64::from(dy[i]);
            dx[i] = (g - mean - hat * inner) / root;
        }
    }
}

/// Σ |w|; see [`rosenblatt_kernels::regularize::l1`]
pub fn l1(w: &[f32]) -> f64 {
    w.iter().map(|w| f64::from(w.abs())).sum()
}

/// dw ← dw + λ·sign(w); see [`rosenblatt_kernels::regularize::l1_grad`]
pub fn l1_grad(lambda: f32, w: &[f32], dw: &mut [f64]) {
    for (w, dw) in w.iter().zip(dw) {
        let sign = f64::from(i8::from(*w > 0.0) - i8::from(*w < 0.0));
        *dw += f64::from(lambda) * sign;
    }
}

/// w ← w − lr·dw; see [`rosenblatt_kernels::optimizer::sgd`]
pub fn sgd(lr: f32, w: &mut [f64], dw: &[f32]) {
    for (w, dw) in w.iter_mut().zip(dw) {
        *w -= f64::from(lr) * f64::from(*dw);
    }
}

/// 1 − β of the decimal number with seven places that β was written as
fn rest(beta: f32) -> f64 {
    libm::round((1.0 - f64::from(beta)) * 1e7) / 1e7
}

/// m ← β₁·m + (1 − β₁)·dw; v ← β₂·v + (1 − β₂)·dw²; w ← w − α·m / (√v + ε); see
/// [`rosenblatt_kernels::optimizer::adam`]
pub fn adam(step: AdamStep, w: &mut [f64], m: &mut [f64], v: &mut [f64], dw: &[f32]) {
    let AdamStep { alpha, beta1, beta2, epsilon } = step;
    for (((w, m), v), dw) in w.iter_mut().zip(m).zip(v).zip(dw) {
        let g = f64::from(*dw);
        *m = f64::from(beta1) * *m + rest(beta1) * g;
        *v = f64::from(beta2) * *v + rest(beta2) * g * g;
        *w -= f64::from(alpha) * *m / (libm::sqrt(*v) + f64::from(epsilon));
    }
}

/// v ← r·v − lr·dw; w ← w + v; see [`rosenblatt_kernels::optimizer::momentum`]
pub fn momentum(lr: f32, r: f32, w: &mut [f64], v: &mut [f64], dw: &[f32]) {
    for ((w, v), dw) in w.iter_mut().zip(v).zip(dw) {
        *v = f64::from(r) * *v - f64::from(lr) * f64::from(*dw);
        *w += *v;
    }
}

/// v ← r·v − lr·dw; w ← w + r·v − lr·dw; see [`rosenblatt_kernels::optimizer::nesterov`]
pub fn nesterov(lr: f32, r: f32, w: &mut [f64], v: &mut [f64], dw: &[f32]) {
    for ((w, v), dw) in w.iter_mut().zip(v).zip(dw) {
        let fall = f64::from(lr) * f64::from(*dw);
        *v = f64::from(r) * *v - fall;
        *w += f64::from(r) * *v - fall;
    }
}

/// h ← h + dw²; w ← w − lr·dw / √(h + ε); see [`rosenblatt_kernels::optimizer::adagrad`]
pub fn adagrad(lr: f32, epsilon: f32, w: &mut [f64], h: &mut [f64], dw: &[f32]) {
    for ((w, h), dw) in w.iter_mut().zip(h).zip(dw) {
        let g = f64::from(*dw);
        *h += g * g;
        *w -= f64::from(lr) * g / libm::sqrt(*h + f64::from(epsilon));
    }
}

/// h ← ρ·h + (1 − ρ)·dw²; w ← w − lr·dw / √(h + ε); see [`rosenblatt_kernels::optimizer::rmsprop`]
pub fn rmsprop(lr: f32, rho: f32, epsilon: f32, w: &mut [f64], h: &mut [f64], dw: &[f32]) {
    for ((w, h), dw) in w.iter_mut().zip(h).zip(dw) {
        let g = f64::from(*dw);
        *h = f64::from(rho) * *h + rest(rho) * g * g;
        *w -= f64::from(lr) * g / libm::sqrt(*h + f64::from(epsilon));
    }
}

/// w ← w − shrink·w, then [`adam`]; see [`rosenblatt_kernels::optimizer::adamw`]
pub fn adamw(step: AdamStep, shrink: f32, w: &mut [f64], m: &mut [f64], v: &mut [f64], dw: &[f32]) {
    for w in &mut *w {
        *w -= f64::from(shrink) * *w;
    }
    adam(step, w, m, v, dw);
}

/// √Σx²; see [`rosenblatt_kernels::optimizer::norm`]
pub fn norm(x: &[f32]) -> f64 {
    libm::sqrt(dot(x, x))
}

/// y·(1 − y)
fn sigmoid_slope(y: f64) -> f64 {
    y * (1.0 - y)
}

/// 1 − y²
fn tanh_slope(y: f64) -> f64 {
    1.0 - y * y
}

/// A GRU's step of one row of `h.len()` units. `a` is the part of the inputs and `b` that of the
/// state (columns z, r, c). Writes z, r and c to `gates` and the next state to `after`. See
/// [`rosenblatt_kernels::recurrent::gru`]
pub fn gru(a: &[f32], b: &[f32], h: &[f32], gates: &mut [f64], after: &mut [f64]) {
    let u = h.len();
    let at = |x: &[f32], j: usize| f64::from(x[j]);
    let sigmoid = |x: f64| 1.0 / (1.0 + libm::exp(-x));
    for j in 0..u {
        let z = sigmoid(at(a, j) + at(b, j));
        let r = sigmoid(at(a, u + j) + at(b, u + j));
        let c = libm::tanh(at(a, 2 * u + j) + r * at(b, 2 * u + j));
        (gates[j], gates[u + j], gates[2 * u + j]) = (z, r, c);
        after[j] = z * at(h, j) + (1.0 - z) * c;
    }
}

/// A GRU's step backward of one row: the gradients by a, by b and by the state before (without the
/// products with u). See [`rosenblatt_kernels::recurrent::gru_grad`]
pub fn gru_grad(
    gates: &[f32],
    b: &[f32],
    before: &[f32],
    dh: &[f32],
    da: &mut [f64],
    db: &mut [f64],
    direct: &mut [f64],
) {
    let u = dh.len();
    let at = |x: &[f32], j: usize| f64::from(x[j]);
    for j in 0..u {
        let (z, r, c, d) = (at(gates, j), at(gates, u + j), at(gates, 2 * u + j), at(dh, j));
        let dz = d * (at(before, j) - c) * sigmoid_slope(z);
        let dc = d * (1.0 - z) * tanh_slope(c);
        let dr = dc * at(b, 2 * u + j) * sigmoid_slope(r);
        (da[j], da[u + j], da[2 * u + j]) = (dz, dr, dc);
        (db[j], db[u + j], db[2 * u + j]) = (dz, dr, dc * r);
        direct[j] = d * z;
    }
}

/// An LSTM's step of one row from a (columns i, f, g, o) and the cell state. Writes i, f, g and o
/// to `gates`, the next state to `h` and the next cell state to `after`. See
/// [`rosenblatt_kernels::recurrent::lstm`]
pub fn lstm(a: &[f32], c: &[f32], gates: &mut [f64], h: &mut [f64], after: &mut [f64]) {
    let u = c.len();
    let sigmoid = |x: f32| 1.0 / (1.0 + libm::exp(-f64::from(x)));
    for j in 0..u {
        let (i, f, o) = (sigmoid(a[j]), sigmoid(a[u + j]), sigmoid(a[3 * u + j]));
        let g = libm::tanh(a[2 * u + j].into());
        (gates[j], gates[u + j], gates[2 * u + j], gates[3 * u + j]) = (i, f, g, o);
        after[j] = f * f64::from(c[j]) + i * g;
        h[j] = o * libm::tanh(after[j]);
    }
}

/// An LSTM's step backward of one row: the gradients by a and by the cell state before. See
/// [`rosenblatt_kernels::recurrent::lstm_grad`]
pub fn lstm_grad(
    gates: &[f32],
    kept: &[f32],
    dh: &[f32],
    dc: &[f32],
    da: &mut [f64],
    before: &mut [f64],
) {
    let u = dh.len();
    let at = |x: &[f32], j: usize| f64::from(x[j]);
    for j in 0..u {
        let (i, f, g, o) =
            (at(gates, j), at(gates, u + j), at(gates, 2 * u + j), at(gates, 3 * u + j));
        let (c, t, d) = (at(kept, j), at(kept, u + j), at(dh, j));
        let cell = d * o * tanh_slope(t) + at(dc, j);
        da[j] = cell * g * sigmoid_slope(i);
        da[u + j] = cell * c * sigmoid_slope(f);
        da[2 * u + j] = cell * i * tanh_slope(g);
        da[3 * u + j] = d * t * sigmoid_slope(o);
        before[j] = cell * f;
    }
}
