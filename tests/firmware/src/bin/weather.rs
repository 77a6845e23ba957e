//! The program `weather`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::weather::Weather);
