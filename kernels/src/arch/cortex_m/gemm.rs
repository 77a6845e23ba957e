//! Tiles of a matrix product.
//!
//! Columns are computed in panels of eight, the rest in panels of at most four. A panel goes over
//! all rows of the result. `a` is read along its rows (`forward`, `dx`) or down its columns (`dw`).

use super::{ZEROS, mla};
use core::arch::naked_asm;

/// The arguments of a panel's function. Steps are in bytes.
#[repr(C)]
struct Panel {
    /// Rows of the result
    m: usize,
    /// Terms of each sum
    k: usize,
    a: *const f32,
    a_row: usize,
    a_col: usize,
    b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
    /// The start of the first row's sums
    start: *const f32,
    start_row: usize,
}

/// Columns of a wide panel.
const WIDE: usize = 8;

/// c ← start + a·b for a of m×k, b of k×n and c of m×n. `a` is (pointer, step to the next row, step
/// to the next column). `b`, `c` and `start` are (pointer, step to the next row). Steps are in
/// values. Without `start`, sums start at zero. One of the two steps of `a` must be 1.
///
/// # Safety
/// `a` must be readable for (0..m, 0..k), `b` for (0..k, 0..n), `c` writable and `start` readable
/// for (0..m, 0..n).
// In place: where the shape is known, only one call of one panel remains.
#[cfg_attr(
    rosenblatt_slow_vmla,
    allow(
        unused_mut,
        reason = "only the kernels for three columns, which need s28, do rows ahead"
    )
)]
#[inline(always)]
pub unsafe fn product(
    (mut m, k, n): (usize, usize, usize),
    (a, a_row, a_col): (*const f32, usize, usize),
    (b, b_row): (*const f32, usize),
    (mut c, c_row): (*mut f32, usize),
    start: Option<(*const f32, usize)>,
) {
    let mut panel = Panel {
        m,
        k,
        a,
        a_row: 4 * a_row,
        a_col: 4 * a_col,
        b,
        b_row: 4 * b_row,
        c,
        c_row: 4 * c_row,
        start: ZEROS.as_ptr(),
        start_row: 0,
    };
    let mut j = 0;
    // Rows that are already computed.
    let mut after = 0;
    // Few terms: the weights of four columns stay in registers.
    let few: Option<Few> = match k {
        3 => Some(inputs_3),
        4 => Some(inputs_4),
        _ => None,
    };
    if let (Some(few), true, 0) =
        (few, a_col == 1 && a_row == k && m > 0, start.map_or(0, |(_, row)| row))
    {
        let start = start.map(|(start, _)| start);
        while j + 4 <= n {
            // SAFETY: j + 4 ≤ n: four columns of b, of c and of the start of the sums.
            unsafe {
                let start = start.map_or(ZEROS.as_ptr(), |start| start.add(j));
                few(a, b.wrapping_add(j), c.add(j), 4 * c_row, m, start, 4 * b_row);
            }
            j += 4;
        }
    }
    // Three columns of a dense b: one load reads four rows of b.
    #[cfg(not(rosenblatt_slow_vmla))]
    if n == 3 && b_row == 3 && m >= 4 {
        let blocks = m / 4 * 4;
        panel.m = blocks;
        let (start, row) = start.unwrap_or((ZEROS.as_ptr(), 0));
        (panel.start, panel.start_row) = (start, 4 * row);
        // SAFETY: the first rows of those that the caller guarantees.
        unsafe { if a_col == 1 { rows_of_three(&panel) } else { columns_of_three(&panel) } }
        m -= blocks;
        // SAFETY: `blocks` rows are computed, and m has at least as many.
        unsafe {
            panel.m = m;
            panel.a = a.wrapping_add(blocks * a_row);
            c = c.add(blocks * c_row);
        }
        after = blocks;
    }
    while j < n && m > 0 {
        let width = match n - j {
            WIDE.. => WIDE,
            4.. => 4,
            rest => rest,
        };
        // SAFETY: j + width ≤ n, so the panel lies inside what the caller guarantees; ZEROS has as
        // many values as the widest panel.
        unsafe {
            panel.b = b.wrapping_add(j);
            panel.c = c.add(j);
            if let Some((start, row)) = start {
                panel.start = start.add(j + after * row);
                panel.start_row = 4 * row;
            }
            match (width, a_col == 1) {
                #[cfg(not(any(rosenblatt_slow_vmla, rosenblatt_helium)))]
                (WIDE, true) if k > 0 && k.is_multiple_of(8) => rows_8_of_eights(&panel),
                (WIDE, true) => rows_8(&panel),
                (WIDE, false) => columns_8(&panel),
                (4, true) => rows_4(&panel),
                (4, false) => columns_4(&panel),
                (3, true) => rows_3(&panel),
                (3, false) => columns_3(&panel),
                (2, true) => rows_2(&panel),
                (2, false) => columns_2(&panel),
                (_, true) => rows_1(&panel),
                (_, false) => columns_1(&panel),
            }
        }
        j += width;
    }
}

