//! The program `layers`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::layers::Layers);
