//! The program `graph-print`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::graph::Print);
