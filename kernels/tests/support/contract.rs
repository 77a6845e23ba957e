//! The numeric contract in plain loops: the bits that every kernel must produce, without lanes,
//! tiles or blocks.

use rosenblatt_kernels::{arch::scalar::Scalar, math};

/// Every output starts at its bias. Its products are added over the inputs from 0 upward.
pub fn gemm(m: usize, k: usize, n: usize, x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    for i in 0..m {
        y[i * n..][..n].copy_from_slice(b);
    }
    gemm_add(m, k, n, x, w, y);
}

/// The same, starting at the output's current value.
pub fn gemm_add(m: usize, k: usize, n: usize, x: &[f32], w: &[f32], y: &mut [f32]) {
    for i in 0..m {
        for p in 0..k {
            add_scaled(x[i * k + p], &w[p * n..][..n], &mut y[i * n..][..n]);
        }
    }
}

/// Every weight's gradient starts at zero, or with `add` at its current value. Its products are
/// added over the samples from 0 upward.
pub fn gemm_tn(m: usize, k: usize, n: usize, x: &[f32], dy: &[f32], dw: &mut [f32], add: bool) {
    if !add {
        dw.fill(0.0);
    }
    for i in 0..m {
        for p in 0..k {
            add_scaled(x[i * k + p], &dy[i * n..][..n], &mut dw[p * n..][..n]);
        }
    }
}

/// Every input's gradient starts at zero. Its products are added over the outputs from 0 upward.
pub fn gemm_nt(m: usize, k: usize, n: usize, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    gemm_nt_add(m, k, n, dy, w, dx);
}

/// The same, starting at the current value.
pub fn gemm_nt_add(m: usize, k: usize, n: usize, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    for i in 0..m {
        for p in 0..k {
            for j in 0..n {
                let product = dy[i * n + j] * w[p * n + j];
                dx[i * k + p] += product;
            }
        }
    }
}

/// y ← a·x + y. The product is rounded, then the sum.
pub fn add_scaled(a: f32, x: &[f32], y: &mut [f32]) {
    for (x, y) in x.iter().zip(y) {
        let product = a * x;
        *y += product;
    }
}

