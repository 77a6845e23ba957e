//! The program `receipt`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::receipt::Recorded);
