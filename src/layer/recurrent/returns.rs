//! What a recurrent layer gives: the last state, or all of them.

use rosenblatt_kernels::Plain;

/// Keras' `return_sequences`, as a type: [`Last`] or [`All`].
pub trait Returns: 'static {
    /// What goes out of `T` states `H`.
    type Output<H: Plain, const T: usize>: Plain;

    /// Takes the states after step `t` into the outputs, if they belong there.
    fn put<H: Plain, const T: usize>(t: usize, h: &[H], y: &mut [Self::Output<H, T>]);

    /// dh ← dh + the gradient by the outputs of step `t`, where there are any.
    fn add_grad<const U: usize, const T: usize>(t: usize, dy: &[Self::Output<[f32; U], T>], dh: &mut [[f32; U]]);
}

/// The state after the last step; `return_sequences=False`.
#[derive(Clone, Copy, Debug)]
pub struct Last;

/// The states after all steps; `return_sequences=True`.
#[derive(Clone, Copy, Debug)]
pub struct All;

impl Returns for Last {
    type Output<H: Plain, const T: usize> = H;

    #[inline(always)]
    fn put<H: Plain, const T: usize>(t: usize, h: &[H], y: &mut [H]) {
        if t + 1 == T {
            super::copy(h, y);
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
    type Output<H: Plain, const T: usize> = [H; T];

    #[inline(always)]
    fn put<H: Plain, const T: usize>(t: usize, h: &[H], y: &mut [[H; T]]) {
        super::place(h, t, y);
    }

    #[inline(always)]
    fn add_grad<const U: usize, const T: usize>(t: usize, dy: &[[[f32; U]; T]], dh: &mut [[f32; U]]) {
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
