//! The program `exp`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::functions::Exp);
