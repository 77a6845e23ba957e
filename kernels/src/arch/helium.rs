//! Helium (M-profile vector extension) of the Cortex-M55 and similar cores: tiles of matrix
//! products in assembly.
//!
//! No cargo target and no stable `cfg` says that a core has Helium, so the feature `helium` does.
//! For thumbv8m.main-none-eabihf the build script turns it into the cfg `rosenblatt_helium`; on
//! other targets the feature has no effect. Helium is not a backend of its own: the backend is
//! still the scalar one, and [`product`] computes its matrix products. Nothing else uses Helium,
//! because of subnormal numbers.
//!
//! # Subnormal numbers
//! Helium flushes subnormal inputs and results to zero, whatever FPSCR says. The scalar FPU of the
//! same core keeps them, and so does the contract (`NUMERICS.md`, section 1). Helium reports it: a
//! flushed result sets FPSCR.UFC, a flushed input sets FPSCR.IDC, and both flags stay set. A tile
//! keeps its sums in registers, then reads the two flags, and stores only if both are clear.
//! Otherwise it leaves `c` unchanged and returns, and the scalar FPU computes its rows and columns.
//! (This also happens for a flushed number that would have made no difference. The bits are the
//! same.)
//!
//! The rest of Helium's arithmetic is IEEE: rounded to nearest, signed zeros, infinities. A NaN
//! becomes the default NaN; payloads are outside the contract.
//!
//! # The order
//! `c[i][j]` starts at its bias, at zero or at its old value, then adds `a(i, 0)·b[0][j]`,
//! `a(i, 1)·b[1][j]`, …: VMUL, then VADD, never VFMA. The four lanes are four columns.
//!
//! # Panels
//! Pairs of rows are computed in panels of eight columns, the last of four or fewer. A single row
//! is computed in panels of sixteen columns, the last of as many as are left. For each pair of rows
//! and each p, two values of `a` come from core registers. `dx = dy·wᵀ` gathers the lanes of `w`
//! instead of transposing it, and needs no buffer. All functions together are 5 KB of flash.

use crate::gemm::tile::{Matrix, Start};
use core::{arch::global_asm, mem::MaybeUninit};

// Fails to assemble if the compiler targets a core with Helium, which no `cfg` says. The
// instruction is invalid on such cores. It is in a section that no firmware contains. For such a
// core LLVM would vectorize f32 loops with Helium, which flushes subnormals and bypasses our flag
// check (verified: the hashes change).
global_asm!(
    ".pushsection .rosenblatt.discarded,\"\",%progbits",
    "cdp p8, #0, c0, c0, c0, #0 // error: leave `-C target-cpu` off: with Helium known to it, \
     the compiler's own code flushes subnormal numbers",
    ".popsection",
);

// FPSCR.UFC and FPSCR.IDC. With the planted defect neither is checked.
#[cfg(not(rosenblatt_planted_flush))]
global_asm!(".equ rosenblatt_helium_flushed, 0x88");
#[cfg(rosenblatt_planted_flush)]
global_asm!(".equ rosenblatt_helium_flushed, 0");

