//! Helium (M-profile vector extension) of the Cortex-M55 and its kin: tiles of matrix products in assembly.
//!
//! No cargo target and no stable `cfg` says that a chip has Helium, so the feature `helium` does. It is no backend of its own: the scalar one
//! stays, and [`product`] takes over the matrix products. Everything else stays plain Rust, for a reason:
//!
//! # Subnormal numbers
//! Helium flushes subnormal inputs and results to zero, whatever FPSCR says; the scalar FPU of the same core keeps them, and so
//! does the contract (`NUMERICS.md`, section 1). But Helium tells: a flushed result sets FPSCR.UFC, a flushed input FPSCR.IDC, and both
//! stay set. A tile keeps its sums in registers, then looks at the two flags, and stores only if both are clear. Otherwise it leaves `c` as it
//! was and returns, and its rows and columns are computed by the scalar FPU. (A number that was flushed and would have made no
//! difference is computed twice; the bits are right either way.)
//!
//! The rest of Helium's arithmetic is IEEE: rounded to nearest, signed zeros, infinities. A NaN becomes the default NaN; payloads are outside
//! the contract.
//!
//! # The order
//! `c[i][j]` starts at its bias, at zero or at itself, then adds a(i, 0)·b[0][j], a(i, 1)·b[1][j], …: VMUL, then VADD, never VFMA.
//! The four lanes are four columns.

#![allow(clippy::module_name_repetitions, reason = "symbols of an assembler have no modules")]

#[cfg(not(all(target_arch = "arm", target_abi = "eabihf", target_os = "none", target_endian = "little")))]
compile_error!(
    "the feature `helium` is for chips with a Cortex-M55 or another Armv8.1-M core with MVE and floating point: build for thumbv8m.main-none-eabihf, or leave the feature off"
);

use crate::blas::{Matrix, Start};
use core::arch::global_asm;

// Assembles for Armv8-M only, and leaves nothing in the firmware: with the features of Cortex-M4 or M7, which no `cfg` tells from an M33's
// and an M55's, this is an error.
global_asm!(
    ".pushsection .rosenblatt.discarded,\"\",%progbits",
    "tt r0, r0 // error: the feature `helium` is for thumbv8m.main-none-eabihf, not for this target",
    ".popsection",
);

// FPSCR.UFC and FPSCR.IDC. The planted defect looks at neither.
#[cfg(not(feature = "planted-flush"))]
global_asm!(".equ rosenblatt_helium_flushed, 0x88");
#[cfg(feature = "planted-flush")]
global_asm!(".equ rosenblatt_helium_flushed, 0");