/// The first columns of dx ← dy·wᵀ for w of k×n with at most four outputs. Four columns are
/// computed at a time; their weights stay in registers for all rows. Returns the number of computed
/// columns: all but k mod 4, or none where n is not 2 to 4.
/// # Safety
/// `dy` must be readable for m×n, `w` for k×n, `dx` writable for m×k values.
pub unsafe fn few_outputs(
    (m, k, n): (usize, usize, usize),
    dy: *const f32,
    w: *const f32,
    dx: *mut f32,
) -> usize {
    let panel: Few = match n {
        2 => outputs_2,
        3 => outputs_3,
        4 => outputs_4,
        _ => return 0,
    };
    let columns = k / 4 * 4;
    if m > 0 {
        for p in (0..columns).step_by(4) {
            // SAFETY: p + 4 ≤ k: four rows of w, and four columns of each of the m rows of dx;
            // ZEROS has four values.
            unsafe { panel(dy, w.wrapping_add(p * n), dx.add(p), 4 * k, m, ZEROS.as_ptr(), 0) };
        }
    }
    columns
}

/// A panel of four columns with two to four terms. Arguments: a, b, c, bytes from a row of c to the
/// next, rows, the start of each row's sums, bytes from a row of b to the next.
type Few = unsafe extern "C" fn(*const f32, *const f32, *mut f32, usize, usize, *const f32, usize);

/// Two rows per round, then one. The sums are s0 to s3 and s24 to s27, the values of a s4 and up,
/// those of b s8 and up, as `load` loads them.
macro_rules! few {
    ($(#[$doc:meta])* $name:ident: $a:literal, $load:literal, $terms:expr, $terms2:expr) => {
        $(#[$doc])*
        /// # Safety
        /// `a` must be readable for m > 0 dense rows, `b` for the panel's values, `start` for four,
        /// `c` writable for m rows of four values.
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            a: *const f32,
            b: *const f32,
            c: *mut f32,
            row: usize,
            m: usize,
            start: *const f32,
            b_row: usize,
        ) {
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "vpush {{d8-d14}}",
                "push {{r4, lr}}",
                "ldr r12, [sp, #72]",
                $load,
                "ldr r1, [sp, #68]",
                "ldr r12, [sp, #64]",
                "subs r12, #2",
                "blt 2f",
                "1: vldmia r1, {{s0-s3}}",
                concat!("vldmia r0!, ", $a),
                $terms,
                "vstmia r2, {{s0-s3}}",
                "add r2, r3",
                "vldmia r1, {{s24-s27}}",
                concat!("vldmia r0!, ", $a),
                $terms2,
                "vstmia r2, {{s24-s27}}",
                "add r2, r3",
                "subs r12, #2",
                "bge 1b",
                "2: adds r12, #2",
                "beq 3f",
                "vldmia r1, {{s0-s3}}",
                concat!("vldmia r0!, ", $a),
                $terms,
                "vstmia r2, {{s0-s3}}",
                "3: pop {{r4, lr}}",
                "vpop {{d8-d14}}",
                "bx lr",
            )
        }
    };
}

#[rustfmt::skip]
few! {
    /// dx: two outputs; the rows of w in b follow each other.
    outputs_2: "{{s4-s5}}", "vldmia r1, {{s8-s15}}",
    concat!(
        mla!(0, 4, 8), mla!(1, 4, 10), mla!(2, 4, 12), mla!(3, 4, 14),
        mla!(0, 5, 9), mla!(1, 5, 11), mla!(2, 5, 13), mla!(3, 5, 15)
    ),
    concat!(
        mla!(24, 4, 8), mla!(25, 4, 10), mla!(26, 4, 12), mla!(27, 4, 14),
        mla!(24, 5, 9), mla!(25, 5, 11), mla!(26, 5, 13), mla!(27, 5, 15)
    )
}

#[rustfmt::skip]
few! {
    /// dx: three outputs; the rows of w in b follow each other.
    outputs_3: "{{s4-s6}}", "vldmia r1, {{s8-s19}}",
    concat!(
        mla!(0, 4, 8), mla!(1, 4, 11), mla!(2, 4, 14), mla!(3, 4, 17),
        mla!(0, 5, 9), mla!(1, 5, 12), mla!(2, 5, 15), mla!(3, 5, 18),
        mla!(0, 6, 10), mla!(1, 6, 13), mla!(2, 6, 16), mla!(3, 6, 19)
    ),
    concat!(
        mla!(24, 4, 8), mla!(25, 4, 11), mla!(26, 4, 14), mla!(27, 4, 17),
        mla!(24, 5, 9), mla!(25, 5, 12), mla!(26, 5, 15), mla!(27, 5, 18),
        mla!(24, 6, 10), mla!(25, 6, 13), mla!(26, 6, 16), mla!(27, 6, 19)
    )
}

