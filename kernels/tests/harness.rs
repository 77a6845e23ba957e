//! The tests' own tools must find a planted defect.

mod support;

use rosenblatt_kernels::Backend;
use support::{Guarded, difference, pick};

#[test]
fn one_wrong_bit_is_seen() {
    let right = [1.0, -2.5, 0.0, f32::MIN_POSITIVE, f32::INFINITY, 3.0];
    assert_eq!(difference(&right, &right), None);
    for i in 0..right.len() {
        for bit in 0..32 {
            let mut wrong = right;
            wrong[i] = f32::from_bits(right[i].to_bits() ^ 1 << bit);
            assert!(
                difference(&wrong, &right)
                    .is_some_and(|text| text.contains(&format!("value {i} ")))
            );
        }
    }
    assert!(difference(&right[1..], &right).is_some());
    assert!(difference(&[f32::NAN], &[0.0]).is_some());
    assert_eq!(difference(&[f32::NAN], &[-f32::from_bits(0x7f80_0001)]), None);
}

#[test]
fn a_missing_backend_fails_only_where_required() {
    let only_scalar = |name: &str| (name == "scalar").then_some(Backend::baseline());
    assert_eq!(pick("", only_scalar), [Backend::baseline()]);
    assert_eq!(pick("scalar, ", only_scalar), [Backend::baseline()]);
    assert!(std::panic::catch_unwind(|| pick("scalar,avx512", only_scalar)).is_err());
    assert!(std::panic::catch_unwind(|| pick("sse9", only_scalar)).is_err());
}

#[test]
fn a_written_guard_is_seen() {
    for far in [-1isize, 3, 3 + 15] {
        let outcome = std::panic::catch_unwind(|| {
            Guarded::new(3).run(&[1.0; 3], 1, |x| {
                // SAFETY: the guards are part of the same allocation.
                unsafe { *x.as_mut_ptr().offset(far) = 0.0 }
            });
        });
        assert!(outcome.is_err());
    }
}

#[test]
fn the_contract_names_its_version() {
    let text = include_str!("../NUMERICS.md");
    let version = rosenblatt_kernels::contract::VERSION;
    assert!(text.contains(&format!("This is **version {version}** of the contract")));
}
