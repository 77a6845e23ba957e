//! The program `cnn`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::cnn::Cnn);
