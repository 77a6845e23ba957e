//! The program `saved`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::saved::Saved);
