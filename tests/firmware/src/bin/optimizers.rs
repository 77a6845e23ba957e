//! The program `optimizers`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::optimizers::Optimizers);
