//! The floating-point environment: rounding to nearest, subnormal numbers kept, whatever mode the
//! caller has set.
//!
//! Audio hosts flush subnormal numbers to zero, and C code may round upward. Both change the bits
//! of every sum. So each public entry of the crates reads the control register of the CPU. Where
//! the register differs from what `NUMERICS.md` requires, the entry sets it, and restores it before
//! it returns. Reading costs a few instructions. Where floating point is software there is no
//! register, and nothing is read.
//!
//! | CPU | register | compared bits |
//! |---|---|---|
//! | x86 with SSE2 | MXCSR | rounding, flush-to-zero, denormals-are-zero, masks of the exceptions |
//! | AArch64 | FPCR | rounding, FZ, FZ16, AH, FIZ, NEP, traps |
//! | 32-bit Arm with hardware floats | FPSCR | rounding, FZ |
//! | RISC-V with F | frm | rounding |

/// The control register, if it differs from the contract.
type Unusual = Option<control::Register>;

/// Runs `f` in the floating-point environment of the numeric contract, then restores the caller's.
///
/// [`dispatch!`](crate::dispatch) calls it. Code that computes outside of `dispatch!` calls it too.
///
/// ```
/// use rosenblatt_kernels::environment::standard;
/// // A subnormal number, also where the caller flushes them.
/// let half = standard(|| f32::MIN_POSITIVE / 2.0);
/// assert!(half > 0.0);
/// ```
#[inline(always)]
pub fn standard<R>(f: impl FnOnce() -> R) -> R {
    if cfg!(rosenblatt_small) {
        // A call instead of inline instructions, and no branch at the end: less flash.
        let caller = switch();
        // `black_box` forces all of a small result to be computed before the switch back. A large
        // result is in memory except for its last computed values: callers pass these through
        // `black_box` themselves.
        let result = f();
        if const { size_of::<R>() > 0 && size_of::<R>() <= 16 } {
            let _ = core::hint::black_box(&result);
        }
        control::write(caller);
        return result;
    }
    let caller = control::unusual();
    let mut f = f;
    if caller.is_some() {
        enter();
        // Without this, the compiler could compute with known numbers before the switch, and write
        // to its own variables after it. From here on it cannot know what `f` refers to, so it
        // reads and writes that between the switches. `f` passes by value: a reference would keep
        // it in memory for every caller, where it is written in parts and read as a whole, which
        // stalls. An update of eight parameters would take three times as long.
        if cfg!(not(target_os = "none")) {
            f = core::hint::black_box(f);
        }
    }
    let unwinding = Unwinding(caller);
    let result = f();
    core::mem::forget(unwinding);
    match caller {
        // The compiler could compute the rest of the result after the switch. The out-of-line call
        // prevents that.
        Some(caller) => leave_with(caller, result),
        None => result,
    }
}

/// Restores the caller's environment if a panic unwinds through [`standard`] (for example from an
/// observer). Where a panic ends the program, this compiles to nothing.
struct Unwinding(Unusual);

impl Drop for Unwinding {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        if let Some(caller) = self.0 {
            control::write(caller);
        }
    }
}

/// Switches to the contract's environment. Returns the one before.
#[inline(never)]
fn switch() -> control::Register {
    let caller = control::read();
    control::write(control::standard());
    caller
}

/// Switches to the contract's environment.
#[cold]
#[inline(never)]
fn enter() {
    control::write(control::standard());
}

/// Switches back after the whole result is computed.
#[cold]
#[inline(never)]
fn leave_with<R>(caller: control::Register, result: R) -> R {
    let result = core::hint::black_box(result);
    control::write(caller);
    result
}

/// A floating-point environment that a caller may have set. For tests.
#[cfg(feature = "environments")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Subnormal results become zero
    FlushToZero,
    /// Subnormal inputs count as zero
    DenormalsAreZero,
    /// Both
    FlushBoth,
    /// Rounding toward +∞
    Upward,
    /// Rounding toward −∞
    Downward,
    /// Rounding toward zero
    TowardZero,
}

