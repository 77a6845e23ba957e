//! The table of a network's layers.

use crate::{
    layer::{Description, Layer},
    sequential::{ComposedOf, Layers, Sequential},
};
use core::{
    fmt::{self, Write as _},
    marker::PhantomData,
};

/// Prints a network's layers, parameters and bytes ([`Sequential::summary`]).
pub struct Summary<T: Layers>(PhantomData<T>);

impl<T: Layers> Summary<T> {
    /// The table of the layers `T`.
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Layers> fmt::Display for Summary<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut kinds, mut shapes) = ("layer".len(), "outputs".len());
        ComposedOf::<T>::describe(&mut |d| {
            kinds = kinds.max(d.kind.len());
            shapes = shapes.max(outputs(d).len());
        });
        let titles = ("layer", "inputs", "outputs", "activation", "parameters");
        let (kind, inputs, shape, activation, params) = titles;
        writeln!(f, "{kind:<kinds$} {inputs:>8} {shape:>shapes$}   {activation:<12} {params:>10}")?;
        let (mut result, mut buffers) = (Ok(()), 0);
        ComposedOf::<T>::describe(&mut |d| {
            buffers += d.buffers;
            if result.is_ok() {
                let (kind, shape, activation) = (d.kind, outputs(d), d.activation);
                result = writeln!(
                    f,
                    "{kind:<kinds$} {:>8} {shape:>shapes$}   {activation:<12} {:>10}",
                    d.inputs, d.params
                );
            }
        });
        result?;
        write!(f, "{} parameters, ", Sequential::<T>::PARAMS)?;
        if buffers > 0 {
            write!(f, "{buffers} running values, ")?;
        }
        write!(f, "{} bytes", Sequential::<T>::BYTES)
    }
}

/// The shape of a layer's outputs: `10`, or `6x6x8`.
fn outputs(d: &Description) -> heapless::String<48> {
    let mut text = heapless::String::new();
    for (i, n) in d.shape.dims().iter().enumerate() {
        // Five lengths of up to eight digits fit.
        let _ = if i == 0 { write!(text, "{n}") } else { write!(text, "x{n}") };
    }
    text
}
