//! The gates of recurrent cells, forward and backward: the part of a step between its matrix
//! products.
//!
//! The formulas are those of Keras' `GRU` (with `reset_after`) and `LSTM`. Rows are samples. Lanes
//! run over the units of a row, so each value is computed independently: the same bits on every
//! backend, alone and in a batch. σ and tanh are those of [`crate::activation`]. The number of rows
//! is that of the shortest slice.

use crate::{
    activation::{MapGrad, Sigmoid, Tanh},
    math,
    simd::{Bodies, Simd},
    walk::{for_each_register, load, store},
};

/// Kernels over rows of gates. Each has a body, which the backends compile once
/// ([`Bodies`](crate::bodies::Bodies)), and a public function on arrays, which compiles it in place
/// or calls it.
///
/// In the body each argument is a pointer to unit `j` of the current row. A row has the given
/// number of gates, `u` units each.
macro_rules! cells {
    ($(
        $(#[$doc:meta])*
        $name:ident = $rows:ident(
            $s:ident, $u:ident, $part:ident; $($x:ident: $row:ty = $gates:literal),*
        ) $body:block
    )*) => {$(
        /// # Safety
        /// Each pointer must be valid for reading and writing `m` rows of `$gates·u` values.
        #[inline(always)]
        pub(crate) unsafe fn $rows<S: Simd>($s: S, m: usize, $u: usize, $($x: *mut f32),*) {
            for i in 0..m {
                for_each_register(
                    $s,
                    $u,
                    #[inline(always)]
                    |j, $part| {
                        // SAFETY: row i < m, and `for_each_register` stays below the u units of
                        // each of its gates.
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
            // SAFETY: a row has the values of its type, and no slice has fewer than m rows.
            unsafe {
                if const { S::INLINE_MAX == 0 } {
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
    /// `a` is x·w and its bias, `b` is h·u and its bias, each as the columns z, r, c. Afterwards
    /// `a` holds z, r and c. Cho et al., 2014. The reset gate is applied after the product, as in
    /// cuDNN and Keras (`reset_after`).
    gru = gru_rows(s, u, part; a: [[f32; U]; 3] = 3, b: [[f32; U]; 3] = 3, h: [f32; U] = 1) {
        let z = math::sigmoid(s, s.add(load(s, a, part), load(s, b, part)));
        let r = math::sigmoid(s, s.add(load(s, a.add(u), part), load(s, b.add(u), part)));
        let c =
            math::tanh(s, s.mul_add(r, load(s, b.add(2 * u), part), load(s, a.add(2 * u), part)));
        store(s, a, part, z);
        store(s, a.add(u), part, r);
        store(s, a.add(2 * u), part, c);
        let fresh = s.mul(s.sub(s.splat(1.0), z), c);
        store(s, h, part, s.mul_add(z, load(s, h, part), fresh));
    }

    /// A GRU's step backward. dh is the gradient by the state after the step.
    ///
    /// `a` holds z, r and c. `b` is what [`gru`](fn@gru) was given. `before` is the state h before
    /// the step. Afterwards `a` is the gradient by `a`, `b` the gradient by `b`, and dh the direct
    /// part of the gradient by `before`, without the products with u. Value by value:
    ///
    /// - da₀ = (dh·(h − c))·(z·(1 − z))
    /// - da₂ = (dh·(1 − z))·(1 − c·c)
    /// - da₁ = (da₂·b₂)·(r·(1 − r))
    /// - db = (da₀, da₁, da₂·r)
    /// - dh ← dh·z
    gru_grad = gru_grad_rows(
        s, u, part;
        a: [[f32; U]; 3] = 3, b: [[f32; U]; 3] = 3, before: [f32; U] = 1, dh: [f32; U] = 1
    ) {
        let (z, r, c) = (load(s, a, part), load(s, a.add(u), part), load(s, a.add(2 * u), part));
        let d = load(s, dh, part);
        let dz = Sigmoid::df(s, z, s.mul(d, s.sub(load(s, before, part), c)));
        let dc = Tanh::df(s, c, s.mul(d, s.sub(s.splat(1.0), z)));
        let dr = Sigmoid::df(s, r, s.mul(dc, load(s, b.add(2 * u), part)));
        store(s, a, part, dz);
        store(s, a.add(u), part, dr);
        store(s, a.add(2 * u), part, dc);
        store(s, b, part, dz);
        store(s, b.add(u), part, dr);
        store(s, b.add(2 * u), part, s.mul(dc, r));
        store(s, dh, part, s.mul(d, z));
    }

    /// An LSTM's step: c ← f·c + i·g, h ← o·tanh c with i = σ(a₀), f = σ(a₁), g = tanh(a₂), o =
    /// σ(a₃)
    ///
    /// `a` is x·w + b + h·u as the columns i, f, g, o. Afterwards `a` holds i, f, g and o. `kept`
    /// holds the old c and the tanh of the new c. Hochreiter and Schmidhuber, 1997; forget gate:
    /// Gers et al., 2000.
    lstm = lstm_rows(
        s, u, part;
        a: [[f32; U]; 4] = 4, kept: [[f32; U]; 2] = 2, h: [f32; U] = 1, c: [f32; U] = 1
    ) {
        let i = math::sigmoid(s, load(s, a, part));
        let f = math::sigmoid(s, load(s, a.add(u), part));
        let g = math::tanh(s, load(s, a.add(2 * u), part));
        let o = math::sigmoid(s, load(s, a.add(3 * u), part));
        store(s, a, part, i);
        store(s, a.add(u), part, f);
        store(s, a.add(2 * u), part, g);
        store(s, a.add(3 * u), part, o);
        let before = load(s, c, part);
        let after = s.mul_add(f, before, s.mul(i, g));
        let t = math::tanh(s, after);
        store(s, kept, part, before);
        store(s, kept.add(u), part, t);
        store(s, c, part, after);
        store(s, h, part, s.mul(o, t));
    }

    /// An LSTM's step backward. dh and dc are the gradients by the state and the cell state after
    /// the step.
    ///
    /// `a` and `kept` are what [`lstm`](fn@lstm) left there. Afterwards `a` is the gradient by `a`,
    /// and dc the gradient by the cell state before. Value by value, with c the cell state before,
    /// t the tanh of the cell state after, and e = (dh·o)·(1 − t·t) + dc:
    ///
    /// - da₀ = (e·g)·(i·(1 − i))
    /// - da₁ = (e·c)·(f·(1 − f))
    /// - da₂ = (e·i)·(1 − g·g)
    /// - da₃ = (dh·t)·(o·(1 − o))
    /// - dc ← e·f
    lstm_grad = lstm_grad_rows(
        s, u, part;
        a: [[f32; U]; 4] = 4, kept: [[f32; U]; 2] = 2, dh: [f32; U] = 1, dc: [f32; U] = 1
    ) {
        let (i, f) = (load(s, a, part), load(s, a.add(u), part));
        let (g, o) = (load(s, a.add(2 * u), part), load(s, a.add(3 * u), part));
        let (before, t) = (load(s, kept, part), load(s, kept.add(u), part));
        let d = load(s, dh, part);
        let cell = s.add(Tanh::df(s, t, s.mul(d, o)), load(s, dc, part));
        store(s, a, part, Sigmoid::df(s, i, s.mul(cell, g)));
        store(s, a.add(u), part, Sigmoid::df(s, f, s.mul(cell, before)));
        store(s, a.add(2 * u), part, Tanh::df(s, g, s.mul(cell, i)));
        store(s, a.add(3 * u), part, Sigmoid::df(s, o, s.mul(d, t)));
        store(s, dc, part, s.mul(cell, f));
    }
}