#[rustfmt::skip]
few! {
    /// dx: four outputs; the rows of w in b follow each other.
    outputs_4: "{{s4-s7}}", "vldmia r1, {{s8-s23}}",
    concat!(
        mla!(0, 4, 8), mla!(1, 4, 12), mla!(2, 4, 16), mla!(3, 4, 20),
        mla!(0, 5, 9), mla!(1, 5, 13), mla!(2, 5, 17), mla!(3, 5, 21),
        mla!(0, 6, 10), mla!(1, 6, 14), mla!(2, 6, 18), mla!(3, 6, 22),
        mla!(0, 7, 11), mla!(1, 7, 15), mla!(2, 7, 19), mla!(3, 7, 23)
    ),
    concat!(
        mla!(24, 4, 8), mla!(25, 4, 12), mla!(26, 4, 16), mla!(27, 4, 20),
        mla!(24, 5, 9), mla!(25, 5, 13), mla!(26, 5, 17), mla!(27, 5, 21),
        mla!(24, 6, 10), mla!(25, 6, 14), mla!(26, 6, 18), mla!(27, 6, 22),
        mla!(24, 7, 11), mla!(25, 7, 15), mla!(26, 7, 19), mla!(27, 7, 23)
    )
}

#[rustfmt::skip]
few! {
    /// y: three inputs.
    inputs_3: "{{s4-s6}}",
    "vldmia r1, {{s8-s11}}\nadd r1, r12\nvldmia r1, {{s12-s15}}\nadd r1, r12\n\
     vldmia r1, {{s16-s19}}",
    concat!(
        mla!(0, 4, 8), mla!(1, 4, 9), mla!(2, 4, 10), mla!(3, 4, 11),
        mla!(0, 5, 12), mla!(1, 5, 13), mla!(2, 5, 14), mla!(3, 5, 15),
        mla!(0, 6, 16), mla!(1, 6, 17), mla!(2, 6, 18), mla!(3, 6, 19)
    ),
    concat!(
        mla!(24, 4, 8), mla!(25, 4, 9), mla!(26, 4, 10), mla!(27, 4, 11),
        mla!(24, 5, 12), mla!(25, 5, 13), mla!(26, 5, 14), mla!(27, 5, 15),
        mla!(24, 6, 16), mla!(25, 6, 17), mla!(26, 6, 18), mla!(27, 6, 19)
    )
}

#[rustfmt::skip]
few! {
    /// y: four inputs.
    inputs_4: "{{s4-s7}}",
    "vldmia r1, {{s8-s11}}\nadd r1, r12\nvldmia r1, {{s12-s15}}\nadd r1, r12\n\
     vldmia r1, {{s16-s19}}\nadd r1, r12\nvldmia r1, {{s20-s23}}",
    concat!(
        mla!(0, 4, 8), mla!(1, 4, 9), mla!(2, 4, 10), mla!(3, 4, 11),
        mla!(0, 5, 12), mla!(1, 5, 13), mla!(2, 5, 14), mla!(3, 5, 15),
        mla!(0, 6, 16), mla!(1, 6, 17), mla!(2, 6, 18), mla!(3, 6, 19),
        mla!(0, 7, 20), mla!(1, 7, 21), mla!(2, 7, 22), mla!(3, 7, 23)
    ),
    concat!(
        mla!(24, 4, 8), mla!(25, 4, 9), mla!(26, 4, 10), mla!(27, 4, 11),
        mla!(24, 5, 12), mla!(25, 5, 13), mla!(26, 5, 14), mla!(27, 5, 15),
        mla!(24, 6, 16), mla!(25, 6, 17), mla!(26, 6, 18), mla!(27, 6, 19),
        mla!(24, 7, 20), mla!(25, 7, 21), mla!(26, 7, 22), mla!(27, 7, 23)
    )
}

/// to\[q\]\[r\] ← w\[r\]\[q\] for r < width and q < depth. The rows of `w` are `row` bytes apart,
/// those of `to` [`WIDE`] values.
/// # Safety
/// `w` must be readable for (0..width, 0..depth), `to` writable for (0..depth, 0..width); neither
/// number may be 0.
#[unsafe(naked)]
pub unsafe extern "C" fn transpose(
    w: *const f32,
    row: usize,
    width: usize,
    depth: usize,
    to: *mut f32,
) {
    naked_asm!(
        "push {{r4-r7}}",
        "ldr r12, [sp, #16]",
        "1: mov r4, r0",
        "mov r5, r12",
        "mov r6, r3",
        "2: ldr r7, [r4], #4",
        "str r7, [r5], #32",
        "subs r6, #1",
        "bne 2b",
        "add r0, r1",
        "add r12, #4",
        "subs r2, #1",
        "bne 1b",
        "pop {{r4-r7}}",
        "bx lr",
    )
}

