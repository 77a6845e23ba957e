//! `cargo xtask asm`: reads the machine code of every kernel on every backend.
//!
//! A kernel that is not inlined into a function with the right target features loses these features
//! without an error. It still gives the right bits, but runs eight or sixteen times slower. A
//! single fused multiply-add would change the bits on the CPUs that have one. A test of results may
//! show neither, so this command reads the instructions.

mod aarch64;
mod code;
mod elf;
mod wasm;
mod x86;

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::apt;
use crate::builds::{ARM_LIBC, ARM_LINKER, ARM_TRIPLE};
use crate::paths;
use crate::process::{self, cargo};
use crate::table::table;
use crate::toolchain::Target;
use code::{Counts, Loop};

/// Check that each backend's machine code is what the backend promises.
///
/// Builds `kernels/examples/probe.rs` for the host, for 64-bit Arm and for wasm with SIMD. It calls
/// each kernel on each backend from a function `probe_BACKEND_KERNEL`. From each of these functions
/// the command follows the calls. It counts arithmetic on f32 in the backend's own registers and
/// arithmetic on single values, and prints both: `vector/single`. It fails where
///
/// - there is no vector arithmetic, or less of it than of single values;
/// - a fused multiply-add, an estimate of a reciprocal or a root, or a relaxed wasm instruction
///   occurs;
/// - an intrinsic is called as a function, or code for an AVX backend has arithmetic in the
///   encoding from before AVX: it was compiled without the backend's features;
/// - registers are used that a CPU for this backend need not have;
/// - a call leads to another library (for example to a scalar `expf`) or cannot be followed;
/// - a kernel has no probe.
#[derive(Default, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Look only at this build: host, aarch64 or wasm
    #[arg(long, value_name = "BUILD", value_parser = ["host", "aarch64", "wasm"])]
    only: Option<String>,
    /// Read this library or wasm module instead of building anything
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    file: Option<std::path::PathBuf>,
    /// Also print the innermost loops of these kernels, separated by commas: gemm,gemv,exp
    #[arg(long, value_name = "KERNEL", value_delimiter = ',', value_parser = KERNELS)]
    loops: Vec<String>,
}

/// The kernels that must have a probe on every backend. Probes of other kernels are allowed and are
/// judged in the same way.
const KERNELS: [&str; 62] = [
    "gemm",
    "gemm_add",
    "gemm_tn",
    "gemm_nt",
    "gemm_nt_add",
    "gemv",
    "gemv_t",
    "ger",
    "dot",
    "axpy",
    "add",
    "sum_rows",
    "sum_rows_add",
    "exp",
    "ln",
    "tanh",
    "sigmoid",
    "softmax",
    "columns",
    "relu",
    "leaky_relu",
    "step",
    "cos_pi",
    "exp_grad",
    "tanh_grad",
    "sigmoid_grad",
    "relu_grad",
    "leaky_relu_grad",
    "softmax_grad",
    "squared_error",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "sgd",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "adamw",
    "norm",
    "clip_value",
    "clip_norm",
    "gru",
    "gru_grad",
    "lstm",
    "lstm_grad",
    "moments",
    "batch",
    "batch_own",
    "batch_grad",
    "layer",
    "layer_grad",
    "dropout",
    "l1",
    "l2",
    "l1_grad",
    "l2_grad",
    "max",
    "max_grad",
    "avg",
    "avg_grad",
    "all_finite",
];

/// Functions that the compiler may call on its own. None of them computes.
const MEMORY: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

pub fn main(args: &Args) -> Result<()> {
    check(args)
}