#[cfg(feature = "environments")]
impl Mode {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::FlushToZero,
        Self::DenormalsAreZero,
        Self::FlushBoth,
        Self::Upward,
        Self::Downward,
        Self::TowardZero,
    ];

    /// Runs `f` in this environment, then restores the one before. `None` where the CPU has no such
    /// mode.
    pub fn run<R>(self, f: impl FnOnce() -> R) -> Option<R> {
        let mode = control::of(self)?;
        let before = control::read();
        control::write(mode);
        // Behind a pointer that the compiler cannot follow: it cannot move computations of `f`
        // before or after the switches.
        let f: &mut dyn FnMut() -> R = &mut once(f);
        let result = core::hint::black_box(f)();
        control::write(before);
        Some(result)
    }
}

/// The mode bits of FPCR and FPSCR. FZ flushes both inputs and results; there is no mode for only
/// one of them.
#[cfg(all(
    feature = "environments",
    any(target_arch = "aarch64", all(target_arch = "arm", target_abi = "eabihf")),
    not(miri)
))]
const fn arm_bits(mode: Mode) -> Option<u32> {
    Some(match mode {
        Mode::FlushBoth => 1 << 24,
        Mode::Upward => 1 << 22,
        Mode::Downward => 2 << 22,
        Mode::TowardZero => 3 << 22,
        Mode::FlushToZero | Mode::DenormalsAreZero => return None,
    })
}

/// A function that is called once.
#[cfg(feature = "environments")]
fn once<R>(f: impl FnOnce() -> R) -> impl FnMut() -> R {
    let mut f = Some(f);
    #[allow(clippy::expect_used, reason = "the one caller calls it once")]
    move || (f.take().expect("called once"))()
}

/// MXCSR.
#[cfg(all(target_feature = "sse2", not(miri)))]
mod control {
    use core::arch::asm;

    pub type Register = u32;

    /// Rounding (13, 14), flush-to-zero (15), denormals-are-zero (6), masks of the exceptions (7 to
    /// 12); not the sticky flags (0 to 5).
    const LOOKED_AT: u32 = 0xffc0;
    /// To nearest, nothing flushed, all exceptions masked.
    const STANDARD: u32 = 0x1f80;

    #[inline(always)]
    pub fn read() -> u32 {
        let mut mxcsr = 0u32;
        // SAFETY: SSE is a feature of the whole target; four bytes are written to a u32.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags)) };
        mxcsr
    }

    #[inline(always)]
    pub fn unusual() -> super::Unusual {
        let mxcsr = read();
        if mxcsr & LOOKED_AT == STANDARD { None } else { Some(mxcsr) }
    }

    pub const fn standard() -> u32 {
        STANDARD
    }

    #[inline(always)]
    pub fn write(mxcsr: u32) {
        // SAFETY: the value is the contract's, one of `of` or one that was read here: no reserved
        // bit is set. Code that the compiler makes for the environment of the contract runs in it
        // only.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &raw const mxcsr, options(nostack, preserves_flags))
        };
    }

    #[cfg(feature = "environments")]
    pub const fn of(mode: super::Mode) -> Option<u32> {
        Some(
            STANDARD
                | match mode {
                    super::Mode::FlushToZero => 1 << 15,
                    super::Mode::DenormalsAreZero => 1 << 6,
                    super::Mode::FlushBoth => 1 << 15 | 1 << 6,
                    super::Mode::Downward => 1 << 13,
                    super::Mode::Upward => 2 << 13,
                    super::Mode::TowardZero => 3 << 13,
                },
        )
    }
}

/// FPCR.
#[cfg(all(target_arch = "aarch64", not(miri)))]
mod control {
    use core::arch::asm;

    pub type Register = u64;

    /// Rounding (22, 23), FZ (24), FZ16 (19), FIZ (0), AH (1), NEP (2), traps (8 to 12, 15). Not
    /// DN: the contract does not say which NaN a result is.
    const LOOKED_AT: u64 = 3 << 22 | 1 << 24 | 1 << 19 | 7 | 0x1f << 8 | 1 << 15;

