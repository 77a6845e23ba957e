//! `cargo xtask bench`: the library beside other libraries, in one run.

mod wasm;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::apt::{self, Need};
use crate::paths;
use crate::process::{self, cargo};

/// Time the library, alone or beside its peers.
///
/// Prints a table for each kind of work: training steps, inference of one sample and of 32,
/// recurrent networks frame by frame, matrix products, functions, optimizers. A row is a library, a
/// column a workload. The last rows give the best peer, the ratio of this library to it, and how
/// much of the core's own limit it reaches, which is measured in the same run. The tables are also
/// written as Markdown, and the ratios as a plot, into `target/peers`.
///
/// Every result is compared with a reference in f64 before it is timed. A wrong one is not timed,
/// and the command fails. Libraries are timed in turn, one core each, 21 rounds. A figure is the
/// median; behind it stands half the distance of its quartiles.
///
/// With `--widths` it times other workloads: a training step and an inference of a network w-w-10,
/// over the width (1 to 1,024, batch 32) and over the batch (1 to 1,024, width 32). Beside it stand
/// the two best peers only, plain Rust loops and Eigen with fast-math. The times are drawn over
/// width and batch. Each width and each batch is another type: ours take about a minute of one core
/// to compile, plain Rust two, Eigen six, which is compiled again only if its source has changed.
///
/// With `--cliffs` it times this library alone, at some hundred shapes of products, recurrent
/// layers, softmax and functions. Each shape is timed in turn with the next larger one that fills
/// the registers, and each that fills them with the next smaller one that does. It prints the worst
/// ten on each backend by the time for the same arithmetic, and how many exceed 1.6 times. A time
/// never makes it fail. It takes a minute to compile and 1.5 minutes to run.
///
/// With `--peers` it installs what is missing: Debian's packages of Eigen, OpenBLAS, FANN and SLEEF,
/// and JAX, ONNX Runtime and others from PyPI into a folder of its own. It compiles the Rust and C++
/// peers for this CPU, which takes some minutes.
///
/// With `--wasm` the workloads of `benches/counts` run as WebAssembly under node, once with SIMD and
/// once without.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Beside the other libraries
    #[arg(long)]
    peers: bool,
    /// Also PyTorch, which takes 1.3 GB
    #[arg(long, requires = "peers", conflicts_with = "widths")]
    torch: bool,
    /// Networks of many widths and batches instead
    #[arg(long)]
    widths: bool,
    /// Many shapes instead, each beside one that fills the registers
    #[arg(long, conflicts_with_all = ["peers", "widths"])]
    cliffs: bool,
    /// Time only these workloads, separated by commas: T2,I2,gemm64, with `--widths` Tw21b32, with
    /// `--cliffs` gemm_nt,gru. A wrong name lists all
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// In place of all that: the library as WebAssembly under node, with SIMD beside without
    #[arg(long, conflicts_with_all = ["peers", "only", "widths", "cliffs"])]
    wasm: bool,
}

/// What the C++ peers include and link.
const PACKAGES: [Need; 5] = [
    Need { any_of: &["g++"], package: "g++" },
    Need { any_of: &["/usr/include/eigen3/Eigen/Core"], package: "libeigen3-dev" },
    Need {
        any_of: &[
            "/usr/include/x86_64-linux-gnu/openblas-pthread/cblas.h",
            "/usr/include/x86_64-linux-gnu/cblas.h",
            "/usr/include/aarch64-linux-gnu/openblas-pthread/cblas.h",
        ],
        package: "libopenblas-dev",
    },
    Need { any_of: &["/usr/include/fann.h"], package: "libfann-dev" },
    Need {
        any_of: &[
            "/usr/include/sleef.h",
            "/usr/include/x86_64-linux-gnu/sleef.h",
            "/usr/include/aarch64-linux-gnu/sleef.h",
        ],
        package: "libsleef-dev",
    },
];

/// A C++ peer: its program, its source, the compiler's flags, and whether it has variants.
struct Cpp {
    program: &'static str,
    source: &'static str,
    flags: &'static [&'static str],
    variants: bool,
}

const CPP: [Cpp; 5] = [
    Cpp {
        program: "eigen",
        source: "eigen.cpp",
        flags: &["-I/usr/include/eigen3"],
        variants: false,
    },
    Cpp {
        program: "eigen-fast",
        source: "eigen.cpp",
        flags: &["-I/usr/include/eigen3", "-ffast-math"],
        variants: false,
    },
    Cpp { program: "openblas", source: "openblas.cpp", flags: &["-lopenblas"], variants: false },
    Cpp { program: "fann", source: "fann.cpp", flags: &["-lfloatfann", "-lm"], variants: false },
    Cpp {
        program: "functions",
        source: "functions.cpp",
        flags: &["-lsleef", "-lmvec", "-lm"],
        variants: true,
    },
];

/// Eigen's networks of the widths.
const EIGEN_WIDTHS: Cpp = Cpp {
    program: "eigen-widths",
    source: "eigen.cpp",
    flags: &["-I/usr/include/eigen3", "-ffast-math", "-DSWEEP"],
    variants: false,
};

