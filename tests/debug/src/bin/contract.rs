//! Says what breaks the numeric contract in this build, or that nothing does: what a program asks at its start.
//!
//! `cargo xtask test` builds it as the contract forbids, too, and expects to be told.

use rosenblatt::kernels::contract;

fn main() {
    match contract::violation() {
        None => println!("the contract holds"),
        Some(violation) => println!("{violation:?}: {violation}"),
    }
}
