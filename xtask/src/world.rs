//! `cargo xtask world`: checks the golden hashes on emulated CPUs that `cargo xtask test` leaves
//! out.

use std::env::consts::OS;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use clap::builder::PossibleValuesParser;

use crate::apt::{self, Need};
use crate::process;
use crate::table::table;
use crate::toolchain::Target;

/// Run the tests that hold golden hashes on other CPUs, in an emulator for Linux programs.
///
/// For each target it installs a C compiler that links, a C library and QEMU by apt. It builds the
/// tests of the kernels and of the networks, runs them, and prints a table. It fails where a hash
/// is not the golden one.
///
/// A target takes many minutes, most of them for compiling. Therefore `cargo xtask test` does not
/// include this command.
#[derive(clap::Args)]
pub struct Args {
    /// Only this target; may be given several times, or as a list with commas
    #[arg(
        long,
        value_name = "TARGET",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(PLACES.map(|place| place.triple))
    )]
    only: Vec<String>,
}

/// A target, and how its programs are linked and run.
struct Place {
    triple: &'static str,
    /// The CPU, as the table describes it.
    about: &'static str,
    flags: &'static str,
    linker: Need,
    libc: Need,
    emulator: Need,
    /// The CPU that QEMU emulates. If empty, QEMU's default.
    cpu: &'static str,
    /// The folder of its C library.
    root: &'static str,
}

const PLACES: [Place; 5] = [
    Place {
        triple: "i686-unknown-linux-gnu",
        about: "32-bit x86, AVX2",
        flags: "",
        linker: Need { any_of: &["i686-linux-gnu-gcc"], package: "gcc-i686-linux-gnu" },
        libc: Need { any_of: &["/usr/i686-linux-gnu/lib/crt1.o"], package: "libc6-dev-i386-cross" },
        emulator: Need { any_of: &["qemu-i386", "qemu-i386-static"], package: "qemu-user" },
        cpu: "max",
        root: "/usr/i686-linux-gnu",
    },
    Place {
        triple: "armv7-unknown-linux-gnueabihf",
        about: "32-bit Arm, VFP",
        flags: "",
        linker: Need { any_of: &["arm-linux-gnueabihf-gcc"], package: "gcc-arm-linux-gnueabihf" },
        libc: Need {
            any_of: &["/usr/arm-linux-gnueabihf/lib/crt1.o"],
            package: "libc6-dev-armhf-cross",
        },
        emulator: Need { any_of: &["qemu-arm", "qemu-arm-static"], package: "qemu-user" },
        cpu: "",
        root: "/usr/arm-linux-gnueabihf",
    },
    Place {
        triple: "riscv64gc-unknown-linux-gnu",
        about: "64-bit RISC-V",
        flags: "",
        linker: Need { any_of: &["riscv64-linux-gnu-gcc"], package: "gcc-riscv64-linux-gnu" },
        libc: Need {
            any_of: &["/usr/riscv64-linux-gnu/lib/crt1.o"],
            package: "libc6-dev-riscv64-cross",
        },
        emulator: Need { any_of: &["qemu-riscv64", "qemu-riscv64-static"], package: "qemu-user" },
        cpu: "",
        root: "/usr/riscv64-linux-gnu",
    },
    Place {
        triple: "s390x-unknown-linux-gnu",
        about: "IBM Z, big-endian",
        flags: "",
        linker: Need { any_of: &["s390x-linux-gnu-gcc"], package: "gcc-s390x-linux-gnu" },
        libc: Need {
            any_of: &["/usr/s390x-linux-gnu/lib/crt1.o"],
            package: "libc6-dev-s390x-cross",
        },
        emulator: Need { any_of: &["qemu-s390x", "qemu-s390x-static"], package: "qemu-user" },
        cpu: "",
        root: "/usr/s390x-linux-gnu",
    },
    Place {
        triple: "powerpc64-unknown-linux-gnu",
        about: "PowerPC, big-endian, VSX",
        flags: "-C target-cpu=pwr8",
        linker: Need { any_of: &["powerpc64-linux-gnu-gcc"], package: "gcc-powerpc64-linux-gnu" },
        libc: Need {
            any_of: &["/usr/powerpc64-linux-gnu/lib/crt1.o"],
            package: "libc6-dev-ppc64-cross",
        },
        emulator: Need { any_of: &["qemu-ppc64", "qemu-ppc64-static"], package: "qemu-user" },
        cpu: "power8",
        root: "/usr/powerpc64-linux-gnu",
    },
];

/// The tests that compare golden hashes: column of the table, package, test target, name of the
/// test.
const SUITES: [(&str, &str, &str, &str); 4] = [
    ("kernels", "rosenblatt-kernels", "identity", "golden_hashes"),
    (
        "in any environment",
        "rosenblatt-kernels",
        "environment",
        "the_identity_suite_ends_in_the_golden_hash",
    ),
    ("networks", "rosenblatt-golden", "golden", "hashes_are_the_golden_ones"),
    (
        "in any environment",
        "rosenblatt-golden",
        "golden",
        "hashes_are_the_golden_ones_in_any_floating_point_environment",
    ),
];

pub fn main(args: &Args) -> Result<()> {
    ensure!(OS == "linux", "the emulators for this command run on Linux");
    let mut rows = Vec::new();
    let mut wrong = 0;
    for place in PLACES
        .iter()
        .filter(|place| args.only.is_empty() || args.only.iter().any(|t| t == place.triple))
    {
        let start = Instant::now();
        let mut row = vec![place.triple.to_owned(), place.about.to_owned()];
        for (what, package, test, name) in SUITES {
            row.push(match suite(place, package, test, name) {
                Ok(()) => "golden".to_owned(),
                Err(error) => {
                    println!("{}: {what}: {error:#}", place.triple);
                    wrong += 1;
                    "FAILED".to_owned()
                }
            });
        }
        row.push(format!("{:.0}", start.elapsed().as_secs_f64()));
        rows.push(row);
    }
    let titles: Vec<_> = ["target", "CPU"]
        .into_iter()
        .chain(SUITES.map(|suite| suite.0))
        .chain(["seconds"])
        .collect();
    println!("\n{}", table(&titles, rows, [titles.len() - 1]));
    if wrong > 0 {
        bail!("{wrong} suites failed");
    }
    Ok(())
}

fn suite(place: &Place, package: &str, test: &str, name: &str) -> Result<()> {
    let Place { linker, libc, emulator, .. } = *place;
    apt::ensure(&[linker, libc, emulator])?;
    let target = Target::prepare(place.triple)?;
    let qemu = emulator.found().expect("ensured above");
    let cpu = if place.cpu.is_empty() { String::new() } else { format!(" -cpu {}", place.cpu) };
    let mut command = target.cargo(
        "test",
        "world",
        "",
        ["--release", "--package", package, "--test", test, "--no-default-features"],
    );
    command
        .env(target.variable("LINKER"), linker.found().expect("ensured above"))
        .env(target.variable("RUNNER"), format!("{qemu}{cpu} -L {}", place.root))
        .env(target.variable("RUSTFLAGS"), place.flags)
        // With `--exact` no test runs if the test was renamed. The check below then fails.
        .args(["--", "--exact", name, "--show-output"]);
    let mut passed = false;
    process::run_lines(&mut command, |line| {
        passed |= line.starts_with("test result: ok. 1 passed");
        true
    })?;
    ensure!(passed, "there is no test {name} in {test}");
    Ok(())
}
