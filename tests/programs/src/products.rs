//! The matrix products of 864 shapes: every tile of every backend, its edges, and occasional
//! subnormal numbers.

use crate::{Fingerprint, Program};
use rosenblatt_kernels::{Backend, dispatch, gemm};

const ROWS: usize = 3;
const TERMS: usize = 9;
const COLUMNS: usize = 36;

/// Operands and space for results. Each shape uses the first values of the operands.
pub struct Pool {
    a: [f32; ROWS * TERMS],
    b: [f32; TERMS * COLUMNS],
    bias: [f32; COLUMNS],
    c: [f32; ROWS * COLUMNS],
}

impl Pool {
    fn fill(&mut self) {
        let mut number = 7u32;
        for value in self.a.iter_mut().chain(&mut self.b).chain(&mut self.bias) {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let x = f32::from((number >> 16) as i16) / 16_384.0;
            // About one in a hundred is subnormal.
            *value = if number >> 8 & 127 == 5 { x * f32::MIN_POSITIVE / 4.0 } else { x };
        }
    }
}

/// All shapes of one to three rows, 0 to 5, 7 or 9 terms, and 1 to 36 columns.
fn shapes(backend: Backend, pool: &mut Pool, hash: &mut Fingerprint) {
    for rows in 1..=ROWS {
        for terms in [0, 1, 2, 3, 4, 5, 7, TERMS] {
            for columns in 1..=COLUMNS {
                let (a, b) = (&pool.a[..rows * terms], &pool.b[..terms * columns]);
                let (bias, c) = (&pool.bias[..columns], &mut pool.c[..rows * columns]);
                dispatch!(backend, s => gemm::gemm(s, rows, terms, columns, a, b, bias, c));
                hash.add(c);
                // The sums start at the previous results.
                dispatch!(backend, s => gemm::gemm_tn(s, terms, rows, columns, a, b, c, true));
                hash.add(c);
                dispatch!(backend, s => gemm::gemm_tn(s, terms, rows, columns, a, b, c, false));
                hash.add(c);
                dispatch!(backend, s => gemm::gemm_nt(s, rows, columns, terms, a, b, c));
                hash.add(c);
            }
        }
    }
}

/// The products.
pub struct Products;

impl Program for Products {
    const NAME: &'static str = "products";
    type Net = ();
    const NET: () = ();
    type Trainer = Pool;
    const TRAINER: Pool = Pool {
        a: [0.0; ROWS * TERMS],
        b: [0.0; TERMS * COLUMNS],
        bias: [0.0; COLUMNS],
        c: [0.0; ROWS * COLUMNS],
    };

    fn run(backend: Backend, (): &mut (), pool: &mut Pool, spoil: impl FnOnce(&mut [f32])) -> u64 {
        let mut hash = Fingerprint::default();
        pool.fill();
        spoil(&mut pool.b);
        shapes(backend, pool, &mut hash);
        // Repeated with results near the smallest normal number.
        for x in pool.b.iter_mut().chain(&mut pool.bias) {
            *x *= f32::MIN_POSITIVE;
        }
        shapes(backend, pool, &mut hash);
        hash.end()
    }

    fn infer((): &()) -> bool {
        false
    }

    fn step((): &mut (), _: &mut Pool) -> bool {
        false
    }
}