    #[inline(always)]
    pub fn read() -> u64 {
        let fpcr: u64;
        // SAFETY: reading the register changes nothing.
        unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags)) };
        fpcr
    }

    #[inline(always)]
    pub fn unusual() -> super::Unusual {
        let fpcr = read();
        if fpcr & LOOKED_AT == 0 { None } else { Some(fpcr) }
    }

    pub fn standard() -> u64 {
        read() & !LOOKED_AT
    }

    #[inline(always)]
    pub fn write(fpcr: u64) {
        // SAFETY: the value is one that was read here, with or without the compared bits. Code that
        // the compiler makes for the environment of the contract runs in it only.
        unsafe { asm!("msr fpcr, {}", in(reg) fpcr, options(nostack, preserves_flags)) };
    }

    #[cfg(feature = "environments")]
    pub fn of(mode: super::Mode) -> Option<u64> {
        Some(standard() | u64::from(super::arm_bits(mode)?))
    }
}

/// FPSCR.
#[cfg(all(target_arch = "arm", target_abi = "eabihf", not(miri)))]
mod control {
    use core::arch::asm;

    pub type Register = u32;

    /// Rounding (22, 23) and FZ (24). Not DN: the contract does not say which NaN a result is.
    const LOOKED_AT: u32 = 7 << 22;

    #[inline(always)]
    pub fn read() -> u32 {
        let fpscr: u32;
        // SAFETY: reading the register changes nothing; the target has it.
        unsafe { asm!("vmrs {}, fpscr", out(reg) fpscr, options(nomem, nostack, preserves_flags)) };
        fpscr
    }

    #[inline(always)]
    pub fn unusual() -> super::Unusual {
        let fpscr = read();
        if fpscr & LOOKED_AT == 0 { None } else { Some(fpscr) }
    }

    pub fn standard() -> u32 {
        read() & !LOOKED_AT
    }

    #[inline(always)]
    pub fn write(fpscr: u32) {
        // SAFETY: the value is one that was read here, with or without the bits looked at. Code
        // that the compiler makes for the environment of the contract runs in it only.
        unsafe { asm!("vmsr fpscr, {}", in(reg) fpscr, options(nostack)) };
    }

    #[cfg(feature = "environments")]
    pub fn of(mode: super::Mode) -> Option<u32> {
        Some(standard() | super::arm_bits(mode)?)
    }
}

/// The field frm of fcsr, by its number: the name requires a feature that the assembler may not
/// have enabled.
#[cfg(all(rosenblatt_riscv_fpu, not(miri)))]
mod control {
    use core::arch::asm;

    pub type Register = usize;

    #[inline(always)]
    pub fn read() -> usize {
        let frm: usize;
        // SAFETY: reading the register changes nothing; the target has it.
        unsafe { asm!("csrr {}, 2", out(reg) frm, options(nomem, nostack, preserves_flags)) };
        frm
    }

    #[inline(always)]
    pub fn unusual() -> super::Unusual {
        let frm = read();
        if frm == 0 { None } else { Some(frm) }
    }

    pub const fn standard() -> usize {
        0
    }

    #[inline(always)]
    pub fn write(frm: usize) {
        // SAFETY: the value is the contract's, one of `of` or one that was read here. Code that the
        // compiler makes for the environment of the contract runs in it only.
        unsafe { asm!("csrw 2, {}", in(reg) frm, options(nostack)) };
    }

    #[cfg(feature = "environments")]
    pub const fn of(mode: super::Mode) -> Option<usize> {
        match mode {
            super::Mode::TowardZero => Some(1),
            super::Mode::Downward => Some(2),
            super::Mode::Upward => Some(3),
            super::Mode::FlushToZero | super::Mode::DenormalsAreZero | super::Mode::FlushBoth => {
                None
            }
        }
    }
}

/// No register, or none that a program can reach. Miri has no register and does not run assembly.
#[cfg(any(
    miri,
    not(any(
        target_feature = "sse2",
        target_arch = "aarch64",
        all(target_arch = "arm", target_abi = "eabihf"),
        rosenblatt_riscv_fpu
    ))
))]
mod control {
    #[derive(Clone, Copy)]
    pub struct Register;

    #[inline(always)]
    pub const fn unusual() -> super::Unusual {
        None
    }

    pub const fn standard() -> Register {
        Register
    }

    #[inline(always)]
    pub const fn write(_: Register) {}

    #[inline(always)]
    pub const fn read() -> Register {
        Register
    }

    #[cfg(feature = "environments")]
    pub const fn of(_: super::Mode) -> Option<Register> {
        None
    }
}
