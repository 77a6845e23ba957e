//! Libraries of matrix products: matrixmultiply, gemm and nano-gemm.
//!
//! Their functions take pointers. This is the only `unsafe` code here.

use std::hint::black_box;

use anyhow::Result;

use crate::contender::{Contender, Peer, contender};
use crate::data::Data;
use crate::workload::{Kind, Workload};

/// A library by the name of its crate.
pub struct Products(Library);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    MatrixMultiply,
    Gemm,
    NanoGemm,
}

/// All of them.
pub fn peers() -> [Products; 3] {
    [Library::MatrixMultiply, Library::Gemm, Library::NanoGemm].map(Products)
}

impl Peer for Products {
    fn name(&self) -> &str {
        match self.0 {
            Library::MatrixMultiply => "matrixmultiply",
            Library::Gemm => "gemm",
            Library::NanoGemm => "nano-gemm",
        }
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        let Kind::Gemm(m, k, n) = workload.kind else { return Ok(None) };
        let (a, rest) = data.pool.split_at(m * k);
        let b = &rest[..k * n];
        // nano-gemm selects its kernels once for a shape. It stores columns: Cᵀ = Bᵀ·Aᵀ.
        let plan = nano_gemm::Plan::new_colmajor_lhs_and_dst_f32(n, m, k);
        let library = self.0;
        let product = move |a: &[f32], c: &mut [f32]| {
            assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
            let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
            let (wide, deep) = (n as isize, k as isize);
            // SAFETY: the three lengths are asserted above; rows lie one behind the other.
            unsafe {
                match library {
                    Library::MatrixMultiply => {
                        matrixmultiply::sgemm(m, k, n, 1.0, a, deep, 1, b, wide, 1, 0.0, c, wide, 1)
                    }
                    Library::Gemm => gemm::gemm(
                        m,
                        n,
                        k,
                        c,
                        1,
                        wide,
                        false,
                        a,
                        1,
                        deep,
                        b,
                        1,
                        wide,
                        0.0,
                        1.0,
                        false,
                        false,
                        false,
                        gemm::Parallelism::None,
                    ),
                    Library::NanoGemm => plan.execute_unchecked(
                        n, m, k, c, 1, wide, b, 1, wide, a, 1, deep, 0.0, 1.0, false, false,
                    ),
                }
            }
        };
        let (mut c, mut again) = (vec![0.0; m * n], vec![0.0; m * n]);
        let once = product.clone();
        let check = move || {
            once(a, &mut again);
            Ok(again.clone())
        };
        Ok(Some(contender(check, move |_| {
            product(black_box(a), &mut c);
            black_box(&mut c);
        })))
    }
}
