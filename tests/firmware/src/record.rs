//! Trains as `rosenblatt_programs::receipt` on an emulated chip, and writes the receipt to
//! `receipt.bin` in the emulator's folder.
#![no_std]
#![no_main]

use rosenblatt::Backend;
use rosenblatt_firmware::{Lone, console, semihosting};
use rosenblatt_programs::{
    receipt::{BYTES, record},
    xor::{Net, NetTrainer},
};
use semihosting::fs;

static NET: Lone<Net> = Lone::new(Net::ZERO);
static TRAINER: Lone<NetTrainer<rosenblatt::optimizer::Adam>> = Lone::new(NetTrainer::ZERO);
static ROOM: Lone<[u8; BYTES]> = Lone::new([0; BYTES]);

rosenblatt_firmware::entry!(main);
fn main() -> ! {
    // SAFETY: the start-up code calls this once.
    let (net, trainer, room) = unsafe { (NET.take(), TRAINER.take(), ROOM.take()) };
    match record(Backend::baseline(), net, trainer, room, |_| {}) {
        Ok(receipt) if fs::write(c"receipt.bin", receipt.bytes()).is_ok() => {
            console::line64("hash", net.hash());
            semihosting::process::exit(0)
        }
        Ok(_) => fail("cannot write receipt.bin\n"),
        Err(_) => fail("the training failed\n"),
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