/// Builds, counts, prints and judges.
pub fn check(args: &Args) -> Result<()> {
    let mut report = Report { wanted: args.loops.clone(), ..Report::default() };
    if let Some(file) = &args.file {
        report.read(file, &[])?;
    } else {
        let wanted = |build: &str| args.only.as_deref().is_none_or(|only| only == build);
        if wanted("host") {
            let backends: &[&str] = match ARCH {
                "x86_64" => &["scalar", "avx2", "avx512vl", "avx512"],
                "aarch64" => &["scalar", "neon"],
                _ => &["scalar"],
            };
            report.read(&host()?, backends)?;
        }
        if wanted("aarch64") && ARCH != "aarch64" && OS == "linux" {
            report.read(&aarch64_linux()?, &["scalar", "neon"])?;
        }
        if wanted("wasm") {
            report.read(&wasm32()?, &["wasm"])?;
        }
    }
    println!("\n{}", report.table());
    if !report.wanted.is_empty() {
        println!("{}", report.loops());
    }
    if report.complaints.is_empty() {
        return Ok(());
    }
    for complaint in &report.complaints {
        println!("{complaint}");
    }
    bail!(
        "the machine code is not what the backends promise: {} complaints",
        report.complaints.len()
    )
}

/// The probe is an example of crate type `cdylib`, so that its functions are kept. It is built
/// without the feature `defmt`, with which it would be empty, and so it has a build of its own.
const PROBE: [&str; 5] = ["--release", "--package", "rosenblatt-kernels", "--example", "probe"];

fn host() -> Result<std::path::PathBuf> {
    process::run(cargo(["build"]).args(PROBE))?;
    Ok(paths::target().join(format!("release/examples/{DLL_PREFIX}probe{DLL_SUFFIX}")))
}

fn aarch64_linux() -> Result<std::path::PathBuf> {
    apt::ensure(&[ARM_LINKER, ARM_LIBC])?;
    let target = Target::prepare(ARM_TRIPLE)?;
    let mut command = target.cargo("build", "cross", "", PROBE);
    process::run(command.env(target.variable("LINKER"), ARM_LINKER.any_of[0]))?;
    Ok(target.release_folder("cross").join("examples/libprobe.so"))
}

fn wasm32() -> Result<std::path::PathBuf> {
    let target = Target::prepare("wasm32-unknown-unknown")?;
    let mut command = target.cargo("build", "wasm", "core", PROBE);
    process::run(command.env(target.variable("RUSTFLAGS"), crate::wasm::SIMD))?;
    Ok(target.release_folder("wasm").join("examples/probe.wasm"))
}

/// The counts of all probes, and what is wrong with them.
#[derive(Default)]
struct Report {
    /// By kernel, then by column (a backend, or a backend of a second architecture).
    counts: BTreeMap<String, BTreeMap<String, String>>,
    /// In the order of printing.
    columns: BTreeSet<(u32, String)>,
    complaints: Vec<String>,
    /// The kernels whose loops are printed.
    wanted: Vec<String>,
    /// By kernel and column.
    loops: BTreeMap<(String, String), Vec<Loop>>,
}

/// So many loops of a kernel are printed.
const LOOPS: usize = 3;

