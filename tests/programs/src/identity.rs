//! The kernels' own bit-identity suite.

use crate::Program;
use rosenblatt_kernels::Backend;
use rosenblatt_suite::identity;

/// Every kernel against the scalar backend, with all results in one hash. The hash is 0 if a result
/// differs.
pub struct Identity;

impl Program for Identity {
    const NAME: &'static str = "identity";
    type Net = ();
    const NET: () = ();
    type Trainer = ();
    const TRAINER: () = ();

    fn run(backend: Backend, (): &mut (), (): &mut (), _: impl FnOnce(&mut [f32])) -> u64 {
        let outcome = identity::run(backend);
        if outcome.mismatches == 0 { outcome.hash } else { 0 }
    }

    fn infer((): &()) -> bool {
        false
    }

    fn step((): &mut (), (): &mut ()) -> bool {
        false
    }
}
