//! tract: inference of networks that are wired by its API.
//!
//! The other inference library considered is rten. It builds a model from a file's bytes only.

use std::sync::Arc;

use anyhow::Result;
use tract_core::internal::{AxesMapping, DatumType, TValue, Tensor, TypedFact, TypedModel, tvec};
use tract_core::model::{IntoRunnable, SpecialOps, TypedRunnableModel};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math;
use tract_core::ops::nn::{Softmax, SoftmaxKind, sigmoid};

use crate::contender::{Contender, Peer, contender};
use crate::data::{Data, Samples};
use crate::workload::{Kind, Net, SAMPLES, Workload};

struct Tract;

pub fn peer() -> impl Peer {
    Tract
}

impl Peer for Tract {
    fn name(&self) -> &str {
        "tract"
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        match workload.kind {
            Kind::One(net) => infer(net, data.net(net), 1).map(Some),
            Kind::Batch(net) => infer(net, data.net(net), SAMPLES).map(Some),
            _ => Ok(None),
        }
    }
}

/// An inference of `batch` samples.
fn infer(net: &Net, samples: &Samples, batch: usize) -> Result<Box<dyn Contender>> {
    let plan = plan(net, &samples.weights, batch)?;
    let mut checked = plan.spawn()?;
    let mut timed = plan.spawn()?;
    let inputs = samples
        .x
        .chunks_exact(batch * net.inputs)
        .map(|x| Ok(Tensor::from_shape(&[batch, net.inputs], x)?.into()))
        .collect::<Result<Vec<TValue>>>()?;

    let check_inputs = inputs.clone();
    let check = move || {
        let mut outputs = Vec::new();
        for x in &check_inputs {
            let y = checked.run(tvec![x.clone()])?;
            outputs.extend(y[0].to_plain_array_view::<f32>()?);
        }
        Ok(outputs)
    };
    Ok(contender(check, move |i| timed.run(tvec![inputs[i % inputs.len()].clone()])))
}

/// Two dense layers for a fixed number of samples.
fn plan(net: &Net, weights: &[f32], batch: usize) -> Result<Arc<TypedRunnableModel>> {
    let (w1, rest) = weights.split_at(net.inputs * net.hidden);
    let (b1, rest) = rest.split_at(net.hidden);
    let (w2, b2) = rest.split_at(net.hidden * net.outputs);

    let mut model = TypedModel::default();
    let constant = |model: &mut TypedModel, name: &str, values: &[f32], rows: usize| {
        let shape = [rows, values.len() / rows];
        model.add_const(name, Tensor::from_shape(&shape, values)?)
    };
    let product = || -> Result<EinSum> {
        let axes: AxesMapping = "mk,kn->mn".parse()?;
        Ok(EinSum::new(axes, DatumType::F32))
    };
    let shape = [batch, net.inputs];
    let x = model.add_source("x", TypedFact::dt_shape(DatumType::F32, shape))?;
    let w1 = constant(&mut model, "w1", w1, net.inputs)?;
    let b1 = constant(&mut model, "b1", b1, 1)?;
    let w2 = constant(&mut model, "w2", w2, net.hidden)?;
    let b2 = constant(&mut model, "b2", b2, 1)?;

    let z = model.wire_node("product 1", product()?, &[x, w1])?[0];
    let z = model.wire_node("sum 1", math::add(), &[z, b1])?[0];
    let h = if net.is_xor() {
        model.wire_node("tanh", math::tanh(), &[z])?[0]
    } else {
        let zero = constant(&mut model, "zero", &[0.0], 1)?;
        model.wire_node("relu", math::max(), &[z, zero])?[0]
    };
    let z = model.wire_node("product 2", product()?, &[h, w2])?[0];
    let z = model.wire_node("sum 2", math::add(), &[z, b2])?[0];
    let y = if net.is_xor() {
        model.wire_node("sigmoid", sigmoid(), &[z])?
    } else {
        model.wire_node("softmax", Softmax::new(tvec![1], None, SoftmaxKind::Softmax), &[z])?
    };
    model.select_output_outlets(&y)?;
    model.into_optimized()?.into_runnable()
}
