//! Which instructions the CPU has, and the one switch that uses the answer.

use core::{fmt, str::FromStr};

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use crate::arch::neon::Neon;
use crate::arch::scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use crate::arch::wasm::Wasm;
#[cfg(target_feature = "sse2")]
use crate::arch::{avx2::Avx2, avx512::Avx512, avx512vl::Avx512Vl};
#[cfg(doc)]
use crate::simd::Simd;

/// A backend that this CPU can run, from the slowest to the fastest.
///
/// A value of a variant holds that backend's token, so that a `Level` cannot name instructions the CPU lacks.
///
/// `sse2` is a feature of x86 alone. Targets without it (`x86_64-unknown-none`) pass no values in vector registers
/// and have the scalar backend only.
///
/// ```
/// use rosenblatt_kernels::Level;
/// let fastest = Level::detect();
/// assert!(Level::available().any(|level| level == fastest));
/// assert_eq!("scalar".parse(), Ok(Level::baseline()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Plain Rust; every CPU has it.
    Scalar(Scalar),
    /// x86 with AVX2.
    #[cfg(target_feature = "sse2")]
    Avx2(Avx2),
    /// x86 with AVX-512 VL, on half registers: what `for_width` takes for narrow networks.
    #[cfg(target_feature = "sse2")]
    Avx512Vl(Avx512Vl),
    /// x86 with AVX-512 F, BW, DQ and VL.
    #[cfg(target_feature = "sse2")]
    Avx512(Avx512),
    /// AArch64 with NEON.
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    Neon(Neon),
    /// WebAssembly compiled with simd128.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm(Wasm),
}

/// The names of all backends, whether or not this CPU has them.
pub const NAMES: [&str; 6] = ["scalar", "avx2", "avx512vl", "avx512", "neon", "wasm"];

impl Level {
    /// The fastest backend of this CPU. Works without `std`; after the first call it costs one atomic load.
    #[inline]
    pub fn detect() -> Self {
        #[cfg(target_feature = "sse2")]
        {
            if let Some(token) = Avx512::new() {
                return Self::Avx512(token);
            }
            if let Some(token) = Avx2::new() {
                return Self::Avx2(token);
            }
        }
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        return Self::Neon(Neon::new());
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::Wasm(Wasm::new());
        #[cfg(not(any(
            all(target_arch = "aarch64", target_feature = "neon"),
            all(target_arch = "wasm32", target_feature = "simd128")
        )))]
        Self::baseline()
    }

    /// The backend that every CPU has.
    #[inline]
    pub const fn baseline() -> Self {
        Self::Scalar(Scalar)
    }

    /// All backends of this CPU, slowest first.
    pub fn available() -> impl Iterator<Item = Self> + Clone {
        NAMES.into_iter().filter_map(|name| name.parse().ok())
    }

    /// The backend that is fastest for rows of at most `width` values: where they fill no more than half of AVX-512's sixteen lanes, AVX-512 VL.
    ///
    /// The bits are the same; half-empty registers only cost time.
    #[inline(always)]
    #[must_use]
    pub fn for_width(self, width: usize) -> Self {
        match self {
            #[cfg(target_feature = "sse2")]
            Self::Avx512(token) if is_narrow(width) => Self::Avx512Vl(token.narrow()),
            _ => {
                let _ = width;
                self
            }
        }
    }

    /// One of [`NAMES`].
    pub fn name(self) -> &'static str {
        crate::dispatch!(self, s => name_of(s))
    }
}

/// Whether rows of at most `width` values fill no more than half of AVX-512's sixteen lanes.
#[doc(hidden)]
#[must_use]
pub const fn is_narrow(width: usize) -> bool {
    width <= 8
}

fn name_of<S: crate::simd::Simd>(_: S) -> &'static str {
    S::NAME
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Level {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.name());
    }
}

