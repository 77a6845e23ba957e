//! The program `identity`.
#![no_std]
#![no_main]

rosenblatt_firmware::suite!(rosenblatt_programs::identity::Identity);
