//! Large products on several threads have the bits of one thread (feature `threads`). Without
//! optimization, for which these shapes are meant, products of 2¹³ multiply-adds are divided.

mod support;

use rayon::{ThreadPool, ThreadPoolBuilder, Yield};
use rosenblatt_kernels::{Backend, dispatch, environment::Mode, gemm};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use support::{Random, assert_same, backends};

type Shape = (usize, usize, usize);

/// Many rows; rows that do not divide evenly; few rows and many columns; one row; a long sum; a
/// product too small to be divided.
const SHAPES: [Shape; 6] =
    [(64, 17, 9), (83, 30, 67), (5, 20, 450), (1, 60, 290), (40, 700, 3), (4, 5, 6)];

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

/// y ← x·w + b; dw ← dw + xᵀ·dy; dx ← dy·wᵀ, one after the other.
fn products(backend: Backend, (m, k, n): Shape, values: &[f32]) -> Vec<f32> {
    let (x, values) = values.split_at(m * k);
    let (w, values) = values.split_at(k * n);
    let (b, values) = values.split_at(n);
    let (dy, dw) = values.split_at(m * n);
    let (mut y, mut dw, mut dx) = (vec![9.0; m * n], dw[..k * n].to_vec(), vec![9.0; m * k]);
    dispatch!(backend, s => {
        gemm::gemm(s, m, k, n, x, w, b, &mut y);
        gemm::gemm_tn(s, m, k, n, x, dy, &mut dw, true);
        gemm::gemm_nt(s, m, k, n, dy, w, &mut dx);
    });
    [y, dw, dx].concat()
}

fn values((m, k, n): Shape, sort: usize) -> Vec<f32> {
    Random(sort as u64).values(sort, m * k + 2 * k * n + n + m * n)
}

#[test]
fn any_number_of_threads_gives_the_bits_of_one() {
    let pools: Vec<_> = [1, 2, 3, 5].map(|threads| (threads, pool(threads))).into();
    for shape in SHAPES {
        for sort in 0..4 {
            let values = values(shape, sort);
            for backend in backends() {
                let mut want = None;
                for (threads, pool) in &pools {
                    let got = pool.install(|| products(backend, shape, &values));
                    let want = want.get_or_insert_with(|| got.clone());
                    assert_same(&got, want, || format!("{shape:?} by {threads} on {backend}"));
                }
            }
        }
    }
}

/// Calls a function when it is dropped.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Another thread computes parts while it is in an environment of its own. That environment must not
/// change a bit, and without the parts the test above would compare one thread with itself.
#[test]
fn another_thread_computes_parts_in_the_environment_of_the_contract() {
    const SHAPE: Shape = (64, 40, 33);
    // Subnormal numbers, and numbers whose products are subnormal.
    let values = values(SHAPE, 2);
    let want = pool(1).install(|| products(Backend::baseline(), SHAPE, &values));
    let supported = |mode: &Mode| mode.run(|| ()).is_some();
    let modes = Mode::ALL.into_iter().filter(supported).map(Some);
    for mode in modes.chain([None]) {
        let (parts, done) = (AtomicUsize::new(0), AtomicBool::new(false));
        let help = || {
            while !done.load(Relaxed) {
                let executed = rayon::yield_now() == Some(Yield::Executed);
                parts.fetch_add(executed.into(), Relaxed);
            }
        };
        let compute = || {
            // Also where a comparison fails: `join` waits for both.
            let _end = OnDrop(|| done.store(true, Relaxed));
            for _ in 0..10_000 {
                let got = products(Backend::baseline(), SHAPE, &values);
                assert_same(&got, &want, || format!("{mode:?}"));
                if parts.load(Relaxed) > 2 {
                    break;
                }
            }
        };
        let beside = || match mode {
            Some(mode) => mode.run(help).unwrap_or_default(),
            None => help(),
        };
        pool(2).install(|| rayon::join(compute, beside));
        assert!(parts.load(Relaxed) > 2, "no other thread has computed a part");
    }
}