// A function `extern "C" fn(&mut Tiles)` is made of these parts:
//
// | register | holds |
// |---|---|
// | r0, r1 | where the next a(i, p) and a(i + 1, p) lie; r1 with `across`: bytes from p to p + 1 |
// | r2, r3 | row p of b; bytes from a row to the next |
// | r4 … r11 | values of a |
// | r12, lr | the `Tiles`; rounds left |
// | q0 … q3 | the sums |
// | q4 … q7 | products; with `gather` q6 and q7 are where in a row of b the lanes lie, in bytes |
//
// `a` is `along`: values of one row lie side by side, and four are loaded at once; or `across`: values of one column do, and the pair of rows is
// loaded at once. `b` is `unit` or `gather`. `tail` is 1 if only the first lanes take part, as P0 says: loads fill the others with +0, whose
// products can set no flag that the lanes in use do not set, and stores leave them out.
global_asm!(
    r#"
    .syntax unified
    .thumb
    .arch armv8.1-m.main
    .arch_extension mve.fp
    .arch_extension lob

    @ q <- register v of row p of b
    .macro rosenblatt_helium_b q, v, b, tail
    .if \tail
        vpst
      .ifc \b, unit
        vldrwt.u32 \q, [r2]
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

    @ Adds a(i, p) b[p] to the sums of row i, and a(i + 1, p) b[p] to those of row i + 1, then goes on to p + 1.
    .macro rosenblatt_helium_step rows, wide, b, tail, x, z
    rosenblatt_helium_b q4, 0, \b, \tail
    .if \rows == 2
        vmul.f32 q5, q4, \x
      .if \wide == 1
        add r2, r2, r3
        vmul.f32 q4, q4, \z
        vadd.f32 q0, q0, q5
        vadd.f32 q1, q1, q4
      .else
        vmul.f32 q4, q4, \z
        vadd.f32 q0, q0, q5
        rosenblatt_helium_b q5, 1, \b, 0
        vadd.f32 q2, q2, q4
        vmul.f32 q4, q5, \x
        add r2, r2, r3
        vmul.f32 q5, q5, \z
        vadd.f32 q1, q1, q4
        vadd.f32 q3, q3, q5
      .endif
    .else
      .if \wide == 1
        add r2, r2, r3
        vmul.f32 q4, q4, \x
        vadd.f32 q0, q0, q4
      .else
        rosenblatt_helium_b q5, 1, \b, 0
        vmul.f32 q4, q4, \x
       .if \wide == 4
        vldrw.u32 q6, [r2, #32]
        vmul.f32 q5, q5, \x
        vadd.f32 q0, q0, q4
        vldrw.u32 q7, [r2, #48]
        vmul.f32 q6, q6, \x
        vadd.f32 q1, q1, q5
        add r2, r2, r3
        vmul.f32 q7, q7, \x
        vadd.f32 q2, q2, q6
        vadd.f32 q3, q3, q7
       .else
        add r2, r2, r3
        vmul.f32 q5, q5, \x
        vadd.f32 q0, q0, q4
        vadd.f32 q1, q1, q5
       .endif
      .endif
    .endif
    .endm

    @ q, the next ones ... <- the registers of a row of c or of what it starts at, or the other way.
    .macro rosenblatt_helium_row do, wide, tail, p, q, r, s, t
    .if \tail
        vpst
        v\do\()rwt.u32 \q, [\p]
    .else
        v\do\()rw.u32 \q, [\p]
    .endif
    .if \wide >= 2
        v\do\()rw.u32 \r, [\p, #16]
    .endif
    .if \wide == 4
        v\do\()rw.u32 \s, [\p, #32]
        v\do\()rw.u32 \t, [\p, #48]
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
        vmrs r1, fpscr
        bic r1, r1, #0x88
        vmsr fpscr, r1
    .if \tail
        ldr r1, [r12, #48]
        vctp.32 r1
    .endif
    .ifc \b, gather
        movs r4, #0
        ldr r2, [r12, #52]
        vidup.u32 q6, r4, #1
        vmul.i32 q6, q6, r2
      .if \wide == 2
        lsls r2, r2, #2
        vadd.i32 q7, q6, r2
      .endif
    .endif

        @ Two rows, or one: first what the sums start at
    1:  ldm r12, {r4-r10}
        mov r0, r4
        rosenblatt_helium_row ld, \wide, \tail, r5, q0, q1, q2, q3
    .if \rows == 2
        add r5, r5, r9
        rosenblatt_helium_row ld, \wide, \tail, r5, q\wide, q3, , 
      .ifc \a, along
        add r1, r4, r8
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
       .if \rows == 2
        ldrd r4, r8, [r0]
       .else
        ldr r4, [r0]
       .endif
        add r0, r0, r1
        rosenblatt_helium_step \rows, \wide, \b, \tail, r4, r8
      .endr
    .endif
        le lr, 2b

        @ The steps that are left
    3:  ldr r4, [r12, #44]
        wls lr, r4, 5f
    4:
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
        add r0, r0, r1
    .endif
        rosenblatt_helium_step \rows, \wide, \b, \tail, r4, r8
        le lr, 4b

        @ Nothing is stored if anything was flushed
    5:  vmrs r0, fpscr
        ldm r12, {r4-r10}
        tst r0, #rosenblatt_helium_flushed
        bne 6f
        rosenblatt_helium_row st, \wide, \tail, r6, q0, q1, q2, q3
        add r6, r6, r10
        add r4, r4, r8
        add r5, r5, r9
    .if \rows == 2
        rosenblatt_helium_row st, \wide, \tail, r6, q\wide, q3, , 
        add r6, r6, r10
        add r4, r4, r8
        add r5, r5, r9
    .endif
        subs r7, r7, #1
        stm r12, {r4-r7}
        bne 1b
    6:  vpop {d8-d15}
        pop {r4-r11, pc}
    .size \name, . - \name
    .popsection
    .endm

    rosenblatt_helium_tile rosenblatt_helium_2x8, 2, 2, along, unit, 0
    rosenblatt_helium_tile rosenblatt_helium_2xt, 2, 1, along, unit, 1
    rosenblatt_helium_tile rosenblatt_helium_1x16, 1, 4, along, unit, 0
    rosenblatt_helium_tile rosenblatt_helium_1x8, 1, 2, along, unit, 0
    rosenblatt_helium_tile rosenblatt_helium_1xt, 1, 1, along, unit, 1
    rosenblatt_helium_tile rosenblatt_helium_2x8_across, 2, 2, across, unit, 0
    rosenblatt_helium_tile rosenblatt_helium_2xt_across, 2, 1, across, unit, 1
    rosenblatt_helium_tile rosenblatt_helium_1xt_across, 1, 1, across, unit, 1
    rosenblatt_helium_tile rosenblatt_helium_2x8_gather, 2, 2, along, gather, 0
    rosenblatt_helium_tile rosenblatt_helium_2xt_gather, 2, 1, along, gather, 1
    rosenblatt_helium_tile rosenblatt_helium_1x8_gather, 1, 2, along, gather, 0
    rosenblatt_helium_tile rosenblatt_helium_1xt_gather, 1, 1, along, gather, 1

    @ Other assembly of the same module is for the target as it is.
    .purgem rosenblatt_helium_b
    .purgem rosenblatt_helium_step
    .purgem rosenblatt_helium_row
    .purgem rosenblatt_helium_tile
    .arch armv8-m.main
    .fpu fpv5-sp-d16
    "#,
    options(raw)
);

/// What a tile function works on; strides in bytes. It moves the first four on as it gets rows done.
#[repr(C)]
struct Tiles {
    /// The first row of a, and what it starts at
    a: *const f32,
    start: *const f32,
    c: *mut f32,
    /// How many rows, or pairs of rows, are left; never zero at a call
    rows: usize,
    a_row: usize,
    start_row: usize,
    c_row: usize,
    b: *const f32,
    b_row: usize,
    a_col: usize,
    /// Terms of the sum: fours and what is left
    fours: usize,
    rest: usize,
    /// Lanes in use, for a function with a tail
    lanes: usize,
    b_col: usize,
}

/// Computes rows until none is left, or until one (or one of a pair) would need a subnormal number: that is the first of those that are left then, and
/// nothing of it is stored.
type Function = unsafe extern "C" fn(&mut Tiles);

unsafe extern "C" {
    fn rosenblatt_helium_2x8(_: &mut Tiles);
    fn rosenblatt_helium_2xt(_: &mut Tiles);
    fn rosenblatt_helium_1x16(_: &mut Tiles);
    fn rosenblatt_helium_1x8(_: &mut Tiles);
    fn rosenblatt_helium_1xt(_: &mut Tiles);
    fn rosenblatt_helium_2x8_across(_: &mut Tiles);
    fn rosenblatt_helium_2xt_across(_: &mut Tiles);
    fn rosenblatt_helium_1xt_across(_: &mut Tiles);
    fn rosenblatt_helium_2x8_gather(_: &mut Tiles);
    fn rosenblatt_helium_2xt_gather(_: &mut Tiles);
    fn rosenblatt_helium_1x8_gather(_: &mut Tiles);
    fn rosenblatt_helium_1xt_gather(_: &mut Tiles);
}

/// Functions for pairs of rows and for single ones, by width. The last of each is the one with a tail.
struct Family {
    pairs: &'static [(usize, Function)],
    singles: &'static [(usize, Function)],
}

static ALONG: Family = Family {
    pairs: &[(8, rosenblatt_helium_2x8), (4, rosenblatt_helium_2xt)],
    singles: &[(16, rosenblatt_helium_1x16), (8, rosenblatt_helium_1x8), (4, rosenblatt_helium_1xt)],
};
static ACROSS: Family = Family {
    pairs: &[(8, rosenblatt_helium_2x8_across), (4, rosenblatt_helium_2xt_across)],
    singles: &[(4, rosenblatt_helium_1xt_across)],
};
static GATHER: Family = Family {
    pairs: &[(8, rosenblatt_helium_2x8_gather), (4, rosenblatt_helium_2xt_gather)],
    singles: &[(8, rosenblatt_helium_1x8_gather), (4, rosenblatt_helium_1xt_gather)],
};

/// What sums of no start start at: as many as the widest function takes.
static ZEROS: [f32; 16] = [0.0; 16];

const BYTES: usize = size_of::<f32>();

/// The product that `blas` describes, `c[i][j] = start + a(i, 0)·b[0][j] + …`; `redo` does it, or a part of it, on the scalar FPU.
///
/// `redo` gets everything where lanes would not pay or no tile fits the strides (then neither `b.col` nor `a.col` and `a.row` are 1), and the tiles
/// in which Helium flushed a subnormal number.
///
/// # Safety
/// As for `blas::product`: `a` must be readable for (0..m, 0..k), `b` for (0..k, 0..n), `c` readable and writable for (0..m, 0..n) with `c.col` 1, a
/// bias for 0..n. The chip must have Helium, with coprocessors 10 and 11 enabled: the feature `helium` says so.
#[inline(always)]
pub(crate) unsafe fn product(
    (m, k, n): (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
    redo: impl Fn((usize, usize, usize), Matrix<*const f32>, Matrix<*const f32>, Matrix<*mut f32>, Start),
) {
    let family = match (a.col, a.row, b.col) {
        _ if k == 0 || n < 2 => None,
        (1, _, 1) => Some(&ALONG),
        (_, 1, 1) => Some(&ACROSS),
        (1, _, _) => Some(&GATHER),
        _ => None,
    };
    let Some(family) = family else {
        redo((m, k, n), a, b, c, start);
        return;
    };
    let pairs = m / 2;
    for (functions, height, first, rows) in [(family.pairs, 2, 0, pairs), (family.singles, 1, 2 * pairs, m % 2)] {
        if rows == 0 {
            continue;
        }
        let mut j = 0;
        for (i, &(width, function)) in functions.iter().enumerate() {
            let tail = i + 1 == functions.len();
            while j + width <= n || tail && j < n {
                let columns = width.min(n - j);
                // SAFETY: row `first` lies in a and c, for rows is not 0; column j lies in b, c and a bias, for it is below n.
                let (a_first, b_first, c_first) =
                    unsafe { (a.p.add(first * a.row), b.p.add(j * b.col), c.p.add(first * c.row + j)) };
                let (start_first, start_row) = match start {
                    Start::Zero => (ZEROS.as_ptr(), 0),
                    // SAFETY: as above.
                    Start::Bias(bias) => (unsafe { bias.add(j) }, 0),
                    Start::Carry => (c_first.cast_const(), c.row * BYTES),
                };
                let mut tiles = Tiles {
                    a: a_first,
                    start: start_first,
                    c: c_first,
                    rows,
                    a_row: a.row * BYTES,
                    start_row,
                    c_row: c.row * BYTES,
                    b: b_first,
                    b_row: b.row * BYTES,
                    a_col: a.col * BYTES,
                    fours: k / 4,
                    rest: k % 4,
                    lanes: columns,
                    b_col: b.col * BYTES,
                };
                loop {
                    // SAFETY: the function reads and writes `height · rows` rows and `columns` columns, which lie inside m and n; its family is the one
                    // for these strides (the match above); rows and k are not 0.
                    unsafe { function(&mut tiles) };
                    if tiles.rows == 0 {
                        break;
                    }
                    let start = match start {
                        Start::Bias(_) => Start::Bias(tiles.start),
                        other => other,
                    };
                    redo(
                        (height, k, columns),
                        Matrix { p: tiles.a, ..a },
                        Matrix { p: b_first, ..b },
                        Matrix { p: tiles.c, ..c },
                        start,
                    );
                    tiles.rows -= 1;
                    if tiles.rows == 0 {
                        break;
                    }
                    tiles.a = tiles.a.wrapping_add(height * a.row);
                    tiles.start = tiles.start.wrapping_byte_add(height * start_row);
                    tiles.c = tiles.c.wrapping_add(height * c.row);
                }
                j += columns;
            }
        }
    }
}
