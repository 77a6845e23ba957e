//! The program `sequence`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::sequence::Sequence);