/// Adds x·w to the eight sums of the first row of a wide tile. The sums are s0 to s7, w is s16 to
/// s23.
#[rustfmt::skip]
macro_rules! first_8 {
    ($x:literal) => {
        concat!(
            mla!(0, $x, 16), mla!(1, $x, 17), mla!(2, $x, 18), mla!(3, $x, 19),
            mla!(4, $x, 20), mla!(5, $x, 21), mla!(6, $x, 22), mla!(7, $x, 23),
        )
    };
}

/// The same for both rows. The sums of the second are s8 to s15.
#[rustfmt::skip]
macro_rules! both_8 {
    ($x:literal, $x2:literal) => {
        concat!(
            first_8!($x),
            mla!(8, $x2, 16), mla!(9, $x2, 17), mla!(10, $x2, 18), mla!(11, $x2, 19),
            mla!(12, $x2, 20), mla!(13, $x2, 21), mla!(14, $x2, 22), mla!(15, $x2, 23),
        )
    };
}

/// Loads the next row of b.
macro_rules! w_8 {
    () => {
        "vldmia r0, {{s16-s23}}\nadd r0, r7\n"
    };
}

/// A panel of eight columns, two rows at a time, then one.
///
/// r1 pairs of terms left, r2 k, r3 a, r4 a_row, r5 a_col, r6 b, r7 b_row, r8 c, r9 c_row, r10
/// start, r11 start_row; r0 the pointer into b, r12 (and lr) those into a. One step of a is known
/// to be 4; its register, `rows`, holds the number of rows left. `begin` sets r12 and lr to the two
/// rows. `one` and `two` are a term and two terms of two rows, `one_of_one` and `two_of_one` of one
/// row. None of them changes the flags.
macro_rules! wide {
    (
        $(#[$doc:meta])* $name:ident: $rows:literal,
        $begin:expr, $one:expr, $two:expr, $one_of_one:expr, $two_of_one:expr
    ) => {
        $(#[$doc])*
        /// # Safety
        /// As for [`product`], with n = 8.
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: &Panel) {
            naked_asm!(
                // With link-time optimization the assembler does not know the target's features.
                ".fpu fpv4-sp-d16",
                "push {{r4-r11, lr}}",
                "vpush {{d8-d15}}",
                "ldm r0, {{r1-r11}}",
                concat!("subs ", $rows, ", r1, #2"),
                "blt 5f",
                "1: vldmia r10, {{s0-s7}}",
                "add r0, r10, r11",
                "vldmia r0, {{s8-s15}}",
                "add r10, r0, r11",
                $begin,
                "mov r0, r6",
                "lsrs r1, r2, #1",
                "bcc 2f",
                $one,
                "2: beq 4f",
                "3:",
                $two,
                "subs r1, #1",
                "bne 3b",
                "4: vstmia r8, {{s0-s7}}",
                "add r0, r8, r9",
                "vstmia r0, {{s8-s15}}",
                "add r8, r0, r9",
                concat!("subs ", $rows, ", #2"),
                "bge 1b",
                concat!("5: adds ", $rows, ", #2"),
                "beq 9f",
                "vldmia r10, {{s0-s7}}",
                "mov r12, r3",
                "mov r0, r6",
                "lsrs r1, r2, #1",
                "bcc 6f",
                $one_of_one,
                "6: beq 8f",
                "7:",
                $two_of_one,
                "subs r1, #1",
                "bne 7b",
                "8: vstmia r8, {{s0-s7}}",
                "9: vpop {{d8-d15}}",
                "pop {{r4-r11, pc}}",
            )
        }
    };
}

wide! {
    /// Eight columns; a is read along its rows.
    rows_8: "r5",
    "mov r12, r3\nadd lr, r3, r4\nadd r3, lr, r4",
    concat!("vldmia r12!, {{s24}}\nvldmia lr!, {{s26}}\n", w_8!(), both_8!(24, 26)),
    concat!(
        "vldmia r12!, {{s24, s25}}\nvldmia lr!, {{s26, s27}}\n",
        w_8!(), both_8!(24, 26), w_8!(), both_8!(25, 27)
    ),
    concat!("vldmia r12!, {{s24}}\n", w_8!(), first_8!(24)),
    concat!("vldmia r12!, {{s24, s25}}\n", w_8!(), first_8!(24), w_8!(), first_8!(25))
}

wide! {
    /// Eight columns; a is read down its columns.
    columns_8: "r4",
    "mov r12, r3\nadds r3, #8",
    concat!("vldmia r12, {{s24, s25}}\nadd r12, r5\n", w_8!(), both_8!(24, 25)),
    concat!(
        "vldmia r12, {{s24, s25}}\nadd r12, r5\n", w_8!(), both_8!(24, 25),
        "vldmia r12, {{s24, s25}}\nadd r12, r5\n", w_8!(), both_8!(24, 25)
    ),
    concat!("vldr s24, [r12]\nadd r12, r5\n", w_8!(), first_8!(24)),
    concat!(
        "vldr s24, [r12]\nadd r12, r5\n", w_8!(), first_8!(24),
        "vldr s24, [r12]\nadd r12, r5\n", w_8!(), first_8!(24)
    )
}

/// Eight columns, where k is a positive multiple of eight; a is read along its rows. The registers
/// are those of [`wide`]. A round has four terms of two rows, or eight of one: fewer loads of a and
/// fewer branches than in [`rows_8`], for more code. Helium's tiles leave too few rows for it.
///
/// # Safety
/// As for [`product`], with n = 8.
#[cfg(not(any(rosenblatt_slow_vmla, rosenblatt_helium)))]
#[rustfmt::skip]
#[unsafe(naked)]
unsafe extern "C" fn rows_8_of_eights(_: &Panel) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r11, lr}}",
        "vpush {{d8-d15}}",
        "ldm r0, {{r1-r11}}",
        "subs r5, r1, #2",
        "blt 3f",
        "1: vldmia r10, {{s0-s7}}",
        "add r0, r10, r11",
        "vldmia r0, {{s8-s15}}",
        "add r10, r0, r11",
        "mov r12, r3\nadd lr, r3, r4\nadd r3, lr, r4",
        "mov r0, r6",
        "lsrs r1, r2, #2",
        "2: vldmia r12!, {{s24-s27}}",
        "vldmia lr!, {{s28-s31}}",
        concat!(
            w_8!(), both_8!(24, 28), w_8!(), both_8!(25, 29),
            w_8!(), both_8!(26, 30), w_8!(), both_8!(27, 31)
        ),
        "subs r1, #1",
        "bne 2b",
        "vstmia r8, {{s0-s7}}",
        "add r0, r8, r9",
        "vstmia r0, {{s8-s15}}",
        "add r8, r0, r9",
        "subs r5, #2",
        "bge 1b",
        "3: adds r5, #2",
        "beq 5f",
        "vldmia r10, {{s0-s7}}",
        "mov r12, r3",
        "mov r0, r6",
        "lsrs r1, r2, #3",
        "4: vldmia r12!, {{s24-s31}}",
        concat!(
            w_8!(), first_8!(24), w_8!(), first_8!(25), w_8!(), first_8!(26), w_8!(), first_8!(27),
            w_8!(), first_8!(28), w_8!(), first_8!(29), w_8!(), first_8!(30), w_8!(), first_8!(31)
        ),
        "subs r1, #1",
        "bne 4b",
        "vstmia r8, {{s0-s7}}",
        "5: vpop {{d8-d15}}",
        "pop {{r4-r11, pc}}",
    )
}

