//! The program `xor-sgd`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::xor::XorSgd);
