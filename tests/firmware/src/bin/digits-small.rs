//! The program `digits-small`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::digits::TrainSmall);
