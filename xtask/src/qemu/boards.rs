//! The boards: how firmware is built for each, how QEMU emulates each, and how its clock counts.

use crate::apt::Need;

/// A board in the emulator.
pub struct Board {
    /// Its name in tables and on the command line, which tells its CPU.
    pub name: &'static str,
    /// The firmware that it runs. Boards with the same memory map and target share it.
    pub build: &'static Build,
    /// The emulator and its options, without the firmware.
    emulator: &'static [&'static str],
    /// One instruction takes 2^shift nanoseconds of the emulator's time.
    shift: u32,
    /// Picoseconds of a tick of the clock by which the firmware counts.
    tick: u64,
}

/// Firmware, as built for one or more boards.
pub struct Build {
    /// The name of its target folder.
    pub folder: &'static str,
    /// What the firmware's build script calls the board.
    pub board: &'static str,
    /// The target.
    pub triple: &'static str,
    /// Additional flags for the compiler.
    pub rustflags: Option<&'static str>,
    /// Features of the firmware.
    pub features: &'static [&'static str],
    /// The programs for which the board is too small.
    pub too_small: Option<TooSmall>,
    /// The programs whose code fits into the board's flash only at opt-level s.
    pub small_only: &'static [&'static str],
}

/// What the firmware is optimized for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Opt-level s.
    Small,
    /// Opt-level 3.
    Fast,
}

impl Profile {
    /// In the order of columns.
    pub const ALL: [Self; 2] = [Self::Small, Self::Fast];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "opt-level s",
            Self::Fast => "opt-level 3",
        }
    }

    /// Its name for cargo, and its folder.
    pub fn cargo(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Fast => "release",
        }
    }
}

/// The programs that do not fit into a board's RAM.
pub struct TooSmall {
    /// Bytes of RAM that the board has.
    pub ram: u64,
    /// The programs.
    pub programs: &'static [&'static str],
}

impl Build {
    const fn new(folder: &'static str, board: &'static str, triple: &'static str) -> Self {
        Self {
            folder,
            board,
            triple,
            rustflags: None,
            features: &[],
            too_small: None,
            small_only: &[],
        }
    }

    /// Whether a program fits into the board's memory.
    pub fn fits(&self, program: &str) -> bool {
        self.too_small.as_ref().is_none_or(|small| !small.programs.contains(&program))
    }

    /// Whether a program that fits does so at this opt-level.
    pub fn fits_at(&self, program: &str, profile: Profile) -> bool {
        profile == Profile::Small || !self.small_only.contains(&program)
    }
}

static MICROBIT: Build = Build {
    too_small: Some(TooSmall { ram: 16 << 10, programs: &["digits"] }),
    // The flash has 256 KB. With software floating point, the unrolled kernels of the suite take
    // more than 300 KB.
    small_only: &["identity"],
    ..Build::new("microbit", "microbit", "thumbv6m-none-eabi")
};
static LM3S: Build = Build {
    small_only: &["identity"],
    ..Build::new("lm3s6965evb", "lm3s6965evb", "thumbv7m-none-eabi")
};
static MPS2: Build = Build::new("mps2", "mps2", "thumbv7em-none-eabihf");
static MPS2_TUNED: Build = Build {
    rustflags: Some("-C target-cpu=cortex-m4"),
    ..Build::new("mps2-cortex-m4", "mps2", "thumbv7em-none-eabihf")
};
static AN505: Build = Build::new("mps2-an505", "mps2-an505", "thumbv8m.main-none-eabihf");
static AN547: Build = Build::new("mps3-an547", "mps3-an547", "thumbv8m.main-none-eabihf");
static AN547_HELIUM: Build = Build {
    features: &["helium"],
    ..Build::new("mps3-an547-helium", "mps3-an547", "thumbv8m.main-none-eabihf")
};
static RV32IMAC: Build = Build::new("riscv32imac", "riscv32", "riscv32imac-unknown-none-elf");
static RV32IMAFC: Build = Build::new("riscv32imafc", "riscv32", "riscv32imafc-unknown-none-elf");
static AARCH64: Build = Build::new("aarch64", "aarch64", "aarch64-unknown-none");

const ARM: &str = "qemu-system-arm";
const RISCV: &[&str] = &["qemu-system-riscv32", "-M", "virt", "-bios", "none"];

