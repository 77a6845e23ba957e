//! Carries the training of `rosenblatt_programs::travel` on by some steps, on an emulated chip: it
//! reads the checkpoint `carry.bin` from the emulator's folder and writes it again.
#![no_std]
#![no_main]

use rosenblatt::Backend;
use rosenblatt_firmware::{Lone, console, semihosting};
use rosenblatt_programs::travel::{BYTES, Net, NetTrainer, carry};
use semihosting::{
    fs::{self, File},
    io::Read as _,
};

/// Steps of this part.
const STEPS: usize = 50;

static NET: Lone<Net> = Lone::new(Net::ZERO);
static TRAINER: Lone<NetTrainer> = Lone::new(NetTrainer::ZERO);
static FILES: Lone<[[u8; BYTES]; 2]> = Lone::new([[0; BYTES]; 2]);

rosenblatt_firmware::entry!(main);
fn main() -> ! {
    // SAFETY: the start-up code calls this once.
    let (net, trainer, [from, to]) = unsafe { (NET.take(), TRAINER.take(), FILES.take()) };
    let read = File::open(c"carry.bin").and_then(|mut file| file.read_exact(from));
    if read.is_err() {
        fail("cannot read carry.bin\n");
    }
    match carry(Backend::baseline(), net, trainer, from, STEPS, to, |_| {}) {
        Ok(ended) if fs::write(c"carry.bin", to.as_slice()).is_ok() => {
            console::line("ended", ended.into());
            console::line64("hash", net.hash());
            semihosting::process::exit(0)
        }
        Ok(_) => fail("cannot write carry.bin\n"),
        Err(_) => fail("the checkpoint is refused\n"),
    }
}

fn fail(text: &str) -> ! {
    console::text(text);
    semihosting::process::exit(1)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fail("panic\n")
}
