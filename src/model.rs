//! What a trainer uses of a network: its layers as one layer, and their values.

use crate::layer::{Chain, Layer};

/// A tuple of layers whose shapes fit.
///
/// Implemented for tuples of one to twelve layers. Each layer takes the output of the one before.
pub trait Layers: 'static {
    /// The layers as one layer.
    type Composed: Layer;
}

impl<A: Layer> Layers for (A,) {
    type Composed = A;
}

/// Tuples as nested pairs: (A, B, C) is A, then (B, C).
macro_rules! tuples {
    ($a:ident $($rest:ident)+) => {
        impl<$a: Layer, $($rest: Layer),+> Layers for ($a, $($rest,)+)
        where
            ($($rest,)+): Layers<Composed: Layer<Input = $a::Output>>,
        {
            type Composed = Chain<$a, <($($rest,)+) as Layers>::Composed>;
        }
        tuples!($($rest)+);
    };
    ($a:ident) => {};
}
tuples!(A B C D E F G H I J K L);

/// A value that holds the parameters of layers: [`Sequential`](crate::Sequential).
pub trait Model {
    /// The layers as one layer.
    type Layers: Layer;
    /// Their parameters.
    fn params(&self) -> &<Self::Layers as Layer>::Params;
    /// Their parameters, mutable.
    fn params_mut(&mut self) -> &mut <Self::Layers as Layer>::Params;
    /// Non-trainable values (moving mean and variance).
    fn buffers(&self) -> &<Self::Layers as Layer>::Buffers;
    /// Non-trainable values, mutable.
    fn buffers_mut(&mut self) -> &mut <Self::Layers as Layer>::Buffers;
}

/// The layers of a tuple as one layer.
pub type ComposedOf<T> = <T as Layers>::Composed;
/// The layers of a network as one layer.
pub type LayersOf<N> = <N as Model>::Layers;
/// The parameters of a network.
pub type ParamsOf<N> = <LayersOf<N> as Layer>::Params;
/// The non-trainable values of a network: moving means and variances.
pub type BuffersOf<N> = <LayersOf<N> as Layer>::Buffers;
/// One input sample of a network.
pub type InputOf<N> = <LayersOf<N> as Layer>::Input;
/// One output sample of a network.
pub type OutputOf<N> = <LayersOf<N> as Layer>::Output;