impl Report {
    /// Reads one binary, in which the named backends must have all probes.
    fn read(&mut self, file: &Path, backends: &[&str]) -> Result<()> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let (architecture, code) = if bytes.starts_with(b"\0asm") {
            ("wasm", wasm::read(&bytes)?)
        } else {
            elf::read(&bytes)?
        };
        let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (index, name) in code.names() {
            let Some((backend, kernel)) = probe_name(name) else {
                continue;
            };
            seen.entry(backend).or_default().insert(kernel);
            let counts = code.reachable(index);
            let complaints = judge(backend, &counts);
            let column = match (backend, architecture) {
                ("scalar", other) if other != ARCH => format!("scalar ({other})"),
                _ => backend.to_owned(),
            };
            self.columns.insert((order(backend), column.clone()));
            if self.wanted.iter().any(|wanted| wanted == kernel) {
                self.loops.insert((kernel.to_owned(), column.clone()), code.loops(index));
            }
            let mark = if complaints.is_empty() { "" } else { " !" };
            let cell = format!("{}/{}{mark}", vector(backend, &counts), counts.single);
            self.counts.entry(kernel.to_owned()).or_default().insert(column, cell);
            self.complaints.extend(
                complaints
                    .into_iter()
                    .map(|complaint| format!("{backend} {kernel} ({architecture}): {complaint}")),
            );
        }
        for backend in backends {
            let missing: Vec<_> = KERNELS
                .into_iter()
                .filter(|kernel| !seen.get(backend).is_some_and(|seen| seen.contains(kernel)))
                .collect();
            if !missing.is_empty() {
                self.complaints.push(format!(
                    "{backend} ({architecture}): no probe for {}",
                    missing.join(", ")
                ));
            }
        }
        if seen.is_empty() {
            self.complaints
                .push(format!("{} has no function named probe_BACKEND_KERNEL", file.display()));
        }
        Ok(())
    }

    fn table(&self) -> String {
        let mut header = vec!["kernel"];
        header.extend(self.columns.iter().map(|(_, column)| column.as_str()));
        let rows = self.counts.iter().map(|(kernel, cells)| {
            let mut row = vec![kernel.clone()];
            row.extend(
                self.columns
                    .iter()
                    .map(|(_, column)| cells.get(column).cloned().unwrap_or_default()),
            );
            row
        });
        table(&header, rows, 1..=self.columns.len())
    }

    /// The loops with the most multiplications, of each kernel on each backend.
    fn loops(&self) -> String {
        let header = [
            "innermost loop of",
            "backend",
            "instructions",
            "multiplications",
            "arithmetic",
            "loads",
            "stores",
            "spills",
            "loads a multiplication",
            "spills a multiplication",
        ];
        let rows = self.loops.iter().flat_map(|((kernel, column), loops)| {
            loops.iter().take(LOOPS).map(move |round| {
                let mut row = vec![kernel.clone(), column.clone()];
                row.extend(cells(round));
                row
            })
        });
        table(&header, rows, 2..header.len())
    }
}

/// The cells of a loop in the table.
fn cells(round: &Loop) -> Vec<String> {
    let a_multiplication = |count: u32| match round.multiplications {
        0 => "-".to_owned(),
        all => format!("{:.2}", f64::from(count) / f64::from(all)),
    };
    let counts = [round.instructions, round.multiplications, round.arithmetic, round.loads];
    let mut cells: Vec<String> = counts.map(|count| count.to_string()).into();
    cells.extend([round.stores, round.spills].map(|count| count.to_string()));
    cells.extend([round.loads, round.spills].map(a_multiplication));
    cells
}

/// The backend and the kernel in a probe's name. Some systems put an additional underscore before
/// every name.
fn probe_name(symbol: &str) -> Option<(&str, &str)> {
    symbol.trim_start_matches('_').strip_prefix("probe_")?.split_once('_')
}

/// The position of a backend's column.
fn order(backend: &str) -> u32 {
    match backend {
        "scalar" => 0,
        "avx2" => 1,
        "avx512vl" => 2,
        "avx512" => 3,
        "neon" => 4,
        _ => 5,
    }
}

/// The width of a backend's vector registers in bits. The scalar backend has none: 0.
fn register(backend: &str) -> u32 {
    match backend {
        "avx512" => 512,
        "avx2" | "avx512vl" => 256,
        "neon" | "wasm" => 128,
        _ => 0,
    }
}

/// The number of instructions that are the backend's own vector arithmetic. The scalar backend has
/// none of its own. There it is the vector arithmetic that the compiler made of the loops.
fn vector(backend: &str, counts: &Counts) -> u32 {
    match register(backend) {
        0 => counts.packed.values().sum(),
        bits => counts.packed.get(&bits).copied().unwrap_or(0),
    }
}

