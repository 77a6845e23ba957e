//! Detection of the CPU's features, and the tokens that prove them. The backends beside this file
//! depend on these tokens, not on each other.

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
