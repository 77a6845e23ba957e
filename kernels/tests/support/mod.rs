//! Shared by the tests: the available backends, comparison bit for bit, inputs.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod contract;
pub mod emulated;

use rosenblatt_kernels::{Backend, backend::NAMES};
use rosenblatt_suite::identity::canonical;

/// The backends of this CPU, slowest first. The missing ones are printed. The backends that the
/// environment variable `REQUIRE_BACKEND` lists (separated by commas) must be present.
pub fn backends() -> Vec<Backend> {
    let required = std::env::var("REQUIRE_BACKEND").unwrap_or_default();
    pick(&required, |name| name.parse().ok())
}

/// Those of all backends that `find` returns; fails if a required one is missing.
pub fn pick(required: &str, find: impl Fn(&str) -> Option<Backend>) -> Vec<Backend> {
    let required: Vec<_> =
        required.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &required {
        assert!(NAMES.contains(name), "REQUIRE_BACKEND: no backend is named {name}");
    }
    let mut found = Vec::new();
    for name in NAMES {
        match find(name) {
            Some(backend) => found.push(backend),
            None => {
                println!("backend {name}: not on this CPU");
                assert!(
                    !required.contains(&name),
                    "backend {name} is required and not on this CPU"
                );
            }
        }
    }
    found
}

/// Where and how two results first differ. All NaN count as the same value.
pub fn difference(got: &[f32], want: &[f32]) -> Option<String> {
    if got.len() != want.len() {
        return Some(format!("{} values instead of {}", got.len(), want.len()));
    }
    let i = got.iter().zip(want).position(|(got, want)| canonical(*got) != canonical(*want))?;
    let (got, want) = (got[i], want[i]);
    Some(format!(
        "value {i} is {got:e} ({:#010x}), not {want:e} ({:#010x})",
        got.to_bits(),
        want.to_bits()
    ))
}

/// Fails unless two results have the same bits.
#[track_caller]
pub fn assert_same(got: &[f32], want: &[f32], what: impl FnOnce() -> String) {
    if let Some(difference) = difference(got, want) {
        panic!("{}: {difference}", what());
    }
}

/// Every how many cases one is tested: 1 in a release build, 41 in a debug build. The environment
/// variable `TEST_STRIDE` overrides it.
pub fn stride() -> usize {
    let default = if cfg!(debug_assertions) { 41 } else { 1 };
    std::env::var("TEST_STRIDE")
        .map_or(default, |stride| stride.parse().expect("TEST_STRIDE is a number"))
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 32) as u32
    }

    /// A multiple of 2⁻²³ in [−1, 1).
    pub fn plain(&mut self) -> f32 {
        (self.next() >> 8).cast_signed() as f32 / 8_388_608.0 - 1.0
    }

    /// Such numbers, scaled by powers of two from 2^−`spread` to 2^`spread`.
    pub fn spread(&mut self, spread: i32) -> f32 {
        let exponent = self.next() as i32 % (spread + 1);
        self.plain() * 2f32.powi(exponent)
    }

    /// Finite numbers of any size.
    pub fn wide(&mut self) -> f32 {
        loop {
            let x = f32::from_bits(self.next());
            if x.is_finite() {
                return x;
            }
        }
    }

    /// Subnormal numbers, and numbers with subnormal products.
    pub fn tiny(&mut self) -> f32 {
        let u = self.next();
        if u.is_multiple_of(4) {
            f32::from_bits(self.next() & 0x807f_ffff)
        } else {
            self.plain() * 2f32.powi(-70 - (u >> 16 & 7) as i32)
        }
    }

    /// Ordinary numbers, with zeros, infinities, NaN and extreme numbers among them.
    pub fn special(&mut self) -> f32 {
        const SPECIAL: [f32; 8] = [
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MAX,
            f32::MIN_POSITIVE,
            f32::from_bits(1),
        ];
        let u = self.next();
        if u.is_multiple_of(16) { SPECIAL[(u >> 8) as usize % 8] } else { self.plain() }
    }

    /// `n` values of one of the four sorts.
    pub fn values(&mut self, sort: usize, n: usize) -> Vec<f32> {
        let one = match sort % 4 {
            0 => Self::plain,
            1 => Self::wide,
            2 => Self::tiny,
            _ => Self::special,
        };
        (0..n).map(|_| one(self)).collect()
    }
}

/// Space for an output with guards on both sides, which `f` must not change.
pub struct Guarded {
    room: Vec<f32>,
}

impl Guarded {
    /// More than the largest register has.
    const MARGIN: usize = 24;

    pub fn new(len: usize) -> Self {
        Self { room: vec![0.0; len + 2 * Self::MARGIN + 4] }
    }

    /// Calls `f` with a copy of `start` that begins `shift` values into the space, and returns the
    /// result.
    #[track_caller]
    pub fn run(&mut self, start: &[f32], shift: usize, f: impl FnOnce(&mut [f32])) -> &[f32] {
        let from = Self::MARGIN + shift % 4;
        let until = from + start.len();
        let guard = f32::from_bits(0xdead_beef);
        self.room[..from].fill(guard);
        self.room[from..until].copy_from_slice(start);
        self.room[until..until + Self::MARGIN].fill(guard);
        f(&mut self.room[from..until]);
        let around = self.room[..from].iter().chain(&self.room[until..until + Self::MARGIN]);
        for value in around {
            assert_eq!(value.to_bits(), guard.to_bits(), "a value beside the output was written");
        }
        &self.room[from..until]
    }
}
