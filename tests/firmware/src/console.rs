//! Output by semihosting, without `core::fmt`, which contains panics.

use semihosting::sys::arm_compat::sys_writec;

/// Prints text.
pub fn text(text: &str) {
    text.bytes().for_each(sys_writec);
}

/// Prints a name and a number in hexadecimal.
pub fn line(name: &str, value: u32) {
    line64(name, value.into());
}

/// Prints a name and a number in hexadecimal.
#[inline(never)]
pub fn line64(name: &str, value: u64) {
    text(name);
    text(" ");
    for shift in (0..16).rev() {
        let digit = (value >> (4 * shift)) as u8 & 15;
        sys_writec(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
    }
    text("\n");
}
