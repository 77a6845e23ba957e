//! The output of a recurrent layer: the last state, or all states.

use rosenblatt_kernels::{F32Array, array::copy_rows};

/// Keras' `return_sequences`, as a type: [`Last`] or [`All`].
pub trait Returns: 'static {
    /// The output type for `T` states `H`.
    type Output<H: F32Array, const T: usize>: F32Array;

    /// Copies the states after step `t` to the outputs, if they are part of the output.
    fn put<H: F32Array, const T: usize>(t: usize, h: &[H], y: &mut [Self::Output<H, T>]);

    /// dh ← dh + the gradient by the outputs of step `t`, if it has outputs.
    fn add_grad<const U: usize, const T: usize>(
        t: usize,
        dy: &[Self::Output<[f32; U], T>],
        dh: &mut [[f32; U]],
    );
}

/// The state after the last step: `return_sequences=False`.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Last;
/// let net = Mlp::<(Rnn<1, 2, 3, Tanh, Last>,)>::ZERO;
/// assert_eq!(net.predict(&[[1.0]; 3]), [0.0; 2]); // zero weights
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Last;

/// The states after all steps: `return_sequences=True`.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::All;
/// let (last, all) = (Mlp::<(Rnn<1, 2, 3>,)>::ZERO, Mlp::<(Rnn<1, 2, 3, Tanh, All>,)>::ZERO);
/// assert_eq!(last.predict(&[[1.0]; 3]), [0.0; 2]); // zero weights
/// assert_eq!(all.predict(&[[1.0]; 3]), [[0.0; 2]; 3]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct All;

impl Returns for Last {
    type Output<H: F32Array, const T: usize> = H;

    #[inline(always)]
    fn put<H: F32Array, const T: usize>(t: usize, h: &[H], y: &mut [H]) {
        if t + 1 == T {
            copy_rows(h, y);
        }
    }

    #[inline(always)]
    fn add_grad<const U: usize, const T: usize>(t: usize, dy: &[[f32; U]], dh: &mut [[f32; U]]) {
        if t + 1 == T {
            dy.iter().zip(dh).for_each(|(dy, dh)| add(dy, dh));
        }
    }
}

impl Returns for All {
    type Output<H: F32Array, const T: usize> = [H; T];

    #[inline(always)]
    fn put<H: F32Array, const T: usize>(t: usize, h: &[H], y: &mut [[H; T]]) {
        super::place(h, t, y);
    }

    #[inline(always)]
    fn add_grad<const U: usize, const T: usize>(
        t: usize,
        dy: &[[[f32; U]; T]],
        dh: &mut [[f32; U]],
    ) {
        dy.iter().zip(dh).for_each(|(dy, dh)| {
            if let Some(dy) = dy.get(t) {
                add(dy, dh);
            }
        });
    }
}

/// dh ← dh + dy
#[inline(always)]
fn add<const U: usize>(dy: &[f32; U], dh: &mut [f32; U]) {
    for (dh, dy) in dh.iter_mut().zip(dy) {
        *dh += dy;
    }
}
