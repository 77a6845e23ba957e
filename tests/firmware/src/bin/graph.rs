//! The program `graph`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::graph::Train);
