//! The numeric contract in plain loops: the bits that every kernel must produce, written down without lanes, tiles or blocks.

use rosenblatt_kernels::{arch::scalar::Scalar, math};

/// Every output starts at its bias and adds over the inputs from 0 upward.
pub fn gemm(m: usize, k: usize, n: usize, x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    for i in 0..m {
        let y = &mut y[i * n..][..n];
        y.copy_from_slice(b);
        for p in 0..k {
            add_scaled(x[i * k + p], &w[p * n..][..n], y);
        }
    }
}

/// Every weight starts at zero or at itself and adds over the samples from 0 upward.
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

/// Every input starts at zero and adds over the outputs from 0 upward.
pub fn gemm_nt(m: usize, k: usize, n: usize, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    for i in 0..m {
        for p in 0..k {
            let mut sum = 0.0;
            for j in 0..n {
                let product = dy[i * n + j] * w[p * n + j];
                sum += product;
            }
            dx[i * k + p] = sum;
        }
    }
}

/// y ← a·x + y, the product rounded, then the sum.
pub fn add_scaled(a: f32, x: &[f32], y: &mut [f32]) {
    for (x, y) in x.iter().zip(y) {
        let product = a * x;
        *y += product;
    }
}

/// Sixteen lanes, index mod 16, each from zero upward; then by halves.
pub fn sum(terms: impl Iterator<Item = f32>) -> f32 {
    let mut lanes = [0.0; 16];
    for (i, term) in terms.enumerate() {
        lanes[i % 16] += term;
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

/// Each product rounded, then summed.
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
