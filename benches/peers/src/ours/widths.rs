//! The networks of the sweep, each compiled for each backend.

use super::*;
use crate::workload::Net;

/// A network of a width: `Dense<W, W, Relu>, Dense<W, 10, Softmax>`.
type Wide<const W: usize> = Mlp<(Dense<W, W, Relu>, Dense<W, 10, Softmax>)>;

/// The contender of a network from its kind, its width and its batch.
macro_rules! swept {
    (
        $self:ident, $kind:expr, $samples:expr, $size:expr;
        widths: $($w:literal)*; batches of $width:literal: $($b:literal)*
    ) => {{
        let (samples, lr): (&Samples, f32) = ($samples, 0.001);
        let (x, t) = (&samples.x, rows::<10>(&samples.t));
        type Classes = CategoricalCrossEntropy;
        match ($kind, $size) {
            $(
                (Kind::Step(_), ($w, SAMPLES)) => {
                    step!($self, Wide<$w>, Classes, 32, samples, lr, rows::<$w>(x), t)
                }
                (Kind::One(_), ($w, SAMPLES)) => one!($self, Wide<$w>, samples),
            )*
            $(
                (Kind::Step(_), ($width, $b)) => {
                    step!($self, Wide<$width>, Classes, $b, samples, lr, rows::<$width>(x), t)
                }
            )*
            (Kind::Batch(_), ($width, _)) => batch!($self, Wide<$width>, samples),
            _ => return Ok(None),
        }
    }};
}

impl Ours {
    /// The contender for a workload of the sweep.
    pub(super) fn swept<'a>(
        &'a self,
        workload: &Workload,
        net: &Net,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        Ok(Some(swept!(
            self, workload.kind, data.net(net), (net.hidden, net.batch);
            widths: 1 3 5 8 13 21 32 50 100 200 512 1024;
            batches of 32: 1 3 7 16 31 33 100 256 1024
        )))
    }
}
