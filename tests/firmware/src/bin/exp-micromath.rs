//! The program `exp-micromath`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::functions::ExpMicromath);
