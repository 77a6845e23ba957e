//! Dropout. Whether a value of a batch is kept is a function of a key and the value's index, in
//! integers.

use crate::{
    simd::Simd,
    walk::{for_each_register, load, store},
};

/// Mixes 32 bits: the finalizer of MurmurHash3 (A. Appleby), a bijection.
#[inline]
#[must_use]
pub const fn mix(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

/// Whether value `i` of a batch is dropped: mix(`key` xor i·0x9e3779b9) < `limit`. The rate of
/// dropped values is `limit`/2³².
#[inline(always)]
#[must_use]
pub const fn dropped(key: u32, limit: u32, i: u32) -> bool {
    mix(key ^ i.wrapping_mul(0x9e37_79b9)) < limit
}

/// y ← x·`scale` where a value is kept, +0 where it is [`dropped`]. The number of values is that of
/// the shortest slice.
///
/// The same call with dy as x computes the gradient.
#[inline(always)]
pub fn dropout<S: Simd>(s: S, key: u32, limit: u32, scale: f32, x: &[f32], y: &mut [f32]) {
    #[inline(never)]
    fn shared<S: Simd>(s: S, key: u32, limit: u32, scale: f32, x: &[f32], y: &mut [f32]) {
        s.vectorize(
            #[inline(always)]
            || body(s, key, limit, scale, x, y),
        );
    }
    if const { S::INLINE_MAX == 0 } {
        shared(s.shared(), key, limit, scale, x, y);
    } else {
        body(s, key, limit, scale, x, y);
    }
}

#[inline(always)]
fn body<S: Simd>(s: S, key: u32, limit: u32, scale: f32, x: &[f32], y: &mut [f32]) {
    let scale = s.splat(scale);
    for_each_register(
        s,
        x.len().min(y.len()),
        #[inline(always)]
        |i, part| {
            // All bits are set where a value is kept, none where it is dropped. Indices wrap at
            // 2³².
            let mut keep = [0u32; 16];
            for (lane, keep) in keep.iter_mut().take(S::LANES).enumerate() {
                *keep = u32::from(dropped(key, limit, (i + lane) as u32)).wrapping_sub(1);
            }
            // SAFETY: sixteen values hold one register, and every bit pattern is an f32;
            // `for_each_register` stays below both lengths.
            unsafe {
                let keep = s.load(keep.as_ptr().cast());
                let kept = s.and(s.mul(load(s, x.as_ptr().add(i), part), scale), keep);
                store(s, y.as_mut_ptr().add(i), part, kept);
            }
        },
    );
}
