//! Detection of the CPU's instructions, and the only switch over backends.

use core::{fmt, str::FromStr};

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use crate::arch::neon::Neon;
use crate::arch::scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use crate::arch::wasm::Wasm;
#[cfg(target_feature = "sse2")]
use crate::arch::x86::{Avx2, Avx512, Avx512Vl};
#[cfg(doc)]
use crate::simd::Simd;

/// A backend that this CPU can run. The variants are in order of speed, slowest first.
///
/// Each variant holds the token of its backend. A `Backend` therefore never names instructions that
/// the CPU lacks.
///
/// Only x86 targets have the feature `sse2`. Targets without it (`x86_64-unknown-none`) pass no
/// values in vector registers and have the scalar backend only.
///
/// ```
/// use rosenblatt_kernels::Backend;
/// let fastest = Backend::detect();
/// assert!(Backend::available().any(|backend| backend == fastest));
/// assert_eq!("scalar".parse(), Ok(Backend::baseline()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Plain Rust. Every CPU has it.
    Scalar(Scalar),
    /// x86 with AVX2.
    #[cfg(target_feature = "sse2")]
    Avx2(Avx2),
    /// x86 with AVX-512 VL, on half registers. `for_width` chooses it for narrow networks.
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

impl Backend {
    /// The fastest backend of this CPU.
    ///
    /// Works without `std`. After the first call it costs one atomic load.
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

    /// The fastest backend for rows of at most `width` values: AVX-512 VL instead of AVX-512 where
    /// a row fills no more than half of the sixteen lanes.
    ///
    /// The bits are the same. Half-empty registers only cost time.
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

    /// The backend's name, one of [`NAMES`].
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

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Backend {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.name());
    }
}

/// Why a name does not give a [`Backend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BackendError {
    /// A backend has this name, but this CPU (or the target of this build) does not have the
    /// backend.
    NotOnThisCpu(&'static str),
    /// No backend has this name.
    Unknown,
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOnThisCpu(name) => write!(f, "backend {name} is not on this CPU; it has")?,
            Self::Unknown => f.write_str("no backend has this name; this CPU has")?,
        }
        for backend in Backend::available() {
            write!(f, " {backend}")?;
        }
        f.write_str(" (auto takes the fastest)")
    }
}

impl core::error::Error for BackendError {}

impl FromStr for Backend {
    type Err = BackendError;

    /// A backend by its name, or `auto` for the fastest.
    fn from_str(name: &str) -> Result<Self, BackendError> {
        let known = NAMES.into_iter().find(|known| *known == name);
        match name {
            "auto" => Ok(Self::detect()),
            "scalar" => Ok(Self::baseline()),
            #[cfg(target_feature = "sse2")]
            "avx2" => Avx2::new().map(Self::Avx2).ok_or(BackendError::NotOnThisCpu("avx2")),
            #[cfg(target_feature = "sse2")]
            "avx512vl" => {
                Avx512Vl::new().map(Self::Avx512Vl).ok_or(BackendError::NotOnThisCpu("avx512vl"))
            }
            #[cfg(target_feature = "sse2")]
            "avx512" => Avx512::new().map(Self::Avx512).ok_or(BackendError::NotOnThisCpu("avx512")),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            "neon" => Ok(Self::Neon(Neon::new())),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            "wasm" => Ok(Self::Wasm(Wasm::new())),
            _ => Err(known.map_or(BackendError::Unknown, BackendError::NotOnThisCpu)),
        }
    }
}

/// Runs an expression with the token of a [`Backend`](crate::Backend), inside its target features
/// and in the floating-point [`environment`](crate::environment) of the numeric contract.
///
/// `dispatch!(backend, s => f(s, ..))` is the only switch over backends. It is made once per
/// training step or per fit, not once per kernel. What `f` calls must be `#[inline(always)]` down
/// to the kernels; otherwise it loses the target features. (An out-of-line function enters them
/// again by [`Simd::vectorize`](crate::simd::Simd::vectorize).) The expression becomes the body of
/// a closure: `return` and `?` leave only the expression.
///
/// ```
/// use rosenblatt_kernels::{dispatch, Backend, Simd};
///
/// #[inline(always)]
/// fn lanes<S: Simd>(_: S) -> usize {
///     S::LANES
/// }
/// assert!(dispatch!(Backend::detect(), s => lanes(s)) >= 1);
/// ```
#[macro_export]
macro_rules! dispatch {
    ($backend:expr, $s:ident => $body:expr) => {
        $crate::dispatch!($backend, width: usize::MAX, $s => $body)
    };
    ($backend:expr, width: $width:expr, $s:ident => $body:expr) => {{
        let backend = $backend;
        $crate::environment::standard(
            #[inline(always)]
            || $crate::dispatch_inside!(backend, width: $width, $s => $body),
        )
    }};
}

/// [`dispatch!`] without setting the floating-point environment. Use it inside
/// [`environment::standard`](crate::environment::standard).
///
/// With `width: W`, a constant, the backend is the one for rows of at most `W` values
/// ([`Backend::for_width`](crate::Backend::for_width)). Code for the other backend is not compiled.
#[macro_export]
macro_rules! dispatch_inside {
    ($backend:expr, $s:ident => $body:expr) => {
        $crate::dispatch_inside!($backend, width: usize::MAX, $s => $body)
    };
    ($backend:expr, width: $width:expr, $s:ident => $body:expr) => {
        match $crate::Backend::for_width($backend, $width) {
            $crate::Backend::Scalar($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_feature = "sse2")]
            $crate::Backend::Avx2($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_feature = "sse2")]
            $crate::Backend::Avx512Vl($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_feature = "sse2")]
            $crate::Backend::Avx512($s) => {
                if const { $crate::backend::is_narrow($width) } {
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
            $crate::Backend::Neon($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            $crate::Backend::Wasm($s) => $crate::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
        }
    };
}
