//! State between steps, as words of 32 bits: what a checkpoint holds.

use crate::array::F32Array;

/// Goes over the words of a state: to write them, to read them, or to hash them.
pub trait Words {
    /// The next word. A reader replaces it.
    fn word(&mut self, word: &mut u32);
}

/// State that can be written as words, and read again with the same bits.
///
/// [`persist!`](macro@crate::persist) implements it for a struct whose fields all implement it.
pub trait Persist {
    /// A number for the type: [`name_code`] of a name, [`joined`] with those of its parts. It keeps
    /// the state of one type from being read as that of another.
    const CODE: u32;
    /// The number of words.
    const WORDS: usize;

    /// Passes [`Persist::WORDS`] words to `words`, always in the same order. (A debug build panics
    /// if a checkpoint is saved with another number.)
    fn words(&mut self, words: &mut impl Words);
}

/// A name as 32 bits: the lower half of its FNV-1a hash (64 bits) xor the upper half; 0 for the
/// empty name.
///
/// ```
/// assert_eq!(rosenblatt_kernels::persist::name_code("Dense"), 0xac0a_8f6c);
/// ```
#[must_use]
pub const fn name_code(name: &str) -> u32 {
    if name.is_empty() {
        return 0;
    }
    let hash = fnv(FNV, name.as_bytes());
    (hash ^ (hash >> 32)) as u32
}

/// A code for two things in this order.
#[must_use]
pub const fn joined(code: u32, next: u32) -> u32 {
    (code.rotate_left(5) ^ next).wrapping_mul(0x9e37_79b9)
}

/// The FNV-1a hash (64 bits) of no bytes.
pub const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// An FNV-1a hash (64 bits) continued over more bytes.
#[must_use]
pub const fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

/// Implements [`Persist`](crate::persist::Persist) for a struct: `persist!([generics] Type =
/// "name": values { field: Array, … } { field: Type, … } skip { fields })`.
///
/// The macro names every field. `values` are those that implement [`F32Array`]; they come first.
/// The fields behind `skip` are not part of the state: settings, or values that each step computes
/// anew.
///
/// ```
/// use rosenblatt_kernels::{persist, persist::Persist};
/// struct Counter { steps: u32, sums: [f32; 4], limit: u32 }
/// persist!([] Counter = "counter": values { sums: [f32; 4] } { steps: u32 } skip { limit });
/// assert_eq!(Counter::WORDS, 5);
/// ```
///
/// ```compile_fail,E0027
/// struct Counter { steps: u32, limit: u32 }
/// rosenblatt_kernels::persist!([] Counter = "counter": { steps: u32 });
/// ```
#[macro_export]
macro_rules! persist {
    (
        [$($generics:tt)*] $type:ty = $name:literal:
        $(values { $($array:ident: $values:ty),+ })?
        { $($field:ident: $part:ty),* $(,)? }
        $(skip { $($skipped:ident),+ })?
    ) => {
        impl<$($generics)*> $crate::persist::Persist for $type {
            const CODE: u32 = {
                let code = $crate::persist::name_code($name);
                $($(let code = $crate::persist::joined(
                    code,
                    <$values as $crate::F32Array>::LEN as u32,
                );)+)?
                $(let code = $crate::persist::joined(
                    code,
                    <$part as $crate::persist::Persist>::CODE,
                );)*
                code
            };
            const WORDS: usize = 0
                $($(+ <$values as $crate::F32Array>::LEN)+)?
                $(+ <$part as $crate::persist::Persist>::WORDS)*;

            fn words(&mut self, words: &mut impl $crate::persist::Words) {
                let Self { $($($array,)+)? $($field,)* $($($skipped: _,)+)? } = self;
                let _ = &words;
                $($($crate::persist::values($array, words);)+)?
                $($crate::persist::Persist::words($field, words);)*
            }
        }
    };
}

/// Passes the bits of values to `words`.
pub fn values<P: F32Array>(values: &mut P, words: &mut impl Words) {
    values.as_flat_mut().iter_mut().for_each(|value| value.words(words));
}

/// Its bits.
impl Persist for f32 {
    const CODE: u32 = name_code("f32");
    const WORDS: usize = 1;

    fn words(&mut self, words: &mut impl Words) {
        let mut bits = self.to_bits();
        words.word(&mut bits);
        *self = Self::from_bits(bits);
    }
}

impl Persist for u32 {
    const CODE: u32 = name_code("u32");
    const WORDS: usize = 1;

    fn words(&mut self, words: &mut impl Words) {
        words.word(self);
    }
}

/// A count. Above 2³² − 1 it is written as 2³² − 1.
impl Persist for usize {
    const CODE: u32 = name_code("usize");
    const WORDS: usize = 1;

    fn words(&mut self, words: &mut impl Words) {
        let before = u32::try_from(*self).unwrap_or(u32::MAX);
        let mut word = before;
        words.word(&mut word);
        if word != before {
            *self = word as usize;
        }
    }
}

/// 1 or 0.
impl Persist for bool {
    const CODE: u32 = name_code("bool");
    const WORDS: usize = 1;

    fn words(&mut self, words: &mut impl Words) {
        let mut word = u32::from(*self);
        words.word(&mut word);
        *self = word != 0;
    }
}

/// Whether there is a value, then the value, or as many words for the default one.
impl<T: Persist + Default> Persist for Option<T> {
    const CODE: u32 = joined(name_code("option"), T::CODE);
    const WORDS: usize = 1 + T::WORDS;

    fn words(&mut self, words: &mut impl Words) {
        let mut there = self.is_some();
        let mut value = self.take().unwrap_or_default();
        there.words(words);
        value.words(words);
        *self = there.then_some(value);
    }
}

impl<T: Persist> Persist for &mut T {
    const CODE: u32 = T::CODE;
    const WORDS: usize = T::WORDS;

    fn words(&mut self, words: &mut impl Words) {
        (**self).words(words);
    }
}

impl Persist for () {
    const CODE: u32 = 0;
    const WORDS: usize = 0;

    fn words(&mut self, _: &mut impl Words) {}
}

/// Tuples: one part after the other.
macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Persist),+> Persist for ($($name,)+) {
            const CODE: u32 = {
                let code = name_code("tuple");
                $(let code = joined(code, $name::CODE);)+
                code
            };
            const WORDS: usize = 0 $(+ $name::WORDS)+;

            fn words(&mut self, words: &mut impl Words) {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                $($name.words(words);)+
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