/// Term i goes to lane i mod 16 of sixteen. Each lane adds from zero upward, then the lanes are
/// added by halves. More than 64 terms are added in blocks of 64, with compensation between blocks.
pub fn sum(terms: impl Iterator<Item = f32>) -> f32 {
    let terms: Vec<f32> = terms.collect();
    let lane_sums = |block: &[f32]| {
        let mut lanes = [0.0f32; 16];
        for (i, term) in block.iter().enumerate() {
            lanes[i % 16] += term;
        }
        lanes
    };
    let mut lanes = lane_sums(&terms[..terms.len().min(64)]);
    if terms.len() > 64 {
        let mut excess = [0.0f32; 16];
        lanes = [0.0; 16];
        for block in terms.chunks(64) {
            for ((sum, excess), x) in lanes.iter_mut().zip(&mut excess).zip(lane_sums(block)) {
                (*sum, *excess) = compensated(*sum, *excess, x);
            }
        }
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

/// Adds a term to a sum with its excess, which is the rounding error to subtract from the next
/// term.
pub fn compensated(sum: f32, excess: f32, x: f32) -> (f32, f32) {
    let x = x - excess;
    let next = sum + x;
    let excess = (next - sum) - x;
    (next, if excess.is_finite() { excess } else { 0.0 })
}

/// Each product is rounded, then they are summed.
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    sum(x.iter().zip(y).map(|(x, y)| x * y))
}

/// One row.
pub fn softmax(x: &mut [f32]) {
    let top = x.iter().fold(f32::NEG_INFINITY, |top, x| if top < *x { *x } else { top });
    for x in &mut *x {
        *x = math::exp(Scalar, *x - top);
    }
    let total = sum(x.iter().copied());
    for x in x {
        *x /= total;
    }
}

/// One row.
pub fn softmax_grad(y: &[f32], dy: &mut [f32]) {
    let inner = dot(y, dy);
    for (y, dy) in y.iter().zip(dy) {
        *dy = y * (*dy - inner);
    }
}

fn sigmoid_grad(y: f32, d: f32) -> f32 {
    d * (y * (1.0 - y))
}

fn tanh_grad(y: f32, d: f32) -> f32 {
    let square = y * y;
    d * (1.0 - square)
}

/// One row. The columns of the gates are z, r, c, for the inputs in `a` and for the state in `b`.
pub fn gru(u: usize, a: &mut [f32], b: &mut [f32], h: &mut [f32]) {
    for j in 0..u {
        let z = math::sigmoid(Scalar, a[j] + b[j]);
        let r = math::sigmoid(Scalar, a[u + j] + b[u + j]);
        let reset = r * b[2 * u + j];
        let c = math::tanh(Scalar, reset + a[2 * u + j]);
        (a[j], a[u + j], a[2 * u + j]) = (z, r, c);
        let (old, new) = (z * h[j], (1.0 - z) * c);
        h[j] = old + new;
    }
}

/// One row.
pub fn gru_grad(u: usize, a: &mut [f32], b: &mut [f32], before: &[f32], dh: &mut [f32]) {
    for j in 0..u {
        let (z, r, c, d) = (a[j], a[u + j], a[2 * u + j], dh[j]);
        let dz = sigmoid_grad(z, d * (before[j] - c));
        let dc = tanh_grad(c, d * (1.0 - z));
        let dr = sigmoid_grad(r, dc * b[2 * u + j]);
        (a[j], a[u + j], a[2 * u + j]) = (dz, dr, dc);
        (b[j], b[u + j], b[2 * u + j]) = (dz, dr, dc * r);
        dh[j] = d * z;
    }
}

/// One row. The columns of the gates are i, f, g, o. `kept` gets the old cell and tanh of the new
/// one.
pub fn lstm(u: usize, a: &mut [f32], kept: &mut [f32], h: &mut [f32], c: &mut [f32]) {
    for j in 0..u {
        let (i, f) = (math::sigmoid(Scalar, a[j]), math::sigmoid(Scalar, a[u + j]));
        let (g, o) = (math::tanh(Scalar, a[2 * u + j]), math::sigmoid(Scalar, a[3 * u + j]));
        (a[j], a[u + j], a[2 * u + j], a[3 * u + j]) = (i, f, g, o);
        kept[j] = c[j];
        let (old, new) = (f * c[j], i * g);
        c[j] = old + new;
        kept[u + j] = math::tanh(Scalar, c[j]);
        h[j] = o * kept[u + j];
    }
}

/// One row.
pub fn lstm_grad(u: usize, a: &mut [f32], kept: &[f32], dh: &[f32], dc: &mut [f32]) {
    for j in 0..u {
        let (i, f, g, o) = (a[j], a[u + j], a[2 * u + j], a[3 * u + j]);
        let (before, t, d) = (kept[j], kept[u + j], dh[j]);
        let through = tanh_grad(t, d * o);
        let cell = through + dc[j];
        a[j] = sigmoid_grad(i, cell * g);
        a[u + j] = sigmoid_grad(f, cell * before);
        a[2 * u + j] = tanh_grad(g, cell * i);
        a[3 * u + j] = sigmoid_grad(o, d * t);
        dc[j] = cell * f;
    }
}

/// 1 / √(variance + ε)
fn rsqrt(epsilon: f32, variance: f32) -> f32 {
    let padded = variance + epsilon;
    1.0 / padded.sqrt()
}

/// Replaces an infinity by NaN.
fn finite(variance: f32) -> f32 {
    if variance.is_finite() { variance } else { f32::NAN }
}

/// A sum and its rounding error.
fn pair_of(a: f32, b: f32) -> (f32, f32) {
    let sum = a + b;
    let b1 = sum - a;
    (sum, (a - (sum - b1)) + (b - b1))
}

/// Adds four terms at a time from zero upward, and these sums with compensation.
fn down(terms: impl Iterator<Item = f32>) -> f32 {
    let terms: Vec<f32> = terms.collect();
    let blocks = terms.chunks(4).map(|block| block.iter().fold(0.0, |sum, x| sum + x));
    blocks.fold((0.0, 0.0), |(sum, excess), x| compensated(sum, excess, x)).0
}

/// Mean, its rounding error and variance of each of `n` columns, over the rows in order.
pub fn moments(n: usize, x: &[f32]) -> [Vec<f32>; 3] {
    let m = (x.len() / n) as f32;
    let [mut means, mut rests, mut variances] = [const { Vec::new() }; 3];
    for j in 0..n {
        let column = || x.iter().skip(j).step_by(n);
        let near = down(column().copied()) / m;
        let (mean, rest) = pair_of(near, down(column().map(|x| x - near)) / m);
        let square = |x: &f32| {
            let d = (x - mean) - rest;
            d * d
        };
        means.push(mean);
        rests.push(rest);
        variances.push(finite(down(column().map(square)) / m));
    }
    [means, rests, variances]
}

/// Normalizes columns by their own moments.
pub fn batch_own(
    n: usize,
    epsilon: f32,
    x: &[f32],
    [mean, rest, variance]: [&[f32]; 3],
    gamma: &[f32],
    beta: &[f32],
) -> Vec<f32> {
    let scaled = |i: usize| {
        let j = i % n;
        let product = ((x[i] - mean[j]) - rest[j]) * (gamma[j] * rsqrt(epsilon, variance[j]));
        product + beta[j]
    };
    (0..x.len()).map(scaled).collect()
}

/// Normalizes columns by the given moments.
pub fn batch(
    n: usize,
    epsilon: f32,
    x: &[f32],
    mean: &[f32],
    variance: &[f32],
    gamma: &[f32],
    beta: &[f32],
) -> Vec<f32> {
    x.iter()
        .enumerate()
        .map(|(i, x)| {
            let j = i % n;
            let scale = gamma[j] * rsqrt(epsilon, variance[j]);
            let scaled = (x - mean[j]) * scale;
            scaled + beta[j]
        })
        .collect()
}

/// dγ, dβ and dx of one batch after the other.
pub fn batch_grad(
    n: usize,
    epsilon: f32,
    x: &[f32],
    [mean, rest, variance]: [&[f32]; 3],
    gamma: &[f32],
    dy: &[f32],
) -> [Vec<f32>; 3] {
    let m = (x.len() / n) as f32;
    let x_hat = |i: usize| ((x[i] - mean[i % n]) - rest[i % n]) * rsqrt(epsilon, variance[i % n]);
    let (mut dgamma, mut dbeta) = (vec![0.0; n], vec![0.0; n]);
    for (i, dy) in dy.iter().enumerate() {
        let product = dy * x_hat(i);
        dgamma[i % n] += product;
        dbeta[i % n] += dy;
    }
    let dx = (0..x.len()).map(|i| {
        let j = i % n;
        let product = x_hat(i) * (dgamma[j] / m);
        (gamma[j] * rsqrt(epsilon, variance[j])) * ((dy[i] - dbeta[j] / m) - product)
    });
    let dx = dx.collect();
    [dgamma, dbeta, dx]
}

/// Mean, its rounding error, variance and outputs of each row.
pub fn layer(n: usize, epsilon: f32, x: &[f32], gamma: &[f32], beta: &[f32]) -> [Vec<f32>; 4] {
    let [mut means, mut rests, mut variances, mut y] = [const { Vec::new() }; 4];
    for row in x.chunks_exact(n) {
        let near = sum(row.iter().copied()) / n as f32;
        let (mean, rest) = pair_of(near, sum(row.iter().map(|x| x - near)) / n as f32);
        let square = |x: &f32| {
            let d = (x - mean) - rest;
            d * d
        };
        let variance = finite(sum(row.iter().map(square)) / n as f32);
        y.extend(row.iter().enumerate().map(|(j, x)| {
            let scaled = (((x - mean) - rest) * rsqrt(epsilon, variance)) * gamma[j];
            scaled + beta[j]
        }));
        means.push(mean);
        rests.push(rest);
        variances.push(variance);
    }
    [means, rests, variances, y]
}

/// dγ, dβ and dx of rows with the given statistics.
pub fn layer_grad(
    n: usize,
    epsilon: f32,
    x: &[f32],
    [mean, rest, variance]: [&[f32]; 3],
    gamma: &[f32],
    dy: &[f32],
) -> [Vec<f32>; 3] {
    let (mut dgamma, mut dbeta, mut dx) = (vec![0.0; n], vec![0.0; n], Vec::new());
    for (i, (x, dy)) in x.chunks_exact(n).zip(dy.chunks_exact(n)).enumerate() {
        let r = rsqrt(epsilon, variance[i]);
        let hat: Vec<f32> = x.iter().map(|x| ((x - mean[i]) - rest[i]) * r).collect();
        let g: Vec<f32> = dy.iter().zip(gamma).map(|(dy, gamma)| dy * gamma).collect();
        let (total, inner) = (sum(g.iter().copied()) / n as f32, dot(&g, &hat) / n as f32);
        for j in 0..n {
            let product = hat[j] * inner;
            dx.push(r * ((g[j] - total) - product));
            let product = dy[j] * hat[j];
            dgamma[j] += product;
            dbeta[j] += dy[j];
        }
    }
    [dgamma, dbeta, dx]
}

/// Moving values after one batch.
pub fn moving(share: f32, average: &[f32], batch: &[f32]) -> Vec<f32> {
    let toward = |a: f32, b: f32| {
        let by = |share: f32| {
            let (from, to) = (a * share, b * share);
            let way = to - from;
            a + way
        };
        if share == 1.0 {
            b
        } else {
            [by(share), by(0.5)].into_iter().find(|x| *x != a).unwrap_or(b)
        }
    };
    average.iter().zip(batch).map(|(a, b)| toward(*a, *b)).collect()
}
