//! Writes the memory map of the board that `BOARD` names, and the start-up crate's linker script.

use std::{env, fs, path::PathBuf};

/// Board, flash and RAM (origin and length), and the linker script that uses them.
const BOARDS: [(&str, [&str; 2], [&str; 2], &str); 7] = [
    ("microbit", ["0x00000000", "256K"], ["0x20000000", "16K"], "link.x"),
    ("lm3s6965evb", ["0x00000000", "256K"], ["0x20000000", "64K"], "link.x"),
    // The MPS2 boards with a Cortex-M4 and with an M7 have the same map.
    ("mps2", ["0x00000000", "4M"], ["0x20000000", "4M"], "link.x"),
    ("mps2-an505", ["0x10000000", "4M"], ["0x38000000", "4M"], "link.x"),
    ("mps3-an547", ["0x00000000", "512K"], ["0x20000000", "512K"], "link.x"),
    ("riscv32", ["0x80000000", "4M"], ["0x80400000", "4M"], "link.x"),
    ("aarch64", ["0x40080000", "8M"], ["0", "0"], "image.ld"),
];

fn main() {
    println!("cargo:rerun-if-env-changed=BOARD");
    println!("cargo:rerun-if-changed=build.rs");
    let name = env::var("BOARD").expect("BOARD names the board: see BOARDS in build.rs");
    let Some((_, flash, ram, script)) = BOARDS.iter().find(|(board, ..)| *board == name) else {
        panic!("BOARD={name}: no such board; see BOARDS in build.rs");
    };
    let region = |name: &str, [origin, length]: &[&str; 2]| {
        format!("  {name} : ORIGIN = {origin}, LENGTH = {length}\n")
    };
    let text = match name.as_str() {
        "aarch64" => format!("MEMORY\n{{\n{}}}\n", region("image", flash)),
        "riscv32" => {
            let regions = [
                ("TEXT", "FLASH"),
                ("RODATA", "FLASH"),
                ("DATA", "RAM"),
                ("BSS", "RAM"),
                ("HEAP", "RAM"),
                ("STACK", "RAM"),
            ];
            let aliases: String = regions
                .map(|(region, memory)| format!("REGION_ALIAS(\"REGION_{region}\", {memory});\n"))
                .concat();
            format!("MEMORY\n{{\n{}{}}}\n{aliases}", region("FLASH", flash), region("RAM", ram))
        }
        _ => format!("MEMORY\n{{\n{}{}}}\n", region("FLASH", flash), region("RAM", ram)),
    };
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(folder.join("memory.x"), text).expect("OUT_DIR can be written");
    println!("cargo:rustc-link-search={}", folder.display());
    println!("cargo:rustc-link-arg-bins=-T{script}");
    if name == "aarch64" {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
}
