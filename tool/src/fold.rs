//! Batch normalizations folded into the layers before them: fewer layers, the same outputs but for
//! rounding.

use crate::model::{Activation, Kind, Layer, Model, Problems};
use anyhow::Result;

/// Folds every batch normalization into the dense layer or convolution before it, and an activation
/// behind it too.
///
/// With s = γ / √(variance + ε): w′ = w·s and b′ = (b − mean)·s + β, each computed in f64 and
/// rounded once.
/// # Errors
/// Names all that cannot be folded: those that do not stand behind a layer with weights and without
/// an activation.
pub fn fold(model: &Model) -> Result<Model> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut problems = Problems::default();
    let mut folded = false;
    for layer in &model.layers {
        match (&layer.kind, layers.last_mut()) {
            (Kind::BatchNorm { epsilon, .. }, Some(before)) if takes(&before.kind) => {
                scale(before, layer, *epsilon);
                folded = true;
            }
            (Kind::BatchNorm { .. }, before) => {
                let name = &layer.name;
                problems.add(match before {
                    Some(before) => format!(
                        "layer {name:?} is not folded: the layer before it ({:?}) is no dense layer \
                         or convolution without an activation",
                        before.name
                    ),
                    None => format!("layer {name:?} is not folded: there is no layer before it"),
                });
            }
            (Kind::Activate(f), Some(before)) if folded && takes(&before.kind) => {
                let (Kind::Dense(to) | Kind::Conv2d(_, to) | Kind::Conv1d(_, to)) =
                    &mut before.kind
                else {
                    continue;
                };
                *to = *f;
                folded = false;
            }
            _ => {
                layers.push(layer.clone());
                folded = false;
            }
        }
    }
    problems.check()?;
    let model = Model { layers };
    model.check_finite()?;
    Ok(model)
}

const fn takes(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Dense(Activation::Linear)
            | Kind::Conv2d(_, Activation::Linear)
            | Kind::Conv1d(_, Activation::Linear)
    )
}

fn scale(before: &mut Layer, norm: &Layer, epsilon: f32) {
    let channels = norm.output.last().copied().unwrap_or(1);
    let (gamma, beta) = norm.params.split_at(channels);
    let (mean, variance) = norm.buffers.split_at(channels);
    let factor =
        |c: usize| f64::from(gamma[c]) / (f64::from(variance[c]) + f64::from(epsilon)).sqrt();
    let weights = before.params.len() - channels;
    let (w, b) = before.params.split_at_mut(weights);
    // The kernel's last axis is that of the channels.
    for (i, w) in w.iter_mut().enumerate() {
        *w = (f64::from(*w) * factor(i % channels)) as f32;
    }
    for (c, b) in b.iter_mut().enumerate() {
        *b = ((f64::from(*b) - f64::from(mean[c])) * factor(c) + f64::from(beta[c])) as f32;
    }
}
