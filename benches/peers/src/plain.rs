//! Plain Rust loops as a program, for the sweep: `plain DATA`. It is compiled for this machine's
//! CPU, without the other Rust contenders. See `rosenblatt_peers::process`.

use anyhow::{Result, anyhow};
use rosenblatt_peers::data::Data;
use rosenblatt_peers::process::serve;
use rosenblatt_peers::rust::plain;

/// Bytes of stack: a network of width 1,024 with its moments is made there.
const STACK: usize = 256 << 20;

fn main() -> Result<()> {
    let serve = || serve(&plain::peer(), &Data::with_sweep());
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(serve)?;
    thread.join().map_err(|_| anyhow!("plain loops panicked"))?
}
