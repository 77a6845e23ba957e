//! Kernels that work value by value, in blocks of eight. Remaining values and special cases are
//! computed one by one in plain Rust.

use super::ZEROS;
use crate::array::{F32Array, values, values_mut};
use core::arch::naked_asm;

/// Values in a block.
const BLOCK: usize = 8;

/// The values after the first `blocks` blocks.
#[inline(always)]
fn rest(x: &[f32], blocks: usize) -> &[f32] {
    x.get(blocks * BLOCK..).unwrap_or_default()
}

/// The values after the first `blocks` blocks, mutable.
#[inline(always)]
fn rest_mut(x: &mut [f32], blocks: usize) -> &mut [f32] {
    x.get_mut(blocks * BLOCK..).unwrap_or_default()
}

/// Whether every value is finite.
pub fn all_finite(x: &[f32]) -> bool {
    let (blocks, rest) = x.as_chunks::<BLOCK>();
    let mut sum = if blocks.is_empty() {
        0.0
    } else {
        // SAFETY: reads as many blocks as the slice has.
        unsafe { zero_times(blocks.as_ptr(), blocks.len()) }
    };
    for x in rest {
        sum += x * 0.0;
    }
    !sum.is_nan()
}

/// The sum of 0·x: NaN if a value is not finite.
/// # Safety
/// `x` must be readable for `blocks` > 0 blocks.
#[unsafe(naked)]
unsafe extern "C" fn zero_times(x: *const [f32; BLOCK], blocks: usize) -> f32 {
    /// Eight products with zero.
    macro_rules! block {
        () => {
            concat!(
                "vldmia r0!, {{s8-s15}}\n",
                "vmla.f32 s0, s8, s1\nvmla.f32 s0, s9, s1\n\
                 vmla.f32 s0, s10, s1\nvmla.f32 s0, s11, s1\n",
                "vmla.f32 s0, s12, s1\nvmla.f32 s0, s13, s1\n\
                 vmla.f32 s0, s14, s1\nvmla.f32 s0, s15, s1",
            )
        };
    }
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "movs r2, #0",
        "vmov s0, r2",
        "vmov s1, r2",
        // An odd block, then two at a time: more would take flash.
        "lsrs r1, #1",
        "bcc 3f",
        block!(),
        "cbz r1, 4f",
        "3:",
        block!(),
        block!(),
        "subs r1, #1",
        "bne 3b",
        "4: bx lr",
    )
}

/// w ← w − lr·dw. The number of values is that of the shortest slice.
pub fn sgd(lr: f32, w: &mut [f32], dw: &[f32]) {
    let n = w.len().min(dw.len());
    let blocks = n / BLOCK;
    if blocks > 0 {
        // SAFETY: both slices hold n values.
        unsafe { sgd_blocks(w.as_mut_ptr(), dw.as_ptr(), blocks, lr) };
    }
    for (w, dw) in rest_mut(w, blocks).iter_mut().zip(rest(dw, blocks)) {
        *w -= lr * dw;
    }
}

/// One difference w − lr·g.
#[cfg(not(rosenblatt_slow_vmla))]
macro_rules! mls {
    ($w:literal, $g:literal) => {
        concat!("vmls.f32 s", $w, ", s", $g, ", s0\n")
    };
}
#[cfg(rosenblatt_slow_vmla)]
macro_rules! mls {
    ($w:literal, $g:literal) => {
        concat!("vmul.f32 s1, s", $g, ", s0\nvsub.f32 s", $w, ", s", $w, ", s1\n")
    };
}

