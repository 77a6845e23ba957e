//! Adam: adaptive moments.

use super::{
    Optimizer, ZeroState, at_least, at_least_zero, below_one, counted_steps, decayed, defaults,
    learning_rate,
};
use crate::error::Result;
use rosenblatt_kernels::{
    F32Array, Simd, math,
    optimizer::{self, AdamStep},
    persist, zero_bits,
};

/// Adam: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − α·m / (√v + ε), α = lr_t·√(1 − β₂ᵗ) /
/// (1 − β₁ᵗ). Kingma and Ba, 2015, in Keras' form.
///
/// In m and v, 1 − β is that of the decimal number β, with the value that Keras computes in f64. In
/// α it is that of the f32 number, as in Keras. 1 − βᵗ is within 1 ulp for every t and β. For a
/// gradient of 2⁶³ or more see [`optimizer`](super).
///
/// ```
/// use rosenblatt::prelude::*;
/// let adam = Adam { beta1: 0.8, ..Adam::with_lr(0.01) };
/// assert_eq!((adam.lr, adam.beta2, adam.epsilon), (0.01, 0.999, 1e-8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adam {
    /// Learning rate
    pub lr: f32,
    /// Decay of the first moment, β₁
    pub beta1: f32,
    /// Decay of the second moment, β₂
    pub beta2: f32,
    /// Added to the root of the second moment, ε. It is at least 1e-15, so that it outweighs a
    /// second moment that is too small for f32
    pub epsilon: f32,
    /// How fast the learning rate falls: lr_t = lr / (1 + decay·(t − 1))
    pub decay: f32,
}

impl Adam {
    /// The defaults of the lecture and of the paper: lr 0.001, β₁ 0.9, β₂ 0.999, ε 1e-8, no decay.
    /// (Keras: ε 1e-7.)
    pub const DEFAULT: Self =
        Self { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0 };
}

defaults!(Adam);
persist!([] Adam = "adam": { lr: f32, beta1: f32, beta2: f32, epsilon: f32, decay: f32 });

impl Optimizer for Adam {
    type State<P: F32Array> = AdamState<P>;

    #[inline(always)]
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut AdamState<P>, w: &mut P, dw: &P) {
        let (m, v, step, _) = state.next(self);
        optimizer::adam_on(s, step, w.as_flat_mut(), m, v, dw.as_flat());
    }

    #[inline(always)]
    fn look_ahead<P: F32Array>(&self, state: &mut AdamState<P>) {
        state.look_ahead(self);
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        below_one("beta1", self.beta1)?;
        below_one("beta2", self.beta2)?;
        at_least("epsilon", self.epsilon, 1e-15, "a finite number of at least 1e-15")?;
        at_least_zero("decay", self.decay)
    }

    learning_rate!();
    counted_steps!();
}

/// The moments, and 1 − β₁ᵗ and 1 − β₂ᵗ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamState<P> {
    m: P,
    v: P,
    rest1: Complement,
    rest2: Complement,
    pub(super) t: u32,
    /// α of the step that has begun; 0 once its update is done. After a rejected step it stays
    /// until the next [`Optimizer::look_ahead`]
    ahead: [f32; AHEAD],
}

/// A chip computes one thing after the other: α early would only take memory.
const AHEAD: usize = if cfg!(target_os = "none") { 0 } else { 1 };

zero_bits!([P: F32Array] AdamState<P>: { m, v, rest1, rest2, t, ahead });
persist!([P: F32Array] AdamState<P> = "moments":
    values { m: P, v: P } { rest1: Complement, rest2: Complement, t: u32 } skip { ahead });

impl<P: F32Array> ZeroState for AdamState<P> {
    const ZERO: Self = Self {
        m: P::ZERO,
        v: P::ZERO,
        rest1: Complement::ZERO,
        rest2: Complement::ZERO,
        t: 0,
        ahead: [0.0; AHEAD],
    };

    fn set_zero(&mut self) {
        self.m.as_flat_mut().fill(0.0);
        self.v.as_flat_mut().fill(0.0);
        (self.rest1, self.rest2, self.t) = (Complement::ZERO, Complement::ZERO, 0);
        self.ahead = [0.0; AHEAD];
    }
}

impl<P: F32Array> AdamState<P> {
    /// Counts a step. Returns the moments, their factors and lr_t.
    #[inline(always)]
    pub(super) fn next(&mut self, adam: &Adam) -> (&mut [f32], &mut [f32], AdamStep, f32) {
        let &Adam { lr, beta1, beta2, epsilon, decay } = adam;
        self.t = self.t.saturating_add(1);
        let (rest1, rest2) = (self.rest1.next(beta1), self.rest2.next(beta2));
        let lr = decayed(lr, decay, self.t);
        let alpha = match core::mem::replace(&mut self.ahead, [0.0; AHEAD]).as_slice() {
            [alpha, ..] if *alpha > 0.0 => *alpha,
            [_, ..] => alpha_now(lr, rest1, rest2),
            [] => alpha(lr, rest1, rest2),
        };
        (self.m.as_flat_mut(), self.v.as_flat_mut(), AdamStep { alpha, beta1, beta2, epsilon }, lr)
    }

