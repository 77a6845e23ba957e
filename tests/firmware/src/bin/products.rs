//! The program `products`.
#![no_std]
#![no_main]

rosenblatt_firmware::suite!(rosenblatt_programs::products::Products);