/// # Safety
/// `w` and `dw` must be valid for `blocks` > 0 blocks.
#[unsafe(naked)]
unsafe extern "C" fn sgd_blocks(w: *mut f32, dw: *const f32, blocks: usize, lr: f32) {
    /// Eight differences.
    macro_rules! block {
        () => {
            concat!(
                "vldmia r1!, {{s16-s23}}\nvldmia r0, {{s8-s15}}\n",
                mls!(8, 16),
                mls!(9, 17),
                mls!(10, 18),
                mls!(11, 19),
                mls!(12, 20),
                mls!(13, 21),
                mls!(14, 22),
                mls!(15, 23),
                "vstmia r0!, {{s8-s15}}",
            )
        };
    }
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "vpush {{d8-d11}}",
        "ands r3, r2, #3",
        "beq 2f",
        "1:",
        block!(),
        "subs r3, #1",
        "bne 1b",
        "2: lsrs r2, #2",
        "beq 4f",
        "3:",
        block!(),
        block!(),
        block!(),
        block!(),
        "subs r2, #1",
        "bne 3b",
        "4:",
        "vpop {{d8-d11}}",
        "bx lr",
    )
}

/// x ← x where 0 < x or x is NaN, else +0.
pub fn relu(mut x: &mut [f32]) {
    while x.len() >= BLOCK {
        // SAFETY: reads and writes as many blocks as the slice has.
        let left = unsafe { relu_blocks(x.as_mut_ptr(), x.len() / BLOCK) };
        let done = (x.len() / BLOCK - left) * BLOCK;
        x = x.get_mut(done..).unwrap_or_default();
        if left > 0 {
            // A block whose sum is NaN may contain a NaN.
            let (block, rest) = x.split_at_mut(BLOCK.min(x.len()));
            relu_values(block);
            x = rest;
        }
    }
    relu_values(x);
}

fn relu_values(x: &mut [f32]) {
    for x in x {
        if *x <= 0.0 {
            *x = 0.0;
        }
    }
}

/// Sets values with the sign bit to +0, block after block, until the sum of a block is NaN. Returns
/// the number of blocks left.
/// # Safety
/// `x` must be valid for `blocks` > 0 blocks.
#[unsafe(naked)]
unsafe extern "C" fn relu_blocks(x: *mut f32, blocks: usize) -> usize {
    /// Eight values. Jumps to 5 if their sum is NaN.
    macro_rules! block {
        () => {
            concat!(
                "vldmia r0, {{s0-s7}}\n",
                "vadd.f32 s0, s0, s1\nvadd.f32 s0, s0, s2\n\
                 vadd.f32 s0, s0, s3\nvadd.f32 s0, s0, s4\n",
                "vadd.f32 s0, s0, s5\nvadd.f32 s0, s0, s6\nvadd.f32 s0, s0, s7\n",
                "vcmp.f32 s0, s0\nvmrs APSR_nzcv, fpscr\nbvs 5f\n",
                "ldm r0, {{r2-r9}}\n",
                "bic r2, r2, r2, asr #31\nbic r3, r3, r3, asr #31\n\
                 bic r4, r4, r4, asr #31\nbic r5, r5, r5, asr #31\n",
                "bic r6, r6, r6, asr #31\nbic r7, r7, r7, asr #31\n\
                 bic r8, r8, r8, asr #31\nbic r9, r9, r9, asr #31\n",
                "stmia r0!, {{r2-r9}}",
            )
        };
    }
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r9}}",
        // r12: the end; r1: the first group of four blocks.
        "add r12, r0, r1, lsl #5",
        "and r1, r1, #3",
        "add r1, r0, r1, lsl #5",
        "1: cmp r0, r1",
        "beq 3f",
        block!(),
        "b 1b",
        "2:",
        block!(),
        block!(),
        block!(),
        block!(),
        "3: cmp r0, r12",
        "bne 2b",
        "5: sub r0, r12, r0",
        "lsrs r0, #5",
        "pop {{r4-r9}}",
        "bx lr",
    )
}

/// dy ← dy where 0 < y, else +0. The number of values is that of the shortest slice.
pub fn relu_grad(y: &[f32], dy: &mut [f32]) {
    let blocks = y.len().min(dy.len()) / BLOCK;
    if blocks > 0 {
        // SAFETY: both slices hold as many blocks.
        unsafe { relu_grad_blocks(y.as_ptr(), dy.as_mut_ptr(), blocks) };
    }
    for (y, dy) in rest(y, blocks).iter().zip(rest_mut(dy, blocks)) {
        // A NaN is not above zero.
        let above = *y > 0.0;
        if !above {
            *dy = 0.0;
        }
    }
}

