//! `wide`: registers of sixteen values.

use std::hint::black_box;

use anyhow::Result;
use wide::f32x16;

use crate::contender::{Contender, Peer, contender};
use crate::data::Data;
use crate::workload::{Function, Kind, Workload};

/// The peer.
pub fn peer() -> impl Peer {
    Wide
}

struct Wide;

fn map<'a>(data: &'a Data, f: impl Fn(f32x16) -> f32x16 + Copy + 'a) -> Box<dyn Contender + 'a> {
    let x = data.values.as_chunks::<16>().0;
    let mut y = vec![[0.0; 16]; x.len()];
    let check = move || Ok(x.iter().flat_map(|x| f(f32x16::new(*x)).to_array()).collect());
    contender(check, move |_| {
        for (y, x) in y.iter_mut().zip(black_box(x)) {
            *y = f(f32x16::new(*x)).to_array();
        }
        black_box(&mut y);
    })
}

impl Peer for Wide {
    fn name(&self) -> &str {
        "wide"
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        let one = f32x16::splat(1.0);
        Ok(match workload.kind {
            Kind::Elementwise(Function::Exp) => Some(map(data, f32x16::exp)),
            Kind::Elementwise(Function::Tanh) => Some(map(data, f32x16::tanh)),
            Kind::Elementwise(Function::Sigmoid) => {
                Some(map(data, move |x| one / (one + (-x).exp())))
            }
            _ => None,
        })
    }
}
