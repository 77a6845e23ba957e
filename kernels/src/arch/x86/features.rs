//! Detection of the CPU's features, and the tokens that prove them. The backends beside this file
//! depend on these tokens, not on each other.

#[cfg(target_arch = "x86")]
use core::arch::x86::__cpuid;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::__cpuid;
use core::sync::atomic::{AtomicU8, Ordering};

cpufeatures::new!(cpu_avx2, "avx", "avx2");
cpufeatures::new!(cpu_avx512, "avx512f", "avx512bw", "avx512dq", "avx512vl");

/// Proof that the CPU and the operating system support AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The token, if the CPU has the features. The answer is cached in one atomic byte.
    #[inline(always)]
    pub fn new() -> Option<Self> {
        cpu_avx2::get().then_some(Self(()))
    }
}

/// Proof that the CPU and the operating system support AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The token, if the CPU has the features. The answer is cached in one atomic byte.
    #[inline(always)]
    pub fn new() -> Option<Self> {
        cpu_avx512::get().then_some(Self(()))
    }

    /// For tests: from now on this process computes large products as on a CPU with, or without,
    /// units of full width; with `None`, as on this CPU. The bits are the same.
    #[doc(hidden)]
    pub fn assume_full_width(self, answer: Option<bool>) {
        FULL_WIDTH.store(answer.map_or(0, |yes| 1 + u8::from(yes)), Ordering::Relaxed);
    }

    /// The backend on half registers, for rows that fill no more.
    #[inline(always)]
    pub fn narrow(self) -> Avx512Vl {
        Avx512Vl(self.half())
    }

    /// The token of AVX2, which AVX-512 F implies.
    #[inline(always)]
    pub(super) fn half(self) -> Avx2 {
        Avx2(())
    }
}

/// Proof that the CPU and the operating system support AVX-512 F, BW, DQ and VL, for the backend on
/// half registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512Vl(pub(super) Avx2);

impl Avx512Vl {
    /// The token, if the CPU has the features. The answer is cached in one atomic byte.
    #[inline(always)]
    pub fn new() -> Option<Self> {
        Avx512::new().map(Avx512::narrow)
    }
}

/// What [`has_full_width`] answers: 0 before the first question, 1 for no, 2 for yes.
static FULL_WIDTH: AtomicU8 = AtomicU8::new(0);

/// Whether this CPU multiplies and adds two full registers of AVX-512 each in a cycle, but loads
/// only two: AMD from family 1Ah (Zen 5) on. Zen 4 takes two cycles a register, and Intel's CPUs
/// have two units for both operations: they wait for arithmetic, not for loads.
#[inline(always)]
pub(super) fn has_full_width() -> bool {
    match FULL_WIDTH.load(Ordering::Relaxed) {
        0 => ask_for_width(),
        answer => answer == 2,
    }
}

#[cold]
#[inline(never)]
fn ask_for_width() -> bool {
    let (zero, one) = (__cpuid(0), __cpuid(1));
    let vendor = [zero.ebx, zero.edx, zero.ecx].map(u32::to_le_bytes);
    let family = (one.eax >> 8 & 0xf) + (one.eax >> 20 & 0xff);
    let yes = vendor.as_flattened() == b"AuthenticAMD" && family >= 0x1a;
    FULL_WIDTH.store(1 + u8::from(yes), Ordering::Relaxed);
    yes
}
