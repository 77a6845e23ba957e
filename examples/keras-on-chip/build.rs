//! Turns `iris.keras` into Rust: the network's type, whose shapes the compiler checks, and its
//! weights as a `static` in flash.

use rosenblatt_tool::build;

fn main() {
    // The batch normalization becomes part of the dense layer before it.
    build::convert(
        "iris.keras",
        "Iris",
        build::Options { fold: true, ..build::Options::default() },
    );

    // The folder of the memory map, for the linker.
    println!("cargo:rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rerun-if-changed=memory.x");
}
