//! The program `digits`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::digits::Train);
