//! The contenders in Rust. They are a program of their own: it is compiled for this machine's CPU,
//! as a user of these libraries would do it. Rosenblatt finds the CPU's instructions by itself.

#[cfg(feature = "contenders")]
mod burn;
#[path = "../../../plain/mod.rs"]
mod by_hand;
#[cfg(feature = "contenders")]
mod candle;
#[cfg(feature = "contenders")]
mod nalgebra;
pub mod plain;
#[cfg(feature = "contenders")]
mod products;
#[cfg(feature = "contenders")]
mod tract;
#[cfg(feature = "contenders")]
mod wide;

#[cfg(feature = "contenders")]
use crate::contender::Peer;

/// Steps after which a training by hand begins again. One that has converged keeps moments that are
/// subnormal numbers, with which x86 takes many times as long.
const RESTART: usize = 256;

/// All of them.
#[cfg(feature = "contenders")]
pub fn all() -> Vec<Box<dyn Peer>> {
    let mut all: Vec<Box<dyn Peer>> = vec![
        Box::new(plain::peer()),
        Box::new(nalgebra::peer()),
        Box::new(wide::peer()),
        Box::new(burn::peer()),
        Box::new(candle::peer()),
        Box::new(tract::peer()),
    ];
    for peer in products::peers() {
        all.push(Box::new(peer));
    }
    all
}
