//! Carries the training of [`rosenblatt_programs::travel`] on by some steps, on this machine:
//! `carry FILE STEPS [BACKEND]`. Without the file it begins. It writes the file again.

use std::{env, error::Error, fs};

use rosenblatt::prelude::*;
use rosenblatt_programs::travel::{BYTES, Net, NetTrainer, carry};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(file), Some(steps)) = (args.next(), args.next()) else {
        return Err("usage: carry FILE STEPS [BACKEND]".into());
    };
    let backend: Backend = match args.next() {
        Some(name) => name.parse().map_err(|_| format!("{name} is not a backend of this CPU"))?,
        None => Backend::detect(),
    };
    let from = if fs::exists(&file)? { fs::read(&file)? } else { Vec::new() };
    let (mut net, mut trainer) = (Net::ZERO, Box::new(NetTrainer::ZERO));
    let mut to = vec![0; BYTES];
    let steps = steps.parse()?;
    let ended = carry(backend, &mut net, &mut trainer, &from, steps, &mut to, |_| {})?;
    fs::write(&file, to)?;
    println!("backend {backend}");
    println!("ended {}", u8::from(ended));
    println!("hash {:016x}", net.hash());
    Ok(())
}
