//! The program `gemm32`.
#![no_std]
#![no_main]

rosenblatt_firmware::program!(rosenblatt_programs::gemm::Gemm32);