/// A panel of up to four columns, four rows at a time, then one.
///
/// r1 pairs of terms left, r2 b_row, r3 a, r8 the panel, r9 rows left, r10 start, r11 c, r12 a_row
/// or a_col; r0 the pointer into b, r4 to r7 those into a. The sums of row i are s(4i) and up, w is
/// s16 and up. `begin` sets r4 to r7 to the four rows. `one` and `two` are a term and two terms of
/// four rows, which do not change the flags. `single` is all terms of one row at r4; it ends at 7.
macro_rules! narrow {
    (
        $(#[$doc:meta])*
        $name:ident: $sums:literal $sums1:literal $sums2:literal $sums3:literal $w:literal,
        $begin:expr, $one:expr, $two:expr, $next:literal, $single:expr
    ) => {
        $(#[$doc])*
        /// # Safety
        /// As for [`product`], with as many columns.
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: &Panel) {
            naked_asm!(
                // With link-time optimization the assembler does not know the target's features.
                ".fpu fpv4-sp-d16",
                "push {{r4-r11, lr}}",
                "vpush {{d8-d14}}",
                "mov r8, r0",
                "ldr r9, [r8]",
                "ldr r3, [r8, #8]",
                "ldr r2, [r8, #24]",
                "ldr r11, [r8, #28]",
                "ldr r10, [r8, #36]",
                "subs r9, #4",
                "blt 4f",
                "1: ldr lr, [r8, #40]",
                concat!("vldmia r10, ", $sums),
                "add r10, lr",
                concat!("vldmia r10, ", $sums1),
                "add r10, lr",
                concat!("vldmia r10, ", $sums2),
                "add r10, lr",
                concat!("vldmia r10, ", $sums3),
                "add r10, lr",
                $begin,
                "ldr r0, [r8, #20]",
                "ldr r1, [r8, #4]",
                "lsrs r1, r1, #1",
                "bcc 2f",
                $one,
                "2: beq 3f",
                "8:",
                $two,
                "subs r1, #1",
                "bne 8b",
                "3: ldr lr, [r8, #32]",
                concat!("vstmia r11, ", $sums),
                "add r11, lr",
                concat!("vstmia r11, ", $sums1),
                "add r11, lr",
                concat!("vstmia r11, ", $sums2),
                "add r11, lr",
                concat!("vstmia r11, ", $sums3),
                "add r11, lr",
                "subs r9, #4",
                "bge 1b",
                "4: adds r9, #4",
                "beq 9f",
                "5:",
                concat!("vldmia r10, ", $sums),
                "mov r4, r3",
                "ldr r0, [r8, #20]",
                "ldr r1, [r8, #4]",
                $single,
                concat!("7: vstmia r11, ", $sums),
                "ldr lr, [r8, #40]",
                "add r10, lr",
                "ldr lr, [r8, #32]",
                "add r11, lr",
                $next,
                "subs r9, #1",
                "bne 5b",
                "9: vpop {{d8-d14}}",
                "pop {{r4-r11, pc}}",
            )
        }
    };
}

/// One term of the sums of one row.
#[rustfmt::skip]
macro_rules! term {
    (1, $x:literal) => { mla!(0, $x, 16) };
    (2, $x:literal) => { concat!(mla!(0, $x, 16), mla!(1, $x, 17)) };
    (3, $x:literal) => { concat!(mla!(0, $x, 16), mla!(1, $x, 17), mla!(2, $x, 18)) };
    (4, $x:literal) => {
        concat!(mla!(0, $x, 16), mla!(1, $x, 17), mla!(2, $x, 18), mla!(3, $x, 19))
    };
}

/// One term of the sums of four rows, with an x for each.
#[rustfmt::skip]
macro_rules! terms {
    (1, $a:literal $b:literal $c:literal $d:literal) => {
        concat!(mla!(0, $a, 16), mla!(4, $b, 16), mla!(8, $c, 16), mla!(12, $d, 16))
    };
    (2, $a:literal $b:literal $c:literal $d:literal) => {
        concat!(
            terms!(1, $a $b $c $d),
            mla!(1, $a, 17), mla!(5, $b, 17), mla!(9, $c, 17), mla!(13, $d, 17)
        )
    };
    (3, $a:literal $b:literal $c:literal $d:literal) => {
        concat!(
            terms!(2, $a $b $c $d),
            mla!(2, $a, 18), mla!(6, $b, 18), mla!(10, $c, 18), mla!(14, $d, 18)
        )
    };
    (4, $a:literal $b:literal $c:literal $d:literal) => {
        concat!(
            terms!(3, $a $b $c $d),
            mla!(3, $a, 19), mla!(7, $b, 19), mla!(11, $c, 19), mla!(15, $d, 19)
        )
    };
}

/// Both ways to read a, for one number of columns.
#[rustfmt::skip]
macro_rules! narrow_pair {
    (
        $rows:ident $columns:ident $n:tt
        $sums:literal $sums1:literal $sums2:literal $sums3:literal $w:literal
    ) => {
        narrow! {
            /// Few columns; a is read along its rows.
            $rows: $sums $sums1 $sums2 $sums3 $w,
            "ldr r12, [r8, #12]\nmov r4, r3\nadd r5, r4, r12\nadd r6, r5, r12\nadd r7, r6, r12\n\
             add r3, r7, r12",
            concat!(
                "vldmia r4!, {{s20}}\nvldmia r5!, {{s21}}\n\
                 vldmia r6!, {{s22}}\nvldmia r7!, {{s23}}\n",
                "vldmia r0, ", $w, "\nadd r0, r2\n", terms!($n, 20 21 22 23)
            ),
            concat!(
                "vldmia r4!, {{s20, s21}}\nvldmia r5!, {{s22, s23}}\n\
                 vldmia r6!, {{s24, s25}}\nvldmia r7!, {{s26, s27}}\n",
                "vldmia r0, ", $w, "\nadd r0, r2\n", terms!($n, 20 22 24 26),
                "vldmia r0, ", $w, "\nadd r0, r2\n", terms!($n, 21 23 25 27)
            ),
            "ldr r12, [r8, #12]\nadd r3, r12",
            // Two terms a round: the values of a follow each other.
            concat!(
                "lsrs r1, r1, #1\nbcc 6f\n",
                "vldmia r4!, {{s20}}\nvldmia r0, ", $w, "\nadd r0, r2\n", term!($n, 20),
                "6: beq 7f\n",
                "10: vldmia r4!, {{s20, s21}}\n",
                "vldmia r0, ", $w, "\nadd r0, r2\n", term!($n, 20),
                "vldmia r0, ", $w, "\nadd r0, r2\n", term!($n, 21),
                "subs r1, #1\nbne 10b"
            )
        }
        narrow! {
            /// Few columns; a is read down its columns.
            $columns: $sums $sums1 $sums2 $sums3 $w,
            "ldr r12, [r8, #16]\nmov r4, r3\nadds r3, #16",
            concat!(
                "vldmia r4, {{s20-s23}}\nadd r4, r12\nvldmia r0, ", $w, "\nadd r0, r2\n",
                terms!($n, 20 21 22 23)
            ),
            concat!(
                "vldmia r4, {{s20-s23}}\nadd r4, r12\nvldmia r0, ", $w, "\nadd r0, r2\n",
                terms!($n, 20 21 22 23),
                "vldmia r4, {{s20-s23}}\nadd r4, r12\nvldmia r0, ", $w, "\nadd r0, r2\n",
                terms!($n, 20 21 22 23)
            ),
            "adds r3, #4",
            concat!(
                "ldr r12, [r8, #16]\ncmp r1, #0\nbeq 7f\n",
                "6: vldr s20, [r4]\nadd r4, r12\n",
                "vldmia r0, ", $w, "\nadd r0, r2\n", term!($n, 20),
                "subs r1, #1\nbne 6b"
            )
        }
    };
}

narrow_pair!(rows_1 columns_1 1 "{{s0}}" "{{s4}}" "{{s8}}" "{{s12}}" "{{s16}}");
narrow_pair!(rows_2 columns_2 2 "{{s0-s1}}" "{{s4-s5}}" "{{s8-s9}}" "{{s12-s13}}" "{{s16-s17}}");
narrow_pair!(rows_3 columns_3 3 "{{s0-s2}}" "{{s4-s6}}" "{{s8-s10}}" "{{s12-s14}}" "{{s16-s18}}");
narrow_pair!(rows_4 columns_4 4 "{{s0-s3}}" "{{s4-s7}}" "{{s8-s11}}" "{{s12-s15}}" "{{s16-s19}}");

/// All three columns of a dense b, four rows at a time. One instruction loads four rows of b. `m`
/// must be a multiple of four.
///
/// r1 fours of terms left, r2 terms left over, r3 a, r8 the panel, r9 rows left, r10 start, r11 c,
/// r12 a_row or a_col; r0 the pointer into b, r4 to r7 those into a. The sums of row i are s(3i)
/// and up, four rows of b s12 to s23.
#[cfg(not(rosenblatt_slow_vmla))]
macro_rules! three {
    ($(#[$doc:meta])* $name:ident: $begin:literal, $one:expr, $four:expr) => {
        $(#[$doc])*
        /// # Safety
        /// As for [`product`], with n = 3 and `b_row` 12.
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: &Panel) {
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r11, lr}}",
                "vpush {{d8-d15}}",
                "mov r8, r0",
                "ldr r9, [r8]",
                "ldr r3, [r8, #8]",
                "ldr r11, [r8, #28]",
                "ldr r10, [r8, #36]",
                "cmp r9, #0",
                "beq 6f",
                "1: ldr lr, [r8, #40]",
                "vldmia r10, {{s0-s2}}",
                "add r10, lr",
                "vldmia r10, {{s3-s5}}",
                "add r10, lr",
                "vldmia r10, {{s6-s8}}",
                "add r10, lr",
                "vldmia r10, {{s9-s11}}",
                "add r10, lr",
                $begin,
                "ldr r0, [r8, #20]",
                "ldr r2, [r8, #4]",
                "lsrs r1, r2, #2",
                "beq 3f",
                "2:",
                $four,
                "subs r1, #1",
                "bne 2b",
                "3: ands r2, r2, #3",
                "beq 5f",
                "4:",
                $one,
                "subs r2, #1",
                "bne 4b",
                "5: ldr lr, [r8, #32]",
                "vstmia r11, {{s0-s2}}",
                "add r11, lr",
                "vstmia r11, {{s3-s5}}",
                "add r11, lr",
                "vstmia r11, {{s6-s8}}",
                "add r11, lr",
                "vstmia r11, {{s9-s11}}",
                "add r11, lr",
                "subs r9, #4",
                "bne 1b",
                "6: vpop {{d8-d15}}",
                "pop {{r4-r11, pc}}",
            )
        }
    };
}