// A function `extern "C" fn(&mut Tiles, u32) -> u32` is made of these parts:
//
// | register | holds |
// |---|---|
// | r0, r1 | addresses of the next a(i, p) and a(i + 1, p); r1 with `across`: values from p to p + 1 |
// | r2, r3 | row p of b; values from a row to the next |
// | r4 … r11 | values of a |
// | r12, lr | the `Tiles`; rounds left |
// | q0 … q3 | the sums |
// | q4 … q7 | products; with `gather` q6 and q7 are the offsets of the lanes in a row of b, in bytes |
//
// `a` is `along` or `across`. `along`: the values of one row are adjacent, and four are loaded at
// once. `across`: the values of one column are adjacent, and those of the pair of rows are loaded
// at once. `b` is `unit` or `gather`. `tail` is 1 if only the lanes in P0 of the last register take
// part. Loads fill the other lanes with +0; their products can set no flag that the lanes in use do
// not set. Stores leave them out.
global_asm!(
    r#"
    .syntax unified
    .thumb
    .arch armv8.1-m.main
    .arch_extension mve.fp
    .arch_extension lob

    @ q <- register v of row p of b
    .macro rosenblatt_helium_b q, v, wide, b, tail
    .if \tail && \v == \wide - 1
        vpst
      .ifc \b, unit
        vldrwt.u32 \q, [r2, #16*\v]
      .else
        vldrwt.u32 \q, [r2, q6]
      .endif
    .else
      .ifc \b, unit
        vldrw.u32 \q, [r2, #16*\v]
      .else
       .if \v
        vldrw.u32 \q, [r2, q7]
       .else
        vldrw.u32 \q, [r2, q6]
       .endif
      .endif
    .endif
    .endm

    @ Adds a(i, p) b[p] to the sums of row i, and a(i + 1, p) b[p] to those of row i + 1, then goes
    @ on to p + 1.
    .macro rosenblatt_helium_step rows, wide, b, tail, x, z
    rosenblatt_helium_b q4, 0, \wide, \b, \tail
    .if \rows == 2
        vmul.f32 q5, q4, \x
        vmul.f32 q4, q4, \z
        vadd.f32 q0, q0, q5
      .if \wide == 1
        add r2, r2, r3, lsl #2
        vadd.f32 q1, q1, q4
      .else
        rosenblatt_helium_b q5, 1, \wide, \b, \tail
        vadd.f32 q2, q2, q4
        vmul.f32 q4, q5, \x
        add r2, r2, r3, lsl #2
        vmul.f32 q5, q5, \z
        vadd.f32 q1, q1, q4
        vadd.f32 q3, q3, q5
      .endif
    .else
      .if \wide >= 2
        rosenblatt_helium_b q5, 1, \wide, \b, \tail
      .endif
        vmul.f32 q4, q4, \x
      .if \wide >= 3
        rosenblatt_helium_b q6, 2, \wide, \b, \tail
      .endif
      .if \wide >= 2
        vmul.f32 q5, q5, \x
      .endif
        vadd.f32 q0, q0, q4
      .if \wide >= 4
        rosenblatt_helium_b q7, 3, \wide, \b, \tail
      .endif
      .if \wide >= 3
        vmul.f32 q6, q6, \x
      .endif
      .if \wide >= 2
        vadd.f32 q1, q1, q5
      .endif
        add r2, r2, r3, lsl #2
      .if \wide >= 4
        vmul.f32 q7, q7, \x
      .endif
      .if \wide >= 3
        vadd.f32 q2, q2, q6
      .endif
      .if \wide >= 4
        vadd.f32 q3, q3, q7
      .endif
    .endif
    .endm

    @ Loads or stores one register of a row.
    .macro rosenblatt_helium_move do, last, q, p, v
    .if \last
        vpst
        v\do\()rwt.u32 \q, [\p, #16*\v]
    .else
        v\do\()rw.u32 \q, [\p, #16*\v]
    .endif
    .endm

    @ Loads the sums of one row, or stores them.
    .macro rosenblatt_helium_row do, wide, tail, p, q, r
        rosenblatt_helium_move \do, "\tail && \wide == 1", \q, \p, 0
    .if \wide >= 2
        rosenblatt_helium_move \do, "\tail && \wide == 2", \r, \p, 1
    .endif
    .if \wide >= 3
        rosenblatt_helium_move \do, "\tail && \wide == 3", q2, \p, 2
    .endif
    .if \wide >= 4
        rosenblatt_helium_move \do, \tail, q3, \p, 3
    .endif
    .endm

    @ The values of a at one p
    .macro rosenblatt_helium_a rows, a
    .ifc \a, along
        ldr r4, [r0], #4
      .if \rows == 2
        ldr r8, [r1], #4
      .endif
    .else
      .if \rows == 2
        ldrd r4, r8, [r0]
      .else
        ldr r4, [r0]
      .endif
        add r0, r0, r1, lsl #2
    .endif
    .endm

    .macro rosenblatt_helium_tile name, rows, wide, a, b, tail
    .pushsection .text.\name, "ax", %progbits
    .globl \name
    .hidden \name
    .type \name, %function
    .balign 4
    .thumb_func
    \name:
        push {r4-r11, lr}
        vpush {d8-d15}
        mov r12, r0
        vmrs r2, fpscr
        bic r2, r2, #0x88
        vmsr fpscr, r2
    .if \tail
        ldr r2, [r12, #52]
      .if \wide > 1
        subs r2, r2, #4*(\wide - 1)
      .endif
        vctp.32 r2
    .endif
    .ifc \b, gather
        movs r4, #0
        ldr r2, [r12, #48]
        vidup.u32 q6, r4, #4
        vmul.i32 q6, q6, r2
      .if \wide == 2
        lsls r2, r2, #4
        vadd.i32 q7, q6, r2
      .endif
    .endif
        cmp r1, #0
        bne.w 7f
        add r11, r12, #56
        ldm r11, {r4-r7}
        stm r12, {r4-r7}

        @ One row or two: first what the sums start at
    1:  ldm r12, {r4-r10}
        mov r0, r4
        rosenblatt_helium_row ld, \wide, \tail, r5, q0, q1
    .if \rows == 2
        add r5, r5, r9, lsl #2
        rosenblatt_helium_row ld, \wide, \tail, r5, q\wide, q3
      .ifc \a, along
        add r1, r4, r8, lsl #2
      .endif
    .endif
    .ifc \a, across
        ldr r1, [r12, #36]
    .endif
        ldrd r2, r3, [r12, #28]

        @ Four steps a round
        ldr r4, [r12, #40]
        wls lr, r4, 3f
    2:
    .ifc \a, along
        ldm r0!, {r4-r7}
      .if \rows == 2
        ldm r1!, {r8-r11}
      .endif
        rosenblatt_helium_step \rows, \wide, \b, \tail, r4, r8
        rosenblatt_helium_step \rows, \wide, \b, \tail, r5, r9
        rosenblatt_helium_step \rows, \wide, \b, \tail, r6, r10
        rosenblatt_helium_step \rows, \wide, \b, \tail, r7, r11
    .else
      .rept 4
        rosenblatt_helium_a \rows, \a
        rosenblatt_helium_step \rows, \wide, \b, \tail, r4, r8
      .endr
    .endif
        le lr, 2b

        @ The steps that are left
    3:  ldr r4, [r12, #44]
        wls lr, r4, 5f
    4:  rosenblatt_helium_a \rows, \a
        rosenblatt_helium_step \rows, \wide, \b, \tail, r4, r8
        le lr, 4b

        @ Nothing is stored if anything was flushed
    5:  vmrs r0, fpscr
        ldm r12, {r4-r10}
        ands r0, r0, #rosenblatt_helium_flushed
        bne 9f
        rosenblatt_helium_row st, \wide, \tail, r6, q0, q1
    .if \rows == 2
        add r11, r6, r10, lsl #2
        rosenblatt_helium_row st, \wide, \tail, r11, q\wide, q3
    .endif

        @ On to the next rows
    6:  add r4, r4, r8, lsl #\rows + 1
        add r5, r5, r9, lsl #\rows + 1
        add r6, r6, r10, lsl #\rows + 1
        subs r7, r7, #1
        stm r12, {r4-r7}
        bne 1b

        @ On to the next columns
        add r11, r12, #52
        ldm r11, {r2, r4-r9}
        subs r2, r2, #4*\wide
        bls 8f
        add r5, r5, r8, lsl #2
        adds r6, r6, #16*\wide
        stm r11, {r2, r4-r7}
        stm r12, {r4-r7}
        ldr r4, [r12, #28]
        add r4, r4, r9, lsl #2
        str r4, [r12, #28]
    .if \tail
      .if \wide > 1
        subs r2, r2, #4*(\wide - 1)
      .endif
        vctp.32 r2
    .endif
        b 1b

        @ The caller has computed these rows
    7:  ldm r12, {r4-r10}
        b 6b
    8:  movs r0, #0
    9:  vpop {d8-d15}
        pop {r4-r11, pc}
    .size \name, . - \name
    .popsection
    .endm

    @ One panel of one row, a along, b unit. r2 is the columns with a tail.
    .macro rosenblatt_helium_panel wide, tail
    .if \tail
      .if \wide > 1
        subs r2, r2, #4*(\wide - 1)
      .endif
        vctp.32 r2
    .endif
        ldm r12, {r0-r3}
        rosenblatt_helium_row ld, \wide, \tail, r1, q0, q1
        ldr r4, [r12, #20]
        wls lr, r4, 3f
    2:  ldm r0!, {r4-r7}
        rosenblatt_helium_step 1, \wide, unit, \tail, r4, r8
        rosenblatt_helium_step 1, \wide, unit, \tail, r5, r8
        rosenblatt_helium_step 1, \wide, unit, \tail, r6, r8
        rosenblatt_helium_step 1, \wide, unit, \tail, r7, r8
        le lr, 2b
    3:  ldr r4, [r12, #24]
        wls lr, r4, 5f
    4:  ldr r4, [r0], #4
        rosenblatt_helium_step 1, \wide, unit, \tail, r4, r8
        le lr, 4b
    5:  vmrs r0, fpscr
        ldr r1, [r12, #16]
        ands r0, r0, #rosenblatt_helium_flushed
        bne.w 9f
        rosenblatt_helium_row st, \wide, \tail, r1, q0, q1
    .endm

    .pushsection .text.rosenblatt_helium_row, "ax", %progbits
    .globl rosenblatt_helium_row
    .hidden rosenblatt_helium_row
    .type rosenblatt_helium_row, %function
    .balign 4
    .thumb_func
    rosenblatt_helium_row:
        push {r4-r7, lr}
        vpush {d8-d15}
        mov r12, r0
        vmrs r2, fpscr
        bic r2, r2, #0x88
        vmsr fpscr, r2
        ldr r2, [r12, #28]
        cmp r1, #0
        bne.w 7f
    1:  cmp r2, #16
        blo.w 10f
        rosenblatt_helium_panel 4, 0
        ldr r2, [r12, #28]
    7:  subs r2, r2, #16
        bls.w 8f
        str r2, [r12, #28]
        ldrd r1, r3, [r12, #4]
        ldr r4, [r12, #32]
        add r1, r1, r4
        adds r3, #64
        strd r1, r3, [r12, #4]
        ldr r1, [r12, #16]
        adds r1, #64
        str r1, [r12, #16]
        b 1b
    10: cmp r2, #8
        bhi.w 30f
        cmp r2, #4
        bhi.w 20f
        rosenblatt_helium_panel 1, 1
        b 9f
    20: rosenblatt_helium_panel 2, 1
        b 9f
    30: cmp r2, #12
        bhi.w 40f
        rosenblatt_helium_panel 3, 1
        b 9f
    40: rosenblatt_helium_panel 4, 1
        b 9f
    8:  movs r0, #0
    9:  vpop {d8-d15}
        pop {r4-r7, pc}
    .size rosenblatt_helium_row, . - rosenblatt_helium_row
    .popsection

    rosenblatt_helium_tile rosenblatt_helium_2x8, 2, 2, along, unit, 0
    rosenblatt_helium_tile rosenblatt_helium_2x4_tail, 2, 1, along, unit, 1
    rosenblatt_helium_tile rosenblatt_helium_2x8_across, 2, 2, across, unit, 0
    rosenblatt_helium_tile rosenblatt_helium_2x4_across_tail, 2, 1, across, unit, 1
    rosenblatt_helium_tile rosenblatt_helium_1x4_across_tail, 1, 1, across, unit, 1
    rosenblatt_helium_tile rosenblatt_helium_2x8_gather, 2, 2, along, gather, 0
    rosenblatt_helium_tile rosenblatt_helium_2x4_gather_tail, 2, 1, along, gather, 1
    rosenblatt_helium_tile rosenblatt_helium_1x8_gather, 1, 2, along, gather, 0
    rosenblatt_helium_tile rosenblatt_helium_1x4_gather_tail, 1, 1, along, gather, 1

    @ Other assembly of the same module is for the target as it is.
    .purgem rosenblatt_helium_b
    .purgem rosenblatt_helium_step
    .purgem rosenblatt_helium_move
    .purgem rosenblatt_helium_row
    .purgem rosenblatt_helium_a
    .purgem rosenblatt_helium_tile
    .purgem rosenblatt_helium_panel
    .arch armv8-m.main
    .fpu fpv5-sp-d16
    "#,
    options(raw)
);

/// Pointers to rows of a and c and to the start of their sums, and the number of rows (or pairs of
/// rows) left from there on.
#[derive(Clone, Copy)]
#[repr(C)]
struct Place {
    a: *const f32,
    start: *const f32,
    c: *mut f32,
    rows: usize,
}

/// The arguments of a function: panels as wide as the function, and in a panel rows (or pairs of
/// rows) from top to bottom.
///
/// The assembly relies on the offsets of the fields.
#[repr(C)]
struct Tiles {
    /// The current tile. The function writes it first.
    at: MaybeUninit<Place>,
    a_row: usize,
    start_row: usize,
    c_row: usize,
    /// The current panel, in the first row of b
    b: *const f32,
    b_row: usize,
    a_col: usize,
    /// Terms of the sum: groups of four, and the rest
    fours: usize,
    rest: usize,
    b_col: usize,
    /// Columns left, including the current panel
    columns: usize,
    /// The panel's first tile
    first: Place,
    /// Steps from a panel to the next: of the start of the sums in columns, of b in values
    start_step: usize,
    b_step: usize,
}

/// The arguments for a single row.
#[repr(C)]
struct Row {
    a: *const f32,
    /// Start of the sums of the current panel
    start: *const f32,
    b: *const f32,
    /// In values
    b_row: usize,
    /// The current panel in c
    c: *mut f32,
    /// Terms of the sum: groups of four, and the rest
    fours: usize,
    rest: usize,
    /// Columns left, including the current panel
    columns: usize,
    /// Step of `start` from a panel to the next, in bytes
    start_step: usize,
}

/// Computes all panels and returns 0. At a tile that would need a subnormal number it returns
/// another number. Nothing of that tile is stored, and it is the current tile. Called with 0, the
/// function starts; called with 1, it continues after the current tile. The numbers of rows,
/// columns and terms must not be 0.
type Function = unsafe extern "C" fn(&mut Tiles, u32) -> u32;

/// Declares the functions above.
macro_rules! functions {
    ($($name:ident)*) => {
        unsafe extern "C" {
            $(fn $name(tiles: &mut Tiles, again: u32) -> u32;)*
            /// The function for one row, `a` along and `b` unit: panels of sixteen columns, the
            /// last of as many as are left.
            fn rosenblatt_helium_row(row: &mut Row, again: u32) -> u32;
        }
    };
}
functions! {
    rosenblatt_helium_2x8 rosenblatt_helium_2x4_tail
    rosenblatt_helium_2x8_across rosenblatt_helium_2x4_across_tail rosenblatt_helium_1x4_across_tail
    rosenblatt_helium_2x8_gather rosenblatt_helium_2x4_gather_tail
    rosenblatt_helium_1x8_gather rosenblatt_helium_1x4_gather_tail
}

/// A function and the columns of one of its panels.
type Panel = (usize, Function);

/// The functions for one height.
struct Shapes {
    /// For whole panels. The width is a power of two.
    whole: Panel,
    /// For the last columns: 1 to 4, 5 to 8, 9 to 12, 13 to 15. All have a tail.
    rest: [Panel; 4],
}

/// The functions for one kind of strides: for pairs of rows, and for a single last row.
struct Family {
    pairs: Shapes,
    single: Option<Shapes>,
}

/// `a` along, `b` unit. [`row`] computes a single last row.
static ALONG: Family = Family {
    pairs: Shapes { whole: (8, rosenblatt_helium_2x8), rest: [(4, rosenblatt_helium_2x4_tail); 4] },
    single: None,
};
/// `a` across, `b` unit.
static ACROSS: Family = Family {
    pairs: Shapes {
        whole: (8, rosenblatt_helium_2x8_across),
        rest: [(4, rosenblatt_helium_2x4_across_tail); 4],
    },
    single: Some(Shapes {
        whole: (4, rosenblatt_helium_1x4_across_tail),
        rest: [(4, rosenblatt_helium_1x4_across_tail); 4],
    }),
};
/// `a` along, `b` gathered.
static GATHER: Family = Family {
    pairs: Shapes {
        whole: (8, rosenblatt_helium_2x8_gather),
        rest: [(4, rosenblatt_helium_2x4_gather_tail); 4],
    },
    single: Some(Shapes {
        whole: (8, rosenblatt_helium_1x8_gather),
        rest: [(4, rosenblatt_helium_1x4_gather_tail); 4],
    }),
};

/// Products of at most so many multiplications, for one row and for several, are left to the scalar
/// FPU: the setup takes longer.
const FEW: [usize; 2] = [32, 64];

/// The start of sums at zero: as many values as the widest function reads.
static ZEROS: [f32; 16] = [0.0; 16];

/// The product that `gemm` describes, `c[i][j] = start + a(i, 0)·b[0][j] + …`. Returns `false` and
/// does nothing where the product is too small or no function fits the strides. `redo` computes the
/// tiles in which Helium flushed a subnormal number, on the scalar FPU.
///
/// # Safety
/// As for `gemm::product`: `a` must be readable for (0..m, 0..k), `b` for (0..k, 0..n), `c`
/// readable and writable for (0..m, 0..n) with `c.col` 1, a bias for 0..n. The core must have
/// Helium, enabled with its FPU: the feature `helium` says so.
#[inline(always)]
pub(crate) unsafe fn product(
    (m, k, n): (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
    redo: impl Fn(
        (usize, usize, usize),
        Matrix<*const f32>,
        Matrix<*const f32>,
        Matrix<*mut f32>,
        Start,
    ),
) -> bool {
    if n < 2 || m.wrapping_mul(k).wrapping_mul(n) <= FEW[usize::from(m > 1)] {
        return false;
    }
    let family = match (a.col, a.row, b.col) {
        (1, _, 1) => &ALONG,
        (_, 1, 1) => &ACROSS,
        (1, _, _) => &GATHER,
        _ => return false,
    };
    // SAFETY: the caller's promise is the same. The last row lies inside a and c. It is computed
    // here where the family has no function for it; then the match says that a.col and b.col are 1.
    // k and n are not 0: FEW is not negative.
    unsafe {
        if m >= 2 || family.single.is_some() {
            tiles(family, (m, k, n), a, b, c, start, &redo);
        }
        if family.single.is_none() && m % 2 == 1 {
            let a = Matrix { p: a.p.add((m - 1) * a.row), ..a };
            let c = Matrix { p: c.p.add((m - 1) * c.row), ..c };
            row((k, n), a, b, c, start, &redo);
        }
    }
    true
}

/// The product in plain loops, in little flash: for strides that no assembly of the scalar FPU
/// fits.
///
/// # Safety
/// As for [`product`].
#[inline(never)]
pub(crate) unsafe fn plain(
    (m, k, n): (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    for i in 0..m {
        for j in 0..n {
            // SAFETY: i < m, j < n and p < k: what the caller guarantees.
            unsafe {
                let c = c.p.add(i * c.row + j);
                let mut sum = match start {
                    Start::Zero => 0.0,
                    Start::Bias(bias) => *bias.add(j),
                    Start::Carry => *c,
                };
                for p in 0..k {
                    sum += *a.p.add(i * a.row + p * a.col) * *b.p.add(p * b.row + j * b.col);
                }
                *c = sum;
            }
        }
    }
}

/// [`product`] for one row.
///
/// # Safety
/// As for [`product`] with m = 1; `a.col` and `b.col` must be 1, k and n not 0.
#[inline(never)]
unsafe fn row(
    (k, n): (usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
    redo: &impl Fn(
        (usize, usize, usize),
        Matrix<*const f32>,
        Matrix<*const f32>,
        Matrix<*mut f32>,
        Start,
    ),
) {
    const WIDTH: usize = 16;
    let (start_p, start_col) = match start {
        Start::Zero => (ZEROS.as_ptr(), 0),
        Start::Bias(bias) => (bias, size_of::<f32>()),
        Start::Carry => (c.p.cast_const(), size_of::<f32>()),
    };
    let mut row = Row {
        a: a.p,
        start: start_p,
        b: b.p,
        b_row: b.row,
        c: c.p,
        fours: k / 4,
        rest: k % 4,
        columns: n,
        start_step: start_col * WIDTH,
    };
    let mut again = 0;
    // SAFETY: the function reads and writes k terms and n columns with strides that the caller
    // guarantees.
    while unsafe { rosenblatt_helium_row(&mut row, again) } != 0 {
        let start = match start {
            Start::Bias(_) => Start::Bias(row.start),
            other => other,
        };
        redo(
            (1, k, row.columns.min(WIDTH)),
            a,
            Matrix { p: row.b, ..b },
            Matrix { p: row.c, ..c },
            start,
        );
        again = 1;
    }
}

/// [`product`] for several rows, without a single last row where the family has no function for it.
///
/// # Safety
/// As for [`product`]; the family must be the one for these strides, k and n not 0.
#[inline(never)]
unsafe fn tiles(
    family: &Family,
    (m, k, n): (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
    redo: &impl Fn(
        (usize, usize, usize),
        Matrix<*const f32>,
        Matrix<*const f32>,
        Matrix<*mut f32>,
        Start,
    ),
) {
    let (start_p, start_row, start_col) = match start {
        Start::Zero => (ZEROS.as_ptr(), 0, 0),
        Start::Bias(bias) => (bias, 0, 1),
        Start::Carry => (c.p.cast_const(), c.row, 1),
    };
    let mut tiles = Tiles {
        at: MaybeUninit::uninit(),
        a_row: a.row,
        start_row,
        c_row: c.row,
        b: b.p,
        b_row: b.row,
        a_col: a.col,
        fours: k / 4,
        rest: k % 4,
        b_col: b.col,
        columns: n,
        first: Place { a: a.p, start: start_p, c: c.p, rows: 0 },
        start_step: 0,
        b_step: 0,
    };
    let (mut i, mut j) = (0, 0);
    while i < m {
        let (height, shapes) = match &family.single {
            _ if m - i >= 2 => (2, &family.pairs),
            Some(single) => (1, single),
            None => break,
        };
        let rows = (m - i) / height;
        let left = n - j;
        let whole = left & !(shapes.whole.0 - 1);
        let ((width, function), columns) = if whole > 0 {
            (shapes.whole, whole)
        } else {
            (shapes.rest[((left - 1) / 4) & 3], left)
        };
        // SAFETY: i < m and j < n, so (i, 0) lies in a, (0, j) in b, (i, j) in c and in the start
        // of the sums; ZEROS has no strides.
        unsafe {
            tiles.b = b.p.add(j * b.col);
            tiles.first = Place {
                a: a.p.add(i * a.row),
                start: start_p.add(i * start_row + j * start_col),
                c: c.p.add(i * c.row + j),
                rows,
            };
        }
        tiles.columns = columns;
        tiles.start_step = start_col * width;
        tiles.b_step = b.col * width;
        // SAFETY: `rows` times `height` rows from i on are no more than m, `columns` columns from j
        // on no more than n: the caller guarantees all that the function reads and writes. Its
        // family is the one for these strides (the match above). `columns` is a multiple of a whole
        // panel's width, or the function has a tail, which stops at the last column. Rows, columns
        // and k are not 0: i < m, j < n, and FEW is not negative.
        let mut flushed = unsafe { function(&mut tiles, 0) };
        while flushed != 0 {
            // SAFETY: the function has written it.
            let at = unsafe { tiles.at.assume_init() };
            let start = match start {
                Start::Bias(_) => Start::Bias(at.start),
                other => other,
            };
            let (a, b, c) =
                (Matrix { p: at.a, ..a }, Matrix { p: tiles.b, ..b }, Matrix { p: at.c, ..c });
            redo((height, k, width.min(tiles.columns)), a, b, c, start);
            // SAFETY: as above.
            flushed = unsafe { function(&mut tiles, 1) };
        }
        j += columns;
        if j == n {
            j = 0;
            i += rows * height;
        }
    }
}
