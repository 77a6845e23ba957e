//! The command line of `cargo xtask COMMAND`.

mod apt;
mod asm;
mod bench;
mod bless;
mod builds;
mod counts;
mod expected;
mod flower;
mod fuzz;
mod names;
mod paths;
mod process;
mod qemu;
mod rust_src;
mod size;
mod steps;
mod table;
mod test;
mod toolchain;
mod ulp;
mod wasm;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks and measurements of the Rosenblatt workspace.
///
/// `cargo xtask test` runs all checks of the project, except those that take too long. The other
/// commands run one part of it, run the long checks, or write the expected values.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    Test(test::Args),
    Asm(asm::Args),
    Bench(bench::Args),
    Ulp(ulp::Args),
    Qemu(qemu::Args),
    Travel(qemu::travel::Args),
    Replay(qemu::replay::Args),
    Size(size::Args),
    Examples(steps::examples::Args),
    Flower(flower::Args),
    Fuzz(fuzz::Args),
    World(world::Args),
    Bless(bless::Args),
}

fn main() -> ExitCode {
    if let Some(code) = names::wrapper() {
        return code;
    }
    let done = match Cli::parse().command {
        Task::Test(args) => test::main(&args),
        Task::Asm(args) => asm::main(&args),
        Task::Bench(args) => bench::main(&args),
        Task::Ulp(args) => ulp::main(&args),
        Task::Qemu(args) => qemu::main(&args),
        Task::Travel(_) => qemu::travel::main(),
        Task::Replay(_) => qemu::replay::main(),
        Task::Size(args) => size::main(&args),
        Task::Examples(args) => steps::examples::main(&args),
        Task::Flower(args) => flower::main(&args),
        Task::Fuzz(args) => fuzz::main(&args),
        Task::World(args) => world::main(&args),
        Task::Bless(args) => bless::main(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