/// Sets dy to +0 unless y is above zero, which as an integer means 1 to 0x7f800000.
macro_rules! clear {
    ($y:literal, $offset:literal) => {
        concat!("subs ", $y, ", #1\ncmp ", $y, ", r3\nit hs\nstrhs lr, [r1, #", $offset, "]\n")
    };
}

/// # Safety
/// `y` and `dy` must be valid for `blocks` > 0 blocks.
#[unsafe(naked)]
unsafe extern "C" fn relu_grad_blocks(y: *const f32, dy: *mut f32, blocks: usize) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r11, lr}}",
        "mov r3, #0x7f800000",
        "mov lr, #0",
        "lsrs r2, #1",
        "bcc 1f",
        "ldmia r0!, {{r4-r11}}",
        clear!("r4", 0),
        clear!("r5", 4),
        clear!("r6", 8),
        clear!("r7", 12),
        clear!("r8", 16),
        clear!("r9", 20),
        clear!("r10", 24),
        clear!("r11", 28),
        "add r1, #32",
        "1: cmp r2, #0",
        "beq 3f",
        "2: ldmia r0!, {{r4-r11}}",
        clear!("r4", 0),
        clear!("r5", 4),
        clear!("r6", 8),
        clear!("r7", 12),
        clear!("r8", 16),
        clear!("r9", 20),
        clear!("r10", 24),
        clear!("r11", 28),
        "ldmia r0!, {{r4-r11}}",
        clear!("r4", 32),
        clear!("r5", 36),
        clear!("r6", 40),
        clear!("r7", 44),
        clear!("r8", 48),
        clear!("r9", 52),
        clear!("r10", 56),
        clear!("r11", 60),
        "adds r1, #64",
        "subs r2, #1",
        "bne 2b",
        "3:",
        "pop {{r4-r11, pc}}",
    )
}

/// dy ← dy·(1 − y·y). The number of values is that of the shortest slice.
pub fn tanh_grad(y: &[f32], dy: &mut [f32]) {
    let blocks = y.len().min(dy.len()) / BLOCK;
    if blocks > 0 {
        // SAFETY: both slices hold as many blocks.
        unsafe { tanh_grad_blocks(y.as_ptr(), dy.as_mut_ptr(), blocks) };
    }
    for (y, dy) in rest(y, blocks).iter().zip(rest_mut(dy, blocks)) {
        *dy *= 1.0 - y * y;
    }
}

/// The registers that `tanh_grad_blocks` saves for its caller. The planted defect omits one.
#[cfg(not(rosenblatt_planted_spoil))]
macro_rules! tanh_saves {
    () => {
        "{{d8-d11}}"
    };
}
#[cfg(rosenblatt_planted_spoil)]
macro_rules! tanh_saves {
    () => {
        "{{d8-d10}}"
    };
}

/// One value: d is register s16 and up, y s8 and up.
macro_rules! tanh_slope {
    ($y:literal, $d:literal) => {
        concat!(
            "vmul.f32 s",
            $y,
            ", s",
            $y,
            ", s",
            $y,
            "\n",
            "vsub.f32 s",
            $y,
            ", s0, s",
            $y,
            "\n",
            "vmul.f32 s",
            $d,
            ", s",
            $d,
            ", s",
            $y,
            "\n",
        )
    };
}

