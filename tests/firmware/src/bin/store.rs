//! The program `store`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::store::Kept);
