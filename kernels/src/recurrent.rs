//! The gates of recurrent cells: what happens between the matrix products of one step, forward and backward.
//!
//! The formulas are Keras' `GRU` (with `reset_after`) and `LSTM`. Rows are samples; lanes run over the units of a row, so that each value is computed
//! by itself: the same bits on every backend, alone and in a batch. σ and tanh are those of [`crate::activation`]. The shortest slice says how many
//! rows there are.

use crate::{
    activation::{MapGrad, Sigmoid, Tanh},
    bodies::Bodies,
    lanes::{each, get, put},
    math,
    simd::Simd,
};

/// Kernels over rows of gates: the body, which the backends compile once ([`Bodies`](crate::bodies::Bodies)), and a public function on arrays, which runs it in
/// place or calls it.
///
/// In the body each argument is a pointer to unit `j` of the current row; a row of it has `width` registers' worth of units, `u` apart.
macro_rules! cells {
    ($(
        $(#[$doc:meta])*
        $name:ident = $rows:ident($s:ident, $u:ident, $part:ident; $($x:ident: $row:ty = $gates:literal),*) $body:block
    )*) => {$(
        /// # Safety
        /// Each pointer must be good for reading and writing `m` rows of as many values as its type says.
        #[inline(always)]
        pub(crate) unsafe fn $rows<S: Simd>($s: S, m: usize, $u: usize, $($x: *mut f32),*) {
            for i in 0..m {
                each(
                    $s,
                    $u,
                    #[inline(always)]
                    |j, $part| {
                        // SAFETY: row i < m, and `each` stays below the u units of each of its gates.
                        unsafe {
                            $(let $x = $x.add(i * $gates * $u + j);)*
                            $body
                        }
                    },
                );
            }
        }
        $(#[$doc])*
        #[inline(always)]
        pub fn $name<S: Simd, const U: usize>($s: S, $($x: &mut [$row]),*) {
            let m = usize::MAX$(.min($x.len()))*;
            $(let $x = $x.as_mut_ptr().cast::<f32>();)*
            // SAFETY: the types say what a row holds, and no slice has fewer than m.
            unsafe {
                if const { S::INLINE == 0 } {
                    $s.shared().$name(m, U, $($x),*);
                } else {
                    $rows($s, m, U, $($x),*);
                }
            }
        }
    )*};
}

cells! {
    /// A GRU's step: h ← z·h + (1 − z)·c with z = σ(a₀ + b₀), r = σ(a₁ + b₁), c = tanh(a₂ + r·b₂)
    ///
    /// `a` is what comes from the inputs (x·w and its bias), `b` what comes from the state (h·u and its bias), each as the columns z, r, c. Afterwards
    /// `a` holds z, r and c. Cho and others, 2014; the reset gate is applied after the product, as cuDNN and Keras (`reset_after`) do.
    gru = gru_rows(s, u, part; a: [[f32; U]; 3] = 3, b: [[f32; U]; 3] = 3, h: [f32; U] = 1) {
        let z = math::sigmoid(s, s.add(get(s, a, part), get(s, b, part)));
        let r = math::sigmoid(s, s.add(get(s, a.add(u), part), get(s, b.add(u), part)));
        let c = math::tanh(s, s.mul_add(r, get(s, b.add(2 * u), part), get(s, a.add(2 * u), part)));
        put(s, a, part, z);
        put(s, a.add(u), part, r);
        put(s, a.add(2 * u), part, c);
        let fresh = s.mul(s.sub(s.splat(1.0), z), c);
        put(s, h, part, s.mul_add(z, get(s, h, part), fresh));
    }

    /// A GRU's step backward, from dh, the gradient by the state after it.
    ///
    /// `a` holds z, r, c and `b` what [`gru`](fn@gru) was given; `before` is the state before the step. Afterwards `a` is the gradient by `a`, `b` that
    /// by `b`, and dh what reaches the state before without a product: dh·z.
    gru_grad = gru_grad_rows(s, u, part; a: [[f32; U]; 3] = 3, b: [[f32; U]; 3] = 3, before: [f32; U] = 1, dh: [f32; U] = 1) {
        let (z, r, c) = (get(s, a, part), get(s, a.add(u), part), get(s, a.add(2 * u), part));
        let d = get(s, dh, part);
        let dz = Sigmoid::df(s, z, s.mul(d, s.sub(get(s, before, part), c)));
        let dc = Tanh::df(s, c, s.mul(d, s.sub(s.splat(1.0), z)));
        let dr = Sigmoid::df(s, r, s.mul(dc, get(s, b.add(2 * u), part)));
        put(s, a, part, dz);
        put(s, a.add(u), part, dr);
        put(s, a.add(2 * u), part, dc);
        put(s, b, part, dz);
        put(s, b.add(u), part, dr);
        put(s, b.add(2 * u), part, s.mul(dc, r));
        put(s, dh, part, s.mul(d, z));
    }

    /// An LSTM's step: c ← f·c + i·g, h ← o·tanh c with i = σ(a₀), f = σ(a₁), g = tanh(a₂), o = σ(a₃)
    ///
    /// `a` is x·w + b + h·u as the columns i, f, g, o. Afterwards `a` holds i, f, g and o, and `kept` the c before and the tanh of the c after.
    /// Hochreiter and Schmidhuber, 1997; Gers and others, 2000, for the forget gate.
    lstm = lstm_rows(s, u, part; a: [[f32; U]; 4] = 4, kept: [[f32; U]; 2] = 2, h: [f32; U] = 1, c: [f32; U] = 1) {
        let i = math::sigmoid(s, get(s, a, part));
        let f = math::sigmoid(s, get(s, a.add(u), part));
        let g = math::tanh(s, get(s, a.add(2 * u), part));
        let o = math::sigmoid(s, get(s, a.add(3 * u), part));
        put(s, a, part, i);
        put(s, a.add(u), part, f);
        put(s, a.add(2 * u), part, g);
        put(s, a.add(3 * u), part, o);
        let before = get(s, c, part);
        let after = s.mul_add(f, before, s.mul(i, g));
        let t = math::tanh(s, after);
        put(s, kept, part, before);
        put(s, kept.add(u), part, t);
        put(s, c, part, after);
        put(s, h, part, s.mul(o, t));
    }

    /// An LSTM's step backward, from dh and dc, the gradients by the state and the cell after it.
    ///
    /// `a` and `kept` hold what [`lstm`](fn@lstm) left there. Afterwards `a` is the gradient by `a`, and dc that by the cell before: dc′·f with
    /// dc′ = (dh·o)·(1 − t²) + dc, t = tanh c.
    lstm_grad = lstm_grad_rows(s, u, part; a: [[f32; U]; 4] = 4, kept: [[f32; U]; 2] = 2, dh: [f32; U] = 1, dc: [f32; U] = 1) {
        let (i, f) = (get(s, a, part), get(s, a.add(u), part));
        let (g, o) = (get(s, a.add(2 * u), part), get(s, a.add(3 * u), part));
        let (before, t) = (get(s, kept, part), get(s, kept.add(u), part));
        let d = get(s, dh, part);
        let cell = s.add(Tanh::df(s, t, s.mul(d, o)), get(s, dc, part));
        put(s, a, part, Sigmoid::df(s, i, s.mul(cell, g)));
        put(s, a.add(u), part, Sigmoid::df(s, f, s.mul(cell, before)));
        put(s, a.add(2 * u), part, Tanh::df(s, g, s.mul(cell, i)));
        put(s, a.add(3 * u), part, Sigmoid::df(s, o, s.mul(d, t)));
        put(s, dc, part, s.mul(cell, f));
    }
}
