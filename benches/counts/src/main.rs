//! `counts BACKEND`: runs each workload [`REPEATS`] times, for a program that counts instructions.
//!
//! [`mark`] is called before and after each workload. `xtask/src/counts.rs` lets valgrind count the
//! instructions between two calls. The names are printed in the order of the workloads.

use rosenblatt::Backend;
use rosenblatt_counts::{Meter, all};
use std::{hint::black_box, process::ExitCode};

/// How often a workload is run between two marks.
const REPEATS: usize = 16;

/// Valgrind begins a new count where this function is entered.
#[inline(never)]
fn mark() {
    black_box(());
}

/// Runs each workload between two marks.
struct Marks;

impl Meter for Marks {
    fn measure(&mut self, name: &str, mut f: impl FnMut()) {
        f();
        mark();
        for _ in 0..REPEATS {
            f();
        }
        mark();
        println!("{name}");
    }
}

fn main() -> ExitCode {
    let backend: Result<Backend, _> = std::env::args().nth(1).unwrap_or_default().parse();
    match backend {
        Ok(backend) => {
            all(backend, &mut Marks);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
