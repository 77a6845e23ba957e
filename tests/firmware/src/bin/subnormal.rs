//! The program `subnormal`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::subnormal::Subnormal);
