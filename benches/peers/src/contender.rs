//! What a contender is: something that runs a workload, whose result is checked before it is timed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::data::Data;
use crate::workload::Workload;

/// A library, or a way to use it.
pub trait Peer {
    /// Its name in the tables.
    fn name(&self) -> &str;

    /// The contender for a workload. `None` where the library has nothing of the kind.
    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>>;
}

/// A workload with everything that it needs.
pub trait Contender {
    /// What the workload computes, from the start, to be compared with the reference.
    ///
    /// - Training: the losses of the first five steps.
    /// - Inference: the outputs of all 32 samples.
    /// - Frames: the outputs of the first 32 frames.
    /// - Products, functions, softmax: the result.
    /// - Optimizers: the parameters after five updates with the same gradient.
    fn check(&mut self) -> Result<Vec<f32>>;

    /// Runs the workload this many times. Returns the time of all calls.
    fn time(&mut self, calls: u64) -> Result<Duration>;
}

/// A contender of two closures.
pub struct Closures<C, F> {
    check: C,
    call: F,
}

/// A contender from what it computes and from one call, which gets the number of the call and
/// returns a result that is consumed. A call of an inference takes sample `i % 32`.
pub fn contender<'a, C, F, R>(check: C, call: F) -> Box<dyn Contender + 'a>
where
    C: FnMut() -> Result<Vec<f32>> + 'a,
    F: FnMut(usize) -> R + 'a,
    R: 'a,
{
    Box::new(Closures { check, call })
}

impl<C, F, R> Contender for Closures<C, F>
where
    C: FnMut() -> Result<Vec<f32>>,
    F: FnMut(usize) -> R,
{
    fn check(&mut self) -> Result<Vec<f32>> {
        (self.check)()
    }

    fn time(&mut self, calls: u64) -> Result<Duration> {
        let start = Instant::now();
        for i in 0..calls as usize {
            black_box((self.call)(i));
        }
        Ok(start.elapsed())
    }
}