/// The Python peers and their variants.
const PYTHON: [(&str, &[&str]); 2] = [("jax_peer.py", &["step", "scan"]), ("onnx_peer.py", &[""])];

pub fn main(args: &Args) -> Result<()> {
    let out = paths::side_target("peers");
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    if args.wasm {
        return wasm::run(&out);
    }
    let mut programs = Vec::new();
    if args.peers && args.widths {
        programs.push(plain(&out)?);
        programs.push(eigen_widths(&out)?);
    } else if args.peers {
        programs.extend(rust(&out)?);
        programs.extend(cpp(&out)?);
        programs.extend(python(&out, args.torch)?);
    }
    let bin = match args {
        Args { widths: true, .. } => "widths",
        Args { cliffs: true, .. } => "cliffs",
        _ => "peers",
    };
    let mut command = package(&out, "run");
    if bin != "peers" {
        // The feature of the same name compiles what the program times.
        command.args(["--features", bin]);
    }
    command.args(["--bin", bin, "--", "--out"]).arg(&out);
    if let Some(only) = &args.only {
        command.args(["--only", only]);
    }
    for program in programs {
        command.args(["--program", &program]);
    }
    process::run(&mut command)
}

fn folder() -> PathBuf {
    paths::root().join("benches/peers")
}

/// A cargo command for the package of the bench. The library itself is compiled without flags for
/// this CPU, as its users compile it.
fn package(out: &Path, subcommand: &str) -> Command {
    let mut command = cargo([subcommand, "--quiet", "--release", "--manifest-path"]);
    command.arg(folder().join("Cargo.toml")).arg("--target-dir").arg(out.join("build"));
    command
}

/// Compiles the Rust peers for this CPU. Returns the command of each.
fn rust(out: &Path) -> Result<Vec<String>> {
    let program = native(out, "contenders", "contenders")?;
    let count: usize = process::read(Command::new(&program).arg("count"))?.parse()?;
    Ok((0..count).map(|number| format!("{} {number}", program.display())).collect())
}

/// Compiles plain Rust loops for the widths. Returns their command.
fn plain(out: &Path) -> Result<String> {
    Ok(native(out, "widths", "plain")?.display().to_string())
}

/// Compiles a program with a feature for this CPU. Returns its path.
fn native(out: &Path, feature: &str, bin: &str) -> Result<PathBuf> {
    let native = out.join("native");
    let mut command = package(&native, "build");
    command.args(["--features", feature, "--bin", bin]).env("RUSTFLAGS", "-C target-cpu=native");
    process::run(&mut command)?;
    Ok(native.join("build/release").join(bin))
}

/// Compiles the C++ peers for this CPU. Returns the command of each.
fn cpp(out: &Path) -> Result<Vec<String>> {
    apt::ensure(&PACKAGES)?;
    let mut commands = Vec::new();
    for peer in &CPP {
        let program = compile(out, peer)?;
        if peer.variants {
            let variants = process::read(Command::new(&program).arg("variants"))?;
            commands.extend(variants.lines().map(|variant| format!("{program} {variant}")));
        } else {
            commands.push(program);
        }
    }
    Ok(commands)
}

/// Compiles Eigen's networks of the widths. Returns their command.
///
/// It takes minutes. So a program that is newer than its source stays.
fn eigen_widths(out: &Path) -> Result<String> {
    apt::ensure(&PACKAGES[..2])?;
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let program = out.join(EIGEN_WIDTHS.program);
    let sources = [EIGEN_WIDTHS.source, "server.hpp"].map(|name| folder().join("cpp").join(name));
    if sources.iter().all(|source| written(&program) > written(source)) {
        return Ok(program.display().to_string());
    }
    compile(out, &EIGEN_WIDTHS)
}

/// Compiles a C++ peer for this CPU. Returns its path.
fn compile(out: &Path, peer: &Cpp) -> Result<String> {
    let program = out.join(peer.program);
    let mut compile = Command::new("g++");
    compile
        .args(["-std=c++17", "-O3", "-march=native", "-DNDEBUG", "-w", "-o"])
        .arg(&program)
        .arg(folder().join("cpp").join(peer.source))
        .args(peer.flags);
    process::run(&mut compile)?;
    Ok(program.display().to_string())
}

/// Installs the Python peers into a folder of their own. Returns the command of each.
fn python(out: &Path, torch: bool) -> Result<Vec<String>> {
    let scripts = folder().join("python");
    let environment = out.join("python");
    let python = environment.join("bin/python");
    if !python.exists() {
        process::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let install = |arguments: &[&str], file: &str| {
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet"]).args(arguments);
        process::run(install.arg("--requirement").arg(scripts.join(file)))
    };
    install(&[], "requirements.txt")?;
    let mut peers = PYTHON.to_vec();
    if torch {
        // Without most of what it depends on: see the file.
        install(&["--no-deps"], "requirements-torch.txt")?;
        peers.push(("torch_peer.py", &[""]));
    }
    let mut commands = Vec::new();
    for (script, variants) in peers {
        let script = scripts.join(script);
        for variant in variants {
            // Without files of compiled Python beside the scripts.
            commands.push(format!("{} -B {} {variant}", python.display(), script.display()));
        }
    }
    Ok(commands)
}
