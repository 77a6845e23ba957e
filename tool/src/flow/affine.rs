//! Products and sums with constants: x·a + b for each channel.
//!
//! Behind a linear layer or a normalization they go into its weights, which rounds those weights
//! once more. Elsewhere they are a batch normalization with the mean 0 and the variance 1 − ε, so
//! that its 1 / √(variance + ε) is exactly 1.

use super::{Flow, LAYERS, Step, View, Waiting};
use crate::model::{Activation, Kind};

/// ε and 1 − momentum of a batch normalization that stands for x·a + b: Keras' defaults.
const DEFAULTS: (f32, f32) = (0.001, 0.01);

/// The most constants that go into layers before. Each of them costs a pass over a layer's weights.
const FOLDS: usize = 8 * LAYERS;

/// The most channels that one number of the file becomes the values of: more memory than the file
/// has.
const CHANNELS: usize = 1 << 16;

/// One number for each of `n` channels.
pub(super) fn repeated(value: f32, n: usize) -> Step<Vec<f32>> {
    if n > CHANNELS {
        return Err(format!("one number for {n} channels; {CHANNELS} at most").into());
    }
    Ok(vec![value; n])
}

impl Flow {
    /// x·constant, or x + constant, where the constant has this shape and is repeated along the
    /// axes on which it is 1.
    pub fn affine(
        &mut self,
        name: &str,
        view: &View,
        product: bool,
        shape: &[usize],
        values: &[f32],
    ) -> Step {
        self.current(view)?;
        let dims = view.dims();
        if shape.len() > dims.len() {
            return Err(format!("a constant {shape:?} with a tensor {dims:?}").into());
        }
        let skip = dims.len() - shape.len();
        let large: Vec<usize> = (0..shape.len()).filter(|axis| shape[*axis] != 1).collect();
        let both = |value: f32| if product { (value, 0.0) } else { (1.0, value) };
        match (&large[..], values) {
            ([], [value]) => {
                let (scale, shift) = both(*value);
                if self.free.is_some() {
                    self.wait(name, Waiting::Affine { scale, shift })?;
                } else {
                    let n = self.shape()?.last().copied().unwrap_or(1);
                    self.affine_values(name, &repeated(scale, n)?, &repeated(shift, n)?)?;
                }
                Ok(view.at(self.state))
            }
            (&[axis], values) if dims[axis + skip] == values.len() => {
                let (mut scale, mut shift): (Vec<_>, Vec<_>) =
                    values.iter().map(|value| both(*value)).unzip();
                let both = vec![&mut scale, &mut shift];
                let view = self.channel_values(name, view, axis + skip, both)?;
                self.affine_values(name, &scale, &shift)?;
                Ok(view.at(self.state))
            }
            _ => Err(format!(
                "a constant {shape:?} with a tensor {dims:?}; one number or one for each channel is \
                 expected"
            )
            .into()),
        }
    }

    /// x·scale + shift over the last axis.
    pub(super) fn affine_values(&mut self, name: &str, scale: &[f32], shift: &[f32]) -> Step<()> {
        let n = scale.len();
        if let Some(layer) = self.builder.layers().last_mut()
            && layer.output.last() == Some(&n)
            && let Kind::Dense(Activation::Linear)
            | Kind::Conv2d(_, Activation::Linear)
            | Kind::Conv1d(_, Activation::Linear)
            | Kind::BatchNorm { .. }
            | Kind::LayerNorm(_) = layer.kind
            && let Some(weights) = layer.params.len().checked_sub(n)
        {
            self.folded += 1;
            if self.folded > FOLDS {
                return Err(format!("more than {FOLDS} products and sums with constants").into());
            }
            let (w, b) = layer.params.split_at_mut(weights);
            for row in w.chunks_mut(n) {
                row.iter_mut().zip(scale).for_each(|(w, scale)| *w *= scale);
            }
            for ((b, scale), shift) in b.iter_mut().zip(scale).zip(shift) {
                *b = *b * scale + shift;
            }
            if layer.params.iter().any(|value| !value.is_finite()) {
                return Err("the weights before, with this constant, are not finite".into());
            }
            self.state += 1;
            return Ok(());
        }
        let (epsilon, share) = DEFAULTS;
        let values = [scale.to_vec(), shift.to_vec(), vec![0.0; n], vec![1.0 - epsilon; n]];
        let values = values.map(|values| (vec![n], values)).into();
        self.push(name, Kind::BatchNorm { epsilon, share }, 0, values)
    }
}