/// All boards, in the order of tables.
///
/// The shift gives an instruction at least four ticks, or exactly one. A figure is a difference of
/// two differences of whole ticks. Its error is less than two ticks, which must not round to
/// another instruction.
#[rustfmt::skip]
pub static BOARDS: [Board; 11] = [
    Board { name: M0, build: &MICROBIT, emulator: &[ARM, "-M", "microbit"], shift: 8, tick: 62_500 },
    Board { name: "M3", build: &LM3S, emulator: &[ARM, "-M", "lm3s6965evb"], shift: 9, tick: 80_000 },
    Board { name: M4F, build: &MPS2, emulator: &[ARM, "-M", "mps2-an386"], shift: 8, tick: 40_000 },
    Board { name: M4F_TUNED, build: &MPS2_TUNED, emulator: &[ARM, "-M", "mps2-an386"], shift: 8, tick: 40_000 },
    Board { name: "M7", build: &MPS2, emulator: &[ARM, "-M", "mps2-an500"], shift: 8, tick: 40_000 },
    Board { name: "M33", build: &AN505, emulator: &[ARM, "-M", "mps2-an505"], shift: 8, tick: 50_000 },
    Board { name: "M55", build: &AN547, emulator: &[ARM, "-M", "mps3-an547"], shift: 8, tick: 31_250 },
    Board { name: M55_HELIUM, build: &AN547_HELIUM, emulator: &[ARM, "-M", "mps3-an547"], shift: 8, tick: 31_250 },
    // The clock of these two counts instructions.
    Board { name: "RV32IMAC", build: &RV32IMAC, emulator: RISCV, shift: 0, tick: 1_000 },
    Board { name: "RV32IMAFC", build: &RV32IMAFC, emulator: RISCV, shift: 0, tick: 1_000 },
    Board { name: "AArch64", build: &AARCH64, emulator: &["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-nic", "none"], shift: 4, tick: 16_000 },
];

/// The smallest CPU.
pub const M0: &str = "M0";
/// The board of the goals, on which the gates are tested.
pub const M4F: &str = "M4F";
/// The same board, with code for its CPU.
pub const M4F_TUNED: &str = "M4F-tuned";
/// The Cortex-M55 with Helium's matrix products.
pub const M55_HELIUM: &str = "M55-helium";
/// The row of the wasm backend, which is not a board.
pub const WASM: &str = "wasm";

/// The emulators.
pub const EMULATORS: [Need; 2] = [
    // This package also contains qemu-system-aarch64.
    Need { any_of: &["qemu-system-aarch64"], package: "qemu-system-arm" },
    Need { any_of: &["qemu-system-riscv32"], package: "qemu-system-misc" },
];

/// Instructions of the firmware's handler of the clock's interrupt.
const HANDLER: u64 = 5;

impl Board {
    /// The board of this name.
    pub fn named(name: &str) -> &'static Self {
        BOARDS.iter().find(|board| board.name == name).expect("a name out of the table of boards")
    }

    /// The command that emulates the board, without the firmware.
    pub fn emulator(&self) -> Vec<String> {
        let mut words: Vec<String> = self.emulator.iter().map(|&word| word.to_owned()).collect();
        words.extend(["-icount".to_owned(), format!("shift={}", self.shift)]);
        words
    }

    /// The instructions in a number of ticks, without those of the interrupts during these ticks.
    pub fn instructions(&self, ticks: u64, interrupts: u64) -> u64 {
        let instruction = 1000 << self.shift;
        ((ticks * self.tick + instruction / 2) / instruction).saturating_sub(HANDLER * interrupts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_instructions() {
        for board in &BOARDS {
            // Picoseconds of 2001 instructions.
            let time = 2001 * (1000 << board.shift);
            let ticks = time / board.tick;
            assert_eq!(board.instructions(ticks, 0), 2001, "{}", board.name);
            assert_eq!(board.instructions(ticks, 3), 2001 - 15, "{}", board.name);
            let counts_instructions = board.tick == 1000 << board.shift;
            for off in if counts_instructions { 0..=0 } else { -1..=2 } {
                assert_eq!(
                    board.instructions(ticks.saturating_add_signed(off), 0),
                    2001,
                    "{} {off}",
                    board.name
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit() {
        assert!(!Board::named("M0").build.fits("digits"));
        assert!(
            Board::named("M0").build.fits("digits-small")
                && Board::named("M3").build.fits("digits")
        );
    }
}
