//! What a trainer uses of a network: its layers as one layer, and their values.

use crate::layer::{Chain, Layer};

/// A tuple of layers. Each layer takes the output of the one before.
///
/// Implemented for tuples of one to 32 layers. A tuple of one is written with a comma:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// let net = Mlp::<(Dense<2, 1>)>::ZERO; // (Dense<2, 1>,) is right
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tuple of layers",
    note = "one layer is written with a comma, as in `Mlp<(Dense<2, 1>,)>`; at most 32 layers"
)]
pub trait Layers: 'static {
    /// The layers as nested pairs.
    type List: List<Composed = Self::Composed>;
    /// The layers as one layer.
    type Composed: Layer;
}

/// Layers as nested pairs: (A, (B, ())) is A, then B.
pub trait List: 'static {
    /// The layers as one layer.
    type Composed: Layer;
}

impl<A: Layer> List for (A, ()) {
    type Composed = A;
}

impl<A: Layer, B: 'static, R: 'static> List for (A, (B, R))
where
    (B, R): List,
{
    type Composed = Chain<A, <(B, R) as List>::Composed>;
}

/// A list that has a layer `I`, counted from 0.
#[diagnostic::on_unimplemented(
    message = "the network has no layer {I}",
    note = "layers are counted from 0"
)]
pub trait At<const I: usize>: List {
    /// The parameters of layer `I`.
    type Params;

    /// The parameters of layer `I` among all.
    fn at(params: &<Self::Composed as Layer>::Params) -> &Self::Params;

    /// The same, mutable.
    fn at_mut(params: &mut <Self::Composed as Layer>::Params) -> &mut Self::Params;
}

impl<A: Layer> At<0> for (A, ()) {
    type Params = A::Params;

    #[inline(always)]
    fn at(params: &A::Params) -> &A::Params {
        params
    }

    #[inline(always)]
    fn at_mut(params: &mut A::Params) -> &mut A::Params {
        params
    }
}

impl<A: Layer, B: 'static, R: 'static> At<0> for (A, (B, R))
where
    (B, R): List,
{
    type Params = A::Params;

    #[inline(always)]
    fn at(params: &<Self::Composed as Layer>::Params) -> &A::Params {
        &params.head
    }

    #[inline(always)]
    fn at_mut(params: &mut <Self::Composed as Layer>::Params) -> &mut A::Params {
        &mut params.head
    }
}

/// Layer `I` of a list is layer `I` − 1 of what follows its first layer.
macro_rules! at {
    ($($before:literal $i:literal;)*) => {$(
        impl<A: Layer, B: 'static, R: 'static> At<$i> for (A, (B, R))
        where
            (B, R): At<$before>,
        {
            type Params = <(B, R) as At<$before>>::Params;

            #[inline(always)]
            fn at(params: &<Self::Composed as Layer>::Params) -> &Self::Params {
                <(B, R) as At<$before>>::at(&params.tail)
            }

            #[inline(always)]
            fn at_mut(params: &mut <Self::Composed as Layer>::Params) -> &mut Self::Params {
                <(B, R) as At<$before>>::at_mut(&mut params.tail)
            }
        }
    )*};
}
at! {
    0 1; 1 2; 2 3; 3 4; 4 5; 5 6; 6 7; 7 8; 8 9; 9 10; 10 11; 11 12; 12 13; 13 14; 14 15; 15 16;
    16 17; 17 18; 18 19; 19 20; 20 21; 21 22; 22 23; 23 24; 24 25; 25 26; 26 27; 27 28; 28 29;
    29 30; 30 31;
}

/// (A, B, C) as (A, (B, (C, ()))).
macro_rules! nested {
    () => { () };
    ($a:ident $($rest:ident)*) => { ($a, nested!($($rest)*)) };
}

/// Tuples of this length and of all shorter ones.
macro_rules! tuples {
    () => {};
    ($a:ident $($rest:ident)*) => {
        impl<$a: Layer, $($rest: Layer),*> Layers for ($a, $($rest,)*) {
            type List = nested!($a $($rest)*);
            type Composed = <Self::List as List>::Composed;
        }
        tuples!($($rest)*);
    };
}
tuples!(
    L0 L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 L12 L13 L14 L15 L16 L17 L18 L19 L20 L21 L22 L23 L24 L25
    L26 L27 L28 L29 L30 L31
);

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
