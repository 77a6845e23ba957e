//! Adam's update, two values at a time.

use core::arch::naked_asm;

/// One step of [`adam`](crate::optimizer::adam) with α, (β₁, β₂), (1 − β₁, 1 − β₂) and ε. The number
/// of values is that of the shortest slice.
#[inline(always)]
pub fn adam(
    alpha: f32,
    beta: (f32, f32),
    one_minus: (f32, f32),
    epsilon: f32,
    [w, m, v]: [&mut [f32]; 3],
    dw: &[f32],
) {
    let n = w.len().min(m.len()).min(v.len()).min(dw.len());
    let (w, m, v, dw) = (w.as_mut_ptr(), m.as_mut_ptr(), v.as_mut_ptr(), dw.as_ptr());
    // SAFETY: all four slices hold n values.
    unsafe { values(alpha, beta.0, beta.1, one_minus.0, one_minus.1, epsilon, w, m, v, dw, n) };
}

/// sum ← sum + x·w, the product rounded first. The arguments are register numbers. s7 is scratch.
#[cfg(not(rosenblatt_slow_vmla))]
macro_rules! mla {
    ($sum:literal, $x:literal, $w:literal) => {
        concat!("vmla.f32 s", $sum, ", s", $x, ", s", $w, "\n")
    };
}
#[cfg(rosenblatt_slow_vmla)]
macro_rules! mla {
    ($sum:literal, $x:literal, $w:literal) => {
        concat!("vmul.f32 s7, s", $x, ", s", $w, "\nvadd.f32 s", $sum, ", s", $sum, ", s7\n")
    };
}

/// Two values at a time, as long as the squares of their gradients add up to less than 2¹²⁶. Else
/// one of them may be huge, and the next value is updated alone. So is the last of an odd number.
///
/// Subnormal moments become +0 by adding +0 while the FPU flushes them.
/// # Safety
/// `w`, `m` and `v` must be valid for reading and writing `n` values, `dw` readable for them.
#[unsafe(naked)]
#[allow(clippy::too_many_arguments, reason = "each has a register, but for the last")]
unsafe extern "C" fn values(
    alpha: f32,
    beta1: f32,
    beta2: f32,
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    epsilon: f32,
    w: *mut f32,
    m: *mut f32,
    v: *mut f32,
    dw: *const f32,
    n: usize,
) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r6, lr}}",
        "ldr r6, [sp, #16]",
        "movs r4, #0",
        "vmov s6, r4",
        // r4: the environment of the contract; r5: the same, but subnormal numbers are flushed.
        "vmrs r4, fpscr",
        "orr r5, r4, #0x1000000",
        "1: subs r6, #2",
        "blo 2f",
        "vldmia r3, {{s8-s9}}",
        "vmul.f32 s10, s8, s8\nvmul.f32 s11, s9, s9",
        "vadd.f32 s7, s10, s11",
        // As integers: 2¹²⁶, infinity, NaN.
        "vmov r12, s7\ncmp r12, #0x7e800000\nbhs 2f",
        "vldmia r1, {{s12-s13}}",
        "vmul.f32 s8, s8, s3\nvmul.f32 s9, s9, s3",
        mla!(8, 1, 12),
        mla!(9, 1, 13),
        "vldmia r2, {{s12-s13}}",
        "vmul.f32 s10, s10, s4\nvmul.f32 s11, s11, s4",
        mla!(10, 2, 12),
        mla!(11, 2, 13),
        "vsqrt.f32 s12, s10\nvsqrt.f32 s13, s11",
        "vmul.f32 s14, s0, s8\nvmul.f32 s15, s0, s9",
        "vadd.f32 s12, s12, s5\nvadd.f32 s13, s13, s5",
        "vdiv.f32 s12, s14, s12\nvdiv.f32 s13, s15, s13",
        "vldmia r0, {{s14-s15}}",
        "vsub.f32 s14, s14, s12\nvsub.f32 s15, s15, s13",
        "vstmia r0!, {{s14-s15}}",
        "vmsr fpscr, r5",
        "vadd.f32 s8, s8, s6\nvadd.f32 s9, s9, s6",
        "vadd.f32 s10, s10, s6\nvadd.f32 s11, s11, s6",
        "vmsr fpscr, r4",
        "vstmia r1!, {{s8-s9}}",
        "vstmia r2!, {{s10-s11}}",
        "adds r3, #8",
        "b 1b",
        // One value, if there is one.
        "2: adds r6, #2",
        "beq 5f",
        "vldmia r3!, {{s8}}",
        "vldr s14, [r0]",
        "vmul.f32 s10, s8, s8",
        "vmov r12, s10\ncmp r12, #0x7e800000\nbhs 4f",
        "vldr s12, [r1]",
        "vldr s13, [r2]",
        "vmul.f32 s8, s8, s3",
        mla!(8, 1, 12),
        "vmul.f32 s10, s10, s4",
        mla!(10, 2, 13),
        "vsqrt.f32 s12, s10",
        "vmul.f32 s13, s0, s8",
        "vadd.f32 s12, s12, s5",
        "vdiv.f32 s12, s13, s12",
        "vmsr fpscr, r5",
        "vadd.f32 s8, s8, s6\nvadd.f32 s10, s10, s6",
        "vmsr fpscr, r4",
        "vstr s8, [r1]",
        "vstr s10, [r2]",
        "3: vsub.f32 s14, s14, s12",
        "vstmia r0!, {{s14}}",
        "adds r1, #4",
        "adds r2, #4",
        "subs r6, #1",
        "b 1b",
        // Its gradient is huge: a whole step against the sign.
        "4: vabs.f32 s12, s8",
        "vdiv.f32 s12, s8, s12",
        "vmul.f32 s12, s0, s12",
        "b 3b",
        "5: pop {{r4-r6, pc}}",
    )
}
