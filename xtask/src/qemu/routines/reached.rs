//! Which instructions a program reaches, from the emulator's log of the code that it translates. It
//! translates a block just before the block runs for the first time.

use std::ops::Range;

/// The addresses of the log's instructions, and how many bytes each takes.
///
/// A line is `0x0000040e:  f002 f97b  bl  #0x26fa`. The emulator's disassembler may not know an
/// instruction, but shows its bytes.
pub fn read(log: &str) -> Vec<Range<u64>> {
    log.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Range<u64>> {
    let (address, rest) = line.strip_prefix("0x")?.split_once(':')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let is_code = |word: &&str| word.len() == 4 && word.bytes().all(|c| c.is_ascii_hexdigit());
    let halves = rest.split(' ').skip_while(|word| word.is_empty()).take_while(is_code).count();
    (halves > 0).then(|| address..address + 2 * halves as u64)
}

/// Which of the addresses are in none of the ranges.
pub fn missing(addresses: impl IntoIterator<Item = u64>, reached: &[Range<u64>]) -> Vec<u64> {
    addresses
        .into_iter()
        .filter(|address| !reached.iter().any(|range| range.contains(address)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let log = "----------------\nIN: f\n0x00000400:  f002 f97b  bl       #0x26fa\n\
            0x00000404:  ee25       .byte    0x25, 0xee\n\
            0x00000406:  cfee       ldm      r7, {r1}\n\n0x00000500: nothing\n";
        let reached = read(log);
        assert_eq!(reached, [0x400..0x404, 0x404..0x406, 0x406..0x408]);
        assert_eq!(missing([0x400, 0x404, 0x408, 0x500], &reached), [0x408, 0x500]);
    }
}