/// What is wrong with the code of one kernel on one backend.
fn judge(backend: &str, counts: &Counts) -> Vec<String> {
    let mut complaints = Vec::new();
    for (what, times) in &counts.forbidden {
        complaints.push(format!(
            "{what} occurs {times} times; the contract excludes fused, estimated and relaxed \
             arithmetic"
        ));
    }
    for callee in counts.outside.iter().filter(|callee| !MEMORY.contains(&callee.as_str())) {
        complaints.push(format!("calls {callee}, which is not in this binary"));
    }
    if counts.unfollowed > 0 {
        complaints.push(format!(
            "{} calls through a pointer, which cannot be followed",
            counts.unfollowed
        ));
    }
    if !counts.intrinsics.is_empty() {
        let names: Vec<_> = counts.intrinsics.iter().map(String::as_str).collect();
        complaints.push(format!(
            "code without the backend's features: it calls intrinsics as functions: {}",
            names.join(", ")
        ));
    }
    if counts.unknown > 0 {
        complaints.push(format!("{} instructions that the decoder does not know", counts.unknown));
    }
    let own = vector(backend, counts);
    if register(backend) == 0 {
        // The compiler may use the vector registers that every CPU of the architecture has.
        if counts.widest > 128 {
            complaints.push(format!("uses {}-bit registers", counts.widest));
        }
        if own + counts.single == 0 {
            complaints.push("has no arithmetic".to_owned());
        }
        return complaints;
    }
    // For plain copies the compiler may use wider registers than the backend's own, if the CPU has
    // them.
    let allowed = if backend == "avx512vl" { 512 } else { register(backend) };
    if counts.widest > allowed {
        complaints.push(format!("uses {}-bit registers", counts.widest));
    }
    if ["avx2", "avx512vl", "avx512"].contains(&backend) && counts.legacy > 0 {
        complaints.push(format!(
            "{} instructions have the encoding from before AVX: code without the backend's \
             features",
            counts.legacy
        ));
    }
    if own == 0 {
        complaints.push(format!("has no arithmetic on {}-bit vectors", register(backend)));
    } else if counts.single > own {
        complaints
            .push(format!("has {own} vector instructions, but {} on single values", counts.single));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use code::{Class, Instruction};

    fn counts(instructions: &[&Instruction]) -> Counts {
        let mut counts = Counts::default();
        for instruction in instructions {
            counts.add(instruction);
        }
        counts
    }

    #[test]
    fn probe_names() {
        assert_eq!(probe_name("probe_avx512_leaky_relu"), Some(("avx512", "leaky_relu")));
        assert_eq!(probe_name("_probe_neon_gemm"), Some(("neon", "gemm")));
        assert_eq!(probe_name("rosenblatt_probe_neon_gemm"), None);
    }

    #[test]
    fn scalar_code_under_a_vector_name_is_found() {
        let single = Instruction { class: Class::Single, ..Instruction::default() };
        let packed =
            Instruction { class: Class::Packed(256), widest: 256, ..Instruction::default() };
        assert!(judge("avx2", &counts(&[&packed, &packed, &single])).is_empty());
        assert_eq!(judge("avx2", &counts(&[&single])).len(), 1);
        assert_eq!(judge("avx2", &counts(&[&packed, &single, &single])).len(), 1);
        // Half-width code on AVX-512, and 256-bit registers in the scalar backend.
        assert_eq!(judge("avx512", &counts(&[&packed])).len(), 1);
        assert_eq!(judge("scalar", &counts(&[&packed])).len(), 1);
    }

    #[test]
    fn fused_and_foreign_code_is_found() {
        let packed = Instruction { class: Class::Packed(512), ..Instruction::default() };
        let fused = Instruction {
            class: Class::Forbidden,
            name: "vfmadd231ps".into(),
            ..Instruction::default()
        };
        assert!(judge("avx512", &counts(&[&packed])).is_empty());
        let mut both = counts(&[&packed, &fused]);
        assert_eq!(judge("avx512", &both).len(), 1);
        both.outside.insert("memcpy".into());
        both.outside.insert("expf".into());
        both.unfollowed = 1;
        both.intrinsics.insert("_mm512_add_ps".into());
        assert_eq!(judge("avx512", &both).len(), 4);
    }
}