#[cfg(not(rosenblatt_slow_vmla))]
#[rustfmt::skip]
three! {
    /// Three columns; a is read along its rows.
    rows_of_three:
    "ldr r12, [r8, #12]\nmov r4, r3\nadd r5, r4, r12\nadd r6, r5, r12\nadd r7, r6, r12\n\
     add r3, r7, r12",
    concat!(
        "vldmia r0!, {{s12-s14}}\nvldmia r4!, {{s24}}\n\
         vldmia r5!, {{s26}}\nvldmia r6!, {{s28}}\nvldmia r7!, {{s30}}\n",
        mla!(0, 24, 12), mla!(3, 26, 12), mla!(6, 28, 12), mla!(9, 30, 12),
        mla!(1, 24, 13), mla!(4, 26, 13), mla!(7, 28, 13), mla!(10, 30, 13),
        mla!(2, 24, 14), mla!(5, 26, 14), mla!(8, 28, 14), mla!(11, 30, 14)
    ),
    concat!(
        "vldmia r0!, {{s12-s23}}\n",
        "vldmia r4!, {{s24, s25}}\nvldmia r5!, {{s26, s27}}\n\
         vldmia r6!, {{s28, s29}}\nvldmia r7!, {{s30, s31}}\n",
        mla!(0, 24, 12), mla!(3, 26, 12), mla!(6, 28, 12), mla!(9, 30, 12),
        mla!(1, 24, 13), mla!(4, 26, 13), mla!(7, 28, 13), mla!(10, 30, 13),
        mla!(2, 24, 14), mla!(5, 26, 14), mla!(8, 28, 14), mla!(11, 30, 14),
        mla!(0, 25, 15), mla!(3, 27, 15), mla!(6, 29, 15), mla!(9, 31, 15),
        mla!(1, 25, 16), mla!(4, 27, 16), mla!(7, 29, 16), mla!(10, 31, 16),
        mla!(2, 25, 17), mla!(5, 27, 17), mla!(8, 29, 17), mla!(11, 31, 17),
        "vldmia r4!, {{s24, s25}}\nvldmia r5!, {{s26, s27}}\n\
         vldmia r6!, {{s28, s29}}\nvldmia r7!, {{s30, s31}}\n",
        mla!(0, 24, 18), mla!(3, 26, 18), mla!(6, 28, 18), mla!(9, 30, 18),
        mla!(1, 24, 19), mla!(4, 26, 19), mla!(7, 28, 19), mla!(10, 30, 19),
        mla!(2, 24, 20), mla!(5, 26, 20), mla!(8, 28, 20), mla!(11, 30, 20),
        mla!(0, 25, 21), mla!(3, 27, 21), mla!(6, 29, 21), mla!(9, 31, 21),
        mla!(1, 25, 22), mla!(4, 27, 22), mla!(7, 29, 22), mla!(10, 31, 22),
        mla!(2, 25, 23), mla!(5, 27, 23), mla!(8, 29, 23), mla!(11, 31, 23),
    )
}

