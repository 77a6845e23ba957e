//! Replays a receipt of [`rosenblatt_programs::receipt`] on this machine: `replay FILE [BACKEND]`.

use std::{env, error::Error, fs};

use rosenblatt::prelude::*;
use rosenblatt_programs::{
    receipt::replay,
    xor::{Net, NetTrainer},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let file = args.next().ok_or("usage: replay FILE [BACKEND]")?;
    let backend: Backend = match args.next() {
        Some(name) => name.parse().map_err(|_| format!("{name} is not a backend of this CPU"))?,
        None => Backend::detect(),
    };
    let (mut net, mut trainer) = (Net::ZERO, NetTrainer::ZERO);
    let verdict = replay(backend, &mut net, &mut trainer, &fs::read(file)?)?;
    println!("backend {backend}");
    println!("same {}", u8::from(verdict.is_same()));
    println!("hash {:016x}", net.hash());
    println!("verdict {verdict}");
    Ok(())
}
