//! The program `gru`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::gru::Rows);