    /// Computes α of the next step.
    #[inline(always)]
    pub(super) fn look_ahead(&mut self, adam: &Adam) {
        if let [ahead, ..] = self.ahead.as_mut_slice() {
            let (mut rest1, mut rest2) = (self.rest1, self.rest2);
            let (rest1, rest2) = (rest1.next(adam.beta1), rest2.next(adam.beta2));
            *ahead = alpha(decayed(adam.lr, adam.decay, self.t.saturating_add(1)), rest1, rest2);
        }
    }
}

/// lr·√(1 − β₂ᵗ) / (1 − β₁ᵗ)
#[inline(always)]
fn alpha(lr: f32, rest1: f32, rest2: f32) -> f32 {
    lr * math::sqrt(rest2) / rest1
}

/// [`alpha`] where it was not computed early. A call: in place the early α would wait for it.
#[cold]
#[inline(never)]
fn alpha_now(lr: f32, rest1: f32, rest2: f32) -> f32 {
    alpha(lr, rest1, rest2)
}

/// 1 − βᵗ in units of 2⁻⁶⁴, as an upper and a lower half. It is 0 before the first step, so that
/// the state starts at zero bits.
///
/// A recurrence in f32 would be off in the third digit near β = 1, and its limit would be less than
/// one. Here a step loses at most 2⁻⁶³, and the result is within 1 ulp for every t and every β in
/// [0, 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Complement {
    high: u32,
    low: u32,
}

zero_bits!([] Complement: { high, low });
persist!([] Complement = "complement": { high: u32, low: u32 });

impl Complement {
    const ZERO: Self = Self { high: 0, low: 0 };

    /// Advances by one step: returns 1 − βᵗ⁺¹, rounded.
    #[inline(always)]
    fn next(&mut self, beta: f32) -> f32 {
        self.times(fraction(beta))
    }

    /// The step for a β in units of 2⁻³². On a chip both moments share one copy of the code.
    #[cfg_attr(target_os = "none", inline(never))]
    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn times(&mut self, beta: u32) -> f32 {
        let (high, low) = (u64::from(!self.high), u64::from(!self.low));
        let beta = u64::from(beta);
        // βᵗ·β: the upper 64 of 96 bits.
        let power = high * beta + ((low * beta) >> 32);
        let rest = !power;
        *self = Self { high: (rest >> 32) as u32, low: rest as u32 };
        self.value()
    }

    /// The number, rounded to an f32. It is at least 2⁻²⁴ after a step.
    #[inline(always)]
    fn value(self) -> f32 {
        const SHARE: f32 = 1.0 / 4_294_967_296.0;
        // If the upper half is rounded, the lower one is too small to matter.
        (self.low as f32 * SHARE + self.high as f32) * SHARE
    }
}

/// β in [0, 1) in units of 2⁻³², rounded down.
#[inline(always)]
fn fraction(beta: f32) -> u32 {
    let bits = beta.to_bits();
    let digits = (bits << 8) | 1 << 31;
    digits.checked_shr(126u32.wrapping_sub(bits >> 23)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Complement;

    /// The greatest error in ulp over the first steps, the powers of two and some others up to
    /// `steps`.
    fn worst(beta: f32, steps: u32) -> f64 {
        let (mut c, mut worst) = (Complement::ZERO, 0f64);
        // ln β = ln(1 − (1 − β)); 1 − β is exact in f64.
        let ln = (-(1.0 - f64::from(beta))).ln_1p();
        for t in 1..=steps {
            let got = c.next(beta);
            if t < 3000 || t.is_power_of_two() || t % 10_007 == 0 {
                let exact = -(f64::from(t) * ln).exp_m1();
                let ulp = f64::from((exact as f32).next_up()) - f64::from(exact as f32);
                worst = worst.max((f64::from(got) - exact).abs() / ulp);
            }
        }
        worst
    }

    #[test]
    fn within_one_ulp_for_every_beta() {
        let betas = [
            0.0, 1e-40, 1e-20, 1e-9, 3e-5, 0.01, 0.1, 0.3, 0.49999997, 0.5, 0.7, 0.9, 0.99, 0.999,
            0.9999, 0.99999, 0.999999,
        ];
        for beta in betas {
            let off = worst(beta, 300_000);
            assert!(off <= 1.0, "{beta}: {off} ulp");
        }
        for bits in (0..0x3f80_0000u32).step_by(0x1_2345) {
            let off = worst(f32::from_bits(bits), 64);
            assert!(off <= 1.0, "{bits:#x}: {off} ulp");
        }
    }

    #[test]
    fn within_one_ulp_for_the_greatest_beta_and_many_steps() {
        let off = worst(1f32.next_down(), 40_000_000);
        assert!(off <= 1.0, "{off} ulp");
    }

    #[test]
    fn it_ends_at_one() {
        for beta in [0.0, 0.9, 0.999, 0.999999] {
            let mut c = Complement::ZERO;
            let last = (0..40_000_000).fold(0.0, |_, _| c.next(beta));
            assert_eq!(last, 1.0, "{beta}");
        }
    }
}
