//! The project's chores, run as `cargo xtask COMMAND`. This file is the command line and nothing else.

mod apt;
mod asm;
mod bless;
mod builds;
mod expected;
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

/// Chores of the Rosenblatt workspace.
///
/// `cargo xtask test` is the one command that says whether the project is sound; the other commands do one of its
/// parts, or what takes too long to do every time.
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
    Ulp(ulp::Args),
    Qemu(qemu::Args),
    Size(size::Args),
    Examples(steps::examples::Args),
    World(world::Args),
    Bless(bless::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Task::Test(args) => test::main(&args),
        Task::Asm(args) => asm::main(&args),
        Task::Ulp(args) => ulp::main(&args),
        Task::Qemu(args) => qemu::main(&args),
        Task::Size(args) => size::main(&args),
        Task::Examples(args) => steps::examples::main(&args),
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
