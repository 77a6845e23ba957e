//! The program `tanh-micromath`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::functions::TanhMicromath);
