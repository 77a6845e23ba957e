//! The program `iris`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::iris::Iris);