/// # Safety
/// `y` and `dy` must be valid for `blocks` > 0 blocks.
#[unsafe(naked)]
unsafe extern "C" fn tanh_grad_blocks(y: *const f32, dy: *mut f32, blocks: usize) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        concat!("vpush ", tanh_saves!()),
        "vmov.f32 s0, #1.0",
        "1: vldmia r0!, {{s8-s15}}",
        "vldmia r1, {{s16-s23}}",
        tanh_slope!(8, 16),
        tanh_slope!(9, 17),
        tanh_slope!(10, 18),
        tanh_slope!(11, 19),
        tanh_slope!(12, 20),
        tanh_slope!(13, 21),
        tanh_slope!(14, 22),
        tanh_slope!(15, 23),
        "vstmia r1!, {{s16-s23}}",
        "subs r2, #1",
        "bne 1b",
        concat!("vpop ", tanh_saves!()),
        "bx lr",
    )
}

/// sums ← the sum of the rows of x. Each sum starts at +0 and adds the rows in order.
pub fn sum_rows<Y: F32Array>(x: &[Y], sums: &mut Y) {
    let (columns, sums) = (x.as_ptr().cast::<f32>(), values_mut(sums));
    let mut j = 0;
    // SAFETY: j + 16 (and j + 8) ≤ Y::LEN: each row and the sums have as many columns left.
    unsafe {
        while j + 16 <= Y::LEN {
            sum_16(columns.wrapping_add(j), 4 * Y::LEN, x.len(), sums.as_mut_ptr().add(j), &ZEROS);
            j += 16;
        }
        if j + 8 <= Y::LEN {
            sum_8(columns.wrapping_add(j), 4 * Y::LEN, x.len(), sums.as_mut_ptr().add(j), &ZEROS);
            j += 8;
        }
    }
    // The last columns are summed side by side.
    let mut last = [0.0f32; BLOCK];
    for row in x {
        for (sum, x) in last.iter_mut().zip(values(row).iter().skip(j)) {
            *sum += x;
        }
    }
    for (to, sum) in sums.iter_mut().skip(j).zip(last) {
        *to = sum;
    }
}

/// Adds one value to the sum of its column.
macro_rules! plus {
    ($sum:literal, $x:literal) => {
        concat!("vadd.f32 s", $sum, ", s", $sum, ", s", $x, "\n")
    };
}

/// # Safety
/// `x` must be readable for m rows of 16, which are `row` bytes apart, `sums` writable for 16.
#[unsafe(naked)]
unsafe extern "C" fn sum_16(
    x: *const f32,
    row: usize,
    m: usize,
    sums: *mut f32,
    zeros: &[f32; 16],
) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "ldr r12, [sp]",
        "vpush {{d8-d15}}",
        "vldmia r12, {{s0-s15}}",
        "cmp r2, #0",
        "beq 2f",
        "1: vldmia r0, {{s16-s31}}",
        "add r0, r1",
        plus!(0, 16),
        plus!(1, 17),
        plus!(2, 18),
        plus!(3, 19),
        plus!(4, 20),
        plus!(5, 21),
        plus!(6, 22),
        plus!(7, 23),
        plus!(8, 24),
        plus!(9, 25),
        plus!(10, 26),
        plus!(11, 27),
        plus!(12, 28),
        plus!(13, 29),
        plus!(14, 30),
        plus!(15, 31),
        "subs r2, #1",
        "bne 1b",
        "2: vstmia r3, {{s0-s15}}",
        "vpop {{d8-d15}}",
        "bx lr",
    )
}

/// # Safety
/// `x` must be readable for m rows of 8, which are `row` bytes apart, `sums` writable for 8.
#[unsafe(naked)]
unsafe extern "C" fn sum_8(x: *const f32, row: usize, m: usize, sums: *mut f32, zeros: &[f32; 16]) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "ldr r12, [sp]",
        "vldmia r12, {{s0-s7}}",
        "cmp r2, #0",
        "beq 2f",
        "1: vldmia r0, {{s8-s15}}",
        "add r0, r1",
        plus!(0, 8),
        plus!(1, 9),
        plus!(2, 10),
        plus!(3, 11),
        plus!(4, 12),
        plus!(5, 13),
        plus!(6, 14),
        plus!(7, 15),
        "subs r2, #1",
        "bne 1b",
        "2: vstmia r3, {{s0-s7}}",
        "bx lr",
    )
}