/// Why a name is not a [`Level`] here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LevelError {
    /// The name is a backend's, but this CPU (or this build's target) does not have it.
    NotOnThisCpu(&'static str),
    /// No backend has this name.
    Unknown,
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOnThisCpu(name) => write!(f, "backend {name} is not on this CPU; it has")?,
            Self::Unknown => f.write_str("no backend has this name; this CPU has")?,
        }
        for level in Level::available() {
            write!(f, " {level}")?;
        }
        f.write_str(" (auto takes the fastest)")
    }
}

impl core::error::Error for LevelError {}

impl FromStr for Level {
    type Err = LevelError;

    /// A backend by its name, or `auto` for the fastest.
    fn from_str(name: &str) -> Result<Self, LevelError> {
        let known = NAMES.into_iter().find(|known| *known == name);
        match name {
            "auto" => Ok(Self::detect()),
            "scalar" => Ok(Self::baseline()),
            #[cfg(target_feature = "sse2")]
            "avx2" => Avx2::new().map(Self::Avx2).ok_or(LevelError::NotOnThisCpu("avx2")),
            #[cfg(target_feature = "sse2")]
            "avx512vl" => Avx512Vl::new().map(Self::Avx512Vl).ok_or(LevelError::NotOnThisCpu("avx512vl")),
            #[cfg(target_feature = "sse2")]
            "avx512" => Avx512::new().map(Self::Avx512).ok_or(LevelError::NotOnThisCpu("avx512")),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            "neon" => Ok(Self::Neon(Neon::new())),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            "wasm" => Ok(Self::Wasm(Wasm::new())),
            _ => Err(known.map_or(LevelError::Unknown, LevelError::NotOnThisCpu)),
        }
    }
}

/// Runs an expression with the token of a [`Level`](crate::Level), inside its target features and in the floating-point
/// [`environment`](crate::environment) of the numeric contract.
///
/// `dispatch!(level, s => f(s, ..))` is the only switch over backends: one per training step or per fit, not one
/// per kernel. What `f` calls must be `#[inline(always)]` down to the kernels, or it loses the features
/// (an out-of-line body enters them again by [`Simd::vectorize`](crate::simd::Simd::vectorize)).
/// The expression becomes the body of a closure: `return` and `?` leave only the expression.
///
/// ```
/// use rosenblatt_kernels::{dispatch, Level, Simd};
///
/// #[inline(always)]
/// fn lanes<S: Simd>(_: S) -> usize {
///     S::LANES
/// }
/// assert!(dispatch!(Level::detect(), s => lanes(s)) >= 1);
/// ```
#[macro_export]
macro_rules! dispatch {
    ($level:expr, $s:ident => $body:expr) => {
        $crate::dispatch!($level, width: usize::MAX, $s => $body)
    };
    ($level:expr, width: $width:expr, $s:ident => $body:expr) => {{
        let level = $level;
        $crate::environment::standard(
            #[inline(always)]
            || $crate::dispatch_inside!(level, width: $width, $s => $body),
        )
    }};
}

/// [`dispatch!`] where the floating-point environment is known to be the contract's: inside
/// [`environment::standard`](crate::environment::standard).
///
/// With `width: W`, a constant, the backend is the one for rows of at most `W` values ([`Level::for_width`](crate::Level::for_width)),
/// and code for another is not compiled.
#[macro_export]
macro_rules! dispatch_inside {
    ($level:expr, $s:ident => $body:expr) => {
        $crate::dispatch_inside!($level, width: usize::MAX, $s => $body)
    };
    ($level:expr, width: $width:expr, $s:ident => $body:expr) => {
        match $crate::Level::for_width($level, $width) {
            $crate::Level::Scalar($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_feature = "sse2")]
            $crate::Level::Avx2($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_feature = "sse2")]
            $crate::Level::Avx512Vl($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_feature = "sse2")]
            $crate::Level::Avx512($s) => {
                if const { $crate::level::is_narrow($width) } {
                    ::core::unreachable!("for_width takes Avx512Vl")
                } else {
                    $crate::Simd::vectorize(
                        $s,
                        #[inline(always)]
                        || $body,
                    )
                }
            }
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            $crate::Level::Neon($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            $crate::Level::Wasm($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
        }
    };
}
