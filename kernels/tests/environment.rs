//! The same bits in every floating-point environment that a caller can set, and the check that a
//! program calls at its start.

mod support;

use rosenblatt_kernels::{
    Backend,
    contract::{self, Violation},
    dispatch, dispatch_inside,
    environment::{Mode, standard},
    loss, optimizer,
};
use rosenblatt_suite::identity;
use std::hint::black_box;
use support::backends;

/// Whether the current environment keeps subnormal numbers and rounds sums to nearest.
fn is_standard() -> bool {
    let [tiny, half, one, unit] = black_box([f32::MIN_POSITIVE, 0.5, 1.0, f32::EPSILON]);
    let sums = [one + 0.75 * unit, one + 0.25 * unit, -one - 0.75 * unit];
    black_box(tiny * half).to_bits() == 0x0040_0000
        && black_box(tiny.next_down() + 0.0).to_bits() == 0x007f_ffff
        && sums == [1.0 + f32::EPSILON, 1.0, -1.0 - f32::EPSILON]
}

/// The modes that this CPU supports.
fn modes() -> Vec<Mode> {
    let modes: Vec<_> = Mode::ALL.into_iter().filter(|mode| mode.run(|| ()).is_some()).collect();
    if cfg!(any(target_feature = "sse2", target_arch = "aarch64")) {
        assert!(modes.len() >= 4, "this CPU has only {modes:?}");
    }
    modes
}

#[test]
fn the_identity_suite_ends_in_the_golden_hash() {
    let golden =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/identity.golden"));
    let golden = golden.expect("tests/identity.golden is there");
    for mode in modes() {
        for backend in backends() {
            let mut outcomes = Vec::new();
            mode.run(|| {
                identity::each(backend, &mut |name, outcome| outcomes.push((name, outcome)))
            });
            assert_eq!(outcomes.len() + 1, golden.lines().count());
            for ((name, outcome), want) in outcomes.iter().zip(golden.lines()) {
                let line = format!("{:016x} {:6} {name}", outcome.hash, outcome.checks);
                assert_eq!((line.as_str(), outcome.mismatches), (want, 0), "{mode:?} on {backend}");
            }
        }
    }
}

#[test]
fn the_callers_environment_is_put_back() {
    assert!(is_standard());
    for mode in modes() {
        let seen = mode.run(|| {
            let before = is_standard();
            let inside = standard(is_standard);
            let mut w = [1.0; 20];
            optimizer::sgd(Backend::detect(), 0.1, &mut w, &[1.0; 20]);
            (before, inside, is_standard())
        });
        assert_eq!(seen, Some((false, true, false)), "{mode:?}");
        assert!(is_standard());
    }
}

#[test]
fn a_panic_puts_it_back_too() {
    for mode in modes() {
        let seen = mode.run(|| {
            let panicked = std::panic::catch_unwind(|| {
                standard(|| assert!(black_box(!is_standard()), "on purpose"))
            });
            (panicked.is_err(), is_standard())
        });
        assert_eq!(seen, Some((true, false)), "{mode:?}");
    }
}

#[test]
fn without_the_look_the_bits_are_others() {
    let (y, t) = ([0.3, 0.1, 1e-20, 0.7], [0.1f32, 0.3, 0.0, 1.0 / 3.0]);
    let run = |guarded: bool, backend: Backend| {
        let mut dy = [0.0; 4];
        let value = if guarded {
            dispatch!(backend, s => loss::squared_error(s, 1e-20, &y, &t, &mut dy))
        } else {
            dispatch_inside!(backend, s => loss::squared_error(s, 1e-20, &y, &t, &mut dy))
        };
        (value.to_bits(), dy.map(f32::to_bits))
    };
    for backend in backends() {
        let right = run(true, backend);
        let mut others = 0;
        for mode in modes() {
            assert_eq!(mode.run(|| run(true, backend)), Some(right), "{mode:?} on {backend}");
            others += u32::from(mode.run(|| run(false, backend)) != Some(right));
        }
        assert!(others > 0 || modes().is_empty(), "no mode shows on {backend}");
    }
}

#[test]
fn the_check_at_the_start_sees_every_mode() {
    assert_eq!(contract::violation(), None);
    assert!(contract::holds());
    for mode in modes() {
        let violation = match mode {
            Mode::FlushToZero | Mode::DenormalsAreZero | Mode::FlushBoth => Violation::Flushed,
            Mode::Upward | Mode::Downward | Mode::TowardZero => Violation::Rounding,
        };
        assert_eq!(mode.run(contract::violation), Some(Some(violation)), "{mode:?}");
        assert_eq!(mode.run(contract::holds), Some(false));
    }
}