#[cfg(not(rosenblatt_slow_vmla))]
#[rustfmt::skip]
three! {
    /// Three columns; a is read down its columns.
    columns_of_three:
    "ldr r12, [r8, #16]\nmov r4, r3\nadds r3, #16",
    concat!(
        "vldmia r0!, {{s12-s14}}\n",
        "vldmia r4, {{s24-s27}}\nadd r4, r12\n",
        mla!(0, 24, 12), mla!(3, 25, 12), mla!(6, 26, 12), mla!(9, 27, 12),
        mla!(1, 24, 13), mla!(4, 25, 13), mla!(7, 26, 13), mla!(10, 27, 13),
        mla!(2, 24, 14), mla!(5, 25, 14), mla!(8, 26, 14), mla!(11, 27, 14)
    ),
    concat!(
        "vldmia r0!, {{s12-s23}}\n",
        "vldmia r4, {{s24-s27}}\nadd r4, r12\n",
        mla!(0, 24, 12), mla!(3, 25, 12), mla!(6, 26, 12), mla!(9, 27, 12),
        mla!(1, 24, 13), mla!(4, 25, 13), mla!(7, 26, 13), mla!(10, 27, 13),
        mla!(2, 24, 14), mla!(5, 25, 14), mla!(8, 26, 14), mla!(11, 27, 14),
        "vldmia r4, {{s24-s27}}\nadd r4, r12\n",
        mla!(0, 24, 15), mla!(3, 25, 15), mla!(6, 26, 15), mla!(9, 27, 15),
        mla!(1, 24, 16), mla!(4, 25, 16), mla!(7, 26, 16), mla!(10, 27, 16),
        mla!(2, 24, 17), mla!(5, 25, 17), mla!(8, 26, 17), mla!(11, 27, 17),
        "vldmia r4, {{s24-s27}}\nadd r4, r12\n",
        mla!(0, 24, 18), mla!(3, 25, 18), mla!(6, 26, 18), mla!(9, 27, 18),
        mla!(1, 24, 19), mla!(4, 25, 19), mla!(7, 26, 19), mla!(10, 27, 19),
        mla!(2, 24, 20), mla!(5, 25, 20), mla!(8, 26, 20), mla!(11, 27, 20),
        "vldmia r4, {{s24-s27}}\nadd r4, r12\n",
        mla!(0, 24, 21), mla!(3, 25, 21), mla!(6, 26, 21), mla!(9, 27, 21),
        mla!(1, 24, 22), mla!(4, 25, 22), mla!(7, 26, 22), mla!(10, 27, 22),
        mla!(2, 24, 23), mla!(5, 25, 23), mla!(8, 26, 23), mla!(11, 27, 23),
    )
}
