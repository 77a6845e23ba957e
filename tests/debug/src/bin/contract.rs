//! Prints what breaks the numeric contract in this build, or that nothing does. A program makes the
//! same check at its start.
//!
//! `cargo xtask test` also builds it in ways that break the contract, and expects the violation to
//! be reported.

use rosenblatt::kernels::contract;

fn main() {
    match contract::violation() {
        None => println!("the contract holds"),
        Some(violation) => println!("{violation:?}: {violation}"),
    }
}
