//! The program `travel`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::travel::Travel);
