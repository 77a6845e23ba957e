//! Saved models: the format against a reader that follows its description, damaged files, views.

use crate::support::{backends, bits};
use rosenblatt::{
    activation::{LeakyRelu, Step},
    kernels::{F32Array, contract},
    layer::{
        Activate, All, AvgPool1d, AvgPool2d, Conv1d, DenseL2, GlobalAvgPool1d, Layer, Map, Reshape,
        Same, Signal, Valid, name_code,
    },
    prelude::*,
    saved::{Error, WriteError},
    sequential::{ComposedOf, Layers, View},
};
use std::collections::HashSet;

type Image = Mlp<ImageLayers>;
type ImageLayers = (
    Reshape<[f32; 64], Map<8, 8, 1>>,
    Conv2d<Map<8, 8, 1>, Map<6, 6, 3>, 3, 3, Relu>,
    BatchNorm<Map<6, 6, 3>>,
    MaxPool2d<Map<6, 6, 3>, Map<3, 3, 3>, 2>,
    Dropout<Map<3, 3, 3>, { rate(0.25) }, 0x1234_5678_9abc_def0>,
    AvgPool2d<Map<3, 3, 3>, Map<2, 2, 3>, 2, 2, Valid, 1>,
    GlobalAvgPool2d<Map<2, 2, 3>>,
    LayerNorm<[f32; 3]>,
    Activate<[f32; 3], LeakyRelu<1, 4>>,
    DenseL2<3, 2, Softmax, 1, 100>,
);
type SoundLayers = (
    Conv1d<Signal<12, 2>, Signal<12, 3>, 3, Tanh, Same>,
    MaxPool1d<Signal<12, 3>, Signal<6, 3>, 2>,
    AvgPool1d<Signal<6, 3>, Signal<3, 3>, 2>,
    BatchNorm<Signal<3, 3>>,
    Rnn<3, 2, 3, Sigmoid, All>,
    Gru<2, 3, 3, All>,
    Lstm<3, 2, 3, All>,
    GlobalAvgPool1d<Signal<3, 2>>,
    Dense<2, 1, Sigmoid>,
);
type SmallLayers = (Dense<2, 1, Step>,);
type Small = Mlp<SmallLayers>;
/// Nothing to save but the architecture.
type EmptyLayers = (Flatten<Map<2, 1, 2>, 4>,);

/// A network whose values all differ and are not zero. All are positive, because some are
/// variances.
fn filled<T: Layers>() -> Box<Sequential<T>> {
    let mut net = Box::new(Sequential::<T>::ZERO);
    let mut tensors: Vec<Vec<f32>> = Vec::new();
    let mut count = 0;
    net.tensors(|_, values| {
        tensors.push((0..values.len()).map(|i| 0.5 + (count + i) as f32 / 512.0).collect());
        count += values.len();
    });
    let tensors: Vec<_> = tensors.iter().map(Vec::as_slice).collect();
    net.set_tensors(&tensors).expect("its own tensors");
    net
}

fn saved<T: Layers>(net: &Sequential<T>) -> Vec<u8> {
    let mut file = vec![0xaa; Sequential::<T>::SAVED_BYTES];
    net.save(&mut file).expect("finite weights");
    file
}

/// The bytes at an address that is `remainder` above a multiple of 16, for `f`.
fn at<R>(remainder: usize, bytes: &[u8], f: impl FnOnce(&[u8]) -> R) -> R {
    let mut room = vec![0; bytes.len() + 32];
    let start = room.as_ptr().align_offset(16) + remainder;
    room[start..start + bytes.len()].copy_from_slice(bytes);
    f(&room[start..start + bytes.len()])
}

/// CRC-32 of zip and PNG, bit by bit: x³² + x²⁶ + … reflected.
pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

/// A file as the byte table describes it.
struct Parsed {
    hash: u64,
    records: Vec<Vec<u32>>,
    params: Vec<u32>,
    buffers: Vec<u32>,
}

/// Reads a file by the byte table of `rosenblatt::saved`.
fn parse(file: &[u8]) -> Parsed {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(file[..8], [0x89, 0x52, 0x53, 0x42, 0x0d, 0x0a, 0x1a, 0x0a]);
    assert_eq!(file[8..12], [1, 0, 1, 0]);
    assert_eq!(word(12), contract::VERSION);
    assert_eq!(word(24) as usize, file.len());
    assert_eq!((word(40), word(44)), (0, 0));
    let (w, n, m) = (word(28) as usize, word(32) as usize, word(36) as usize);
    let padded = |end: usize| {
        let next = end.div_ceil(16) * 16;
        assert!(file[end..next].iter().all(|byte| *byte == 0), "between {end} and {next}");
        next
    };
    let p = padded(48 + 4 * w);
    let q = padded(p + 4 * n);
    let s = padded(q + 4 * m);
    assert_eq!(s + 4, file.len());
    assert_eq!(word(s), crc(&file[..s]));
    let words = |from: usize, n: usize| (0..n).map(|i| word(from + 4 * i)).collect::<Vec<_>>();
    let mut rest = words(48, w);
    let mut records = Vec::new();
    while let Some(len) = rest.first() {
        let tail = rest.split_off(*len as usize);
        records.push(rest);
        rest = tail;
    }
    let hash = u64::from(word(16)) | u64::from(word(20)) << 32;
    Parsed { hash, records, params: words(p, n), buffers: words(q, m) }
}

/// The file says what the network is, and a network that loads it is equal.
fn described<T: Layers>() -> Vec<Vec<u32>> {
    let net = filled::<T>();
    let file = saved(&net);
    let parsed = parse(&file);
    let mut hash = 0u64;
    for (i, record) in parsed.records.iter().enumerate() {
        let bytes: Vec<u8> = record.iter().flat_map(|word| word.to_le_bytes()).collect();
        let factor = 0x9e37_79b9_7f4a_7c15u64.wrapping_pow(i as u32);
        hash = hash.wrapping_add(fnv(&bytes).wrapping_mul(factor));
    }
    assert_eq!(parsed.hash, hash);
    assert_eq!(hash, ComposedOf::<T>::ARCHITECTURE.hash);
    assert_eq!(parsed.params, bits(net.weights()));
    assert_eq!(parsed.buffers, bits(net.as_view().buffers().as_flat()));
    let mut names = Vec::new();
    ComposedOf::<T>::describe(&mut |line| names.push(name_code(line.kind)));
    assert_eq!(parsed.records.iter().map(|record| record[1]).collect::<Vec<_>>(), names);

    let mut loaded = Box::new(Sequential::<T>::ZERO);
    loaded.load(&file).expect("its own file");
    assert_eq!(loaded.hash(), net.hash());
    assert_eq!(saved(&loaded), file);
    let mut written = Vec::new();
    net.save_to(&mut Io(&mut written, usize::MAX)).expect("room");
    assert_eq!(written, file);
    parsed.records
}

#[test]
fn the_file_is_what_its_description_says() {
    let f = |x: f32| x.to_bits();
    // Those of a normalization whose type has no parameters but the shape.
    let (added, share) = (f(1e-3), f(0.01));
    let layer = |kind, activation, rest: &[u32]| {
        let mut words = vec![3 + rest.len() as u32, name_code(kind), name_code(activation)];
        words.extend(rest);
        words
    };
    let image = [
        layer("Reshape", "", &[0, 1, 64, 3, 8, 8, 1]),
        layer("Conv2d", "relu", &[0, 3, 8, 8, 1, 3, 6, 6, 3, 3, 3, 1, 1, 0]),
        layer("BatchNormalization", "", &[0, 3, 6, 6, 3, 3, 6, 6, 3, added, share]),
        layer("MaxPool2d", "", &[0, 3, 6, 6, 3, 3, 3, 3, 3, 2, 2, 2, 2, 0]),
        layer("Dropout", "", &[0, 3, 3, 3, 3, 3, 3, 3, 3, 1 << 30, 0x9abc_def0, 0x1234_5678]),
        layer("AvgPool2d", "", &[0, 3, 3, 3, 3, 3, 2, 2, 3, 2, 2, 1, 1, 0]),
        layer("GlobalAvgPool2d", "", &[0, 3, 2, 2, 3, 1, 3]),
        layer("LayerNormalization", "", &[0, 1, 3, 1, 3, added]),
        layer("Activation", "leaky relu", &[f(0.25), 1, 3, 1, 3]),
        layer("Dense", "softmax", &[0, 1, 3, 1, 2]),
    ];
    assert_eq!(described::<ImageLayers>(), image);
    let sound = [
        layer("Conv1d", "tanh", &[0, 2, 12, 2, 2, 12, 3, 3, 1, 1]),
        layer("MaxPool1d", "", &[0, 2, 12, 3, 2, 6, 3, 2, 2, 0]),
        layer("AvgPool1d", "", &[0, 2, 6, 3, 2, 3, 3, 2, 2, 0]),
        layer("BatchNormalization", "", &[0, 2, 3, 3, 2, 3, 3, added, share]),
        layer("SimpleRNN", "sigmoid", &[0, 2, 3, 3, 2, 3, 2]),
        layer("GRU", "tanh", &[0, 2, 3, 2, 2, 3, 3]),
        layer("LSTM", "tanh", &[0, 2, 3, 3, 2, 3, 2]),
        layer("GlobalAvgPool1d", "", &[0, 2, 3, 2, 1, 2]),
        layer("Dense", "sigmoid", &[0, 1, 2, 1, 1]),
    ];
    assert_eq!(described::<SoundLayers>(), sound);
    type Norms = (
        BatchNorm<[f32; 3], { epsilon(1e-5) }, { momentum(0.9) }>,
        LayerNorm<[f32; 3], { epsilon(1e-12) }>,
    );
    let norms = [
        layer("BatchNormalization", "", &[0, 1, 3, 1, 3, f(1e-5), f(0.1)]),
        layer("LayerNormalization", "", &[0, 1, 3, 1, 3, f(1e-12)]),
    ];
    assert_eq!(described::<Norms>(), norms);
    assert_eq!(described::<SmallLayers>(), [layer("Dense", "step", &[0, 1, 2, 1, 1])]);
    assert_eq!(described::<EmptyLayers>(), [layer("Flatten", "", &[0, 3, 2, 1, 2, 1, 4])]);
}

/// Networks that differ in any part of their type have other hashes.
#[test]
fn each_part_of_the_type_is_in_the_hash() {
    macro_rules! hashes {
        ($($layers:ty),* $(,)?) => {
            [$((ComposedOf::<$layers>::ARCHITECTURE.hash, stringify!($layers))),*]
        };
    }
    let hashes = hashes![
        (Dense<2, 8, Tanh>, Dense<8, 2, Tanh>),
        (Dense<2, 8, Tanh>, Dense<8, 2, Sigmoid>),
        (Dense<2, 8, Sigmoid>, Dense<8, 2, Tanh>),
        (Dense<2, 9, Tanh>, Dense<9, 2, Tanh>),
        (Dense<2, 8, Tanh>, Dense<8, 2, Tanh>, Dense<2, 2, Tanh>),
        (Dense<2, 2, Tanh>, Dense<2, 8, Tanh>, Dense<8, 2, Tanh>),
        (Dense<2, 2, LeakyRelu>,),
        (Dense<2, 2, LeakyRelu<1, 10>>,),
        (Dense<2, 2>, LayerNorm<[f32; 2]>),
        (LayerNorm<[f32; 2]>, Dense<2, 2>),
        (LayerNorm<[f32; 2], { epsilon(1e-5) }>, Dense<2, 2>),
        (BatchNorm<[f32; 2]>, Dense<2, 2>),
        (BatchNorm<[f32; 2], { epsilon(1e-5) }>, Dense<2, 2>),
        (BatchNorm<[f32; 2], { epsilon(1e-5) }, { momentum(0.9) }>, Dense<2, 2>),
        (BatchNorm<[f32; 2], { epsilon(1e-3) }, { momentum(0.9) }>, Dense<2, 2>),
        (Dropout<[f32; 2], { rate(0.5) }>,),
        (Dropout<[f32; 2], { rate(0.25) }>,),
        (Dropout<[f32; 2], { rate(0.25) }, 1>,),
        (Dropout<[f32; 2], { rate(0.25) }, 0x1_0000_0000>,),
        (Gru<2, 3, 4>,),
        (Gru<2, 3, 4, All>,),
        (Gru<2, 3, 5>,),
        (Lstm<2, 3, 4>,),
        (Rnn<2, 3, 4>,),
        (Rnn<2, 3, 4, Relu>,),
        (MaxPool1d<Signal<6, 1>, Signal<3, 1>, 2>,),
        (AvgPool1d<Signal<6, 1>, Signal<3, 1>, 2>,),
        (MaxPool1d<Signal<6, 1>, Signal<3, 1>, 2, Same>,),
        (MaxPool1d<Signal<6, 1>, Signal<3, 1>, 1, Valid, 2>,),
        (Conv1d<Signal<6, 1>, Signal<4, 1>, 3>,),
        (Conv1d<Signal<6, 1>, Signal<6, 1>, 3, Linear, Same>,),
        (Conv2d<Map<6, 6, 1>, Map<3, 3, 1>, 2, 2, Linear, Valid, 2>,),
        (Conv2d<Map<6, 6, 1>, Map<3, 3, 1>, 2, 2, Linear, Same, 2>,),
        (Conv2d<Map<6, 6, 1>, Map<3, 3, 1>, 1, 2, Linear, Valid, 2>,),
    ];
    let mut seen = HashSet::new();
    for (hash, layers) in hashes {
        assert!(seen.insert(hash), "{layers} has the hash of another network");
    }
    // The defaults, written out.
    assert_eq!(
        ComposedOf::<(
            BatchNorm<[f32; 2], { epsilon(0.001) }, { momentum(0.99) }>,
            LayerNorm<[f32; 2], { epsilon(0.001) }>,
        )>::ARCHITECTURE,
        ComposedOf::<(BatchNorm<[f32; 2]>, LayerNorm<[f32; 2]>)>::ARCHITECTURE
    );
    // A penalty changes the training, not the network.
    assert_eq!(
        ComposedOf::<(DenseL2<2, 1, Tanh, 1, 100>,)>::ARCHITECTURE,
        ComposedOf::<(Dense<2, 1, Tanh>,)>::ARCHITECTURE
    );
}

/// A writer into a vector that has room for some bytes.
struct Io<'a>(&'a mut Vec<u8>, usize);

impl embedded_io::ErrorType for Io<'_> {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Write for Io<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        if self.0.len() >= self.1 {
            return Err(embedded_io::ErrorKind::OutOfMemory);
        }
        let n = bytes.len().min(self.1 - self.0.len());
        self.0.extend(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn an_error_of_the_writer_is_returned() {
    let (net, mut written) = (filled::<SmallLayers>(), Vec::new());
    let file = saved(&net);
    for room in 0..file.len() {
        written.clear();
        let error = net.save_to(Io(&mut written, room)).unwrap_err();
        assert_eq!(error, WriteError::Writer(embedded_io::ErrorKind::OutOfMemory));
        assert_eq!(written, file[..room]);
    }
    struct Full;
    impl embedded_io::ErrorType for Full {
        type Error = embedded_io::ErrorKind;
    }
    impl embedded_io::Write for Full {
        fn write(&mut self, _: &[u8]) -> Result<usize, Self::Error> {
            Ok(0)
        }

        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    assert_eq!(net.save_to(Full).unwrap_err(), WriteError::Stopped);
    let text = WriteError::Writer(embedded_io::ErrorKind::OutOfMemory).to_string();
    assert!(text.starts_with("the saved model was not written: "), "{text}");
}

/// Loads and views `file`, both of which must fail with the same error and change nothing.
fn refused<T: Layers>(net: &mut Sequential<T>, file: &[u8]) -> Error {
    let before = net.hash();
    let error = net.load(file).expect_err("a damaged file");
    assert_eq!(net.hash(), before, "a damaged file changed the network");
    at(0, file, |file| match Sequential::<T>::view(file) {
        Err(Error::BigEndian) if cfg!(target_endian = "big") => {}
        Err(viewed) => assert_eq!(format!("{viewed:?}"), format!("{error:?}")),
        Ok(_) => panic!("a damaged file is viewed"),
    });
    error
}

/// Flips every bit and cuts at every byte.
fn damaged<T: Layers>() {
    let file = saved(&*filled::<T>());
    let mut net = Box::new(Sequential::<T>::ZERO);
    let mut bad = file.clone();
    for bit in 0..8 * file.len() {
        bad[bit / 8] ^= 1 << (bit % 8);
        let error = refused(&mut net, &bad);
        let right = match bit / 8 {
            0..8 => matches!(error, Error::Magic),
            8..10 => matches!(error, Error::Version { .. }),
            10..12 => matches!(error, Error::Kind { .. }),
            12..16 => matches!(error, Error::Contract { .. }),
            16..24 => matches!(error, Error::Architecture { .. }),
            24..28 => matches!(error, Error::Length { .. }),
            28..48 => matches!(error, Error::Header { .. }),
            _ => matches!(error, Error::Checksum { .. }),
        };
        assert!(right, "bit {bit}: {error}");
        bad[bit / 8] ^= 1 << (bit % 8);
    }
    for len in 0..file.len() {
        let error = refused(&mut net, &file[..len]);
        assert_eq!(error, Error::Length { expected: file.len(), got: len });
    }
    bad.push(0);
    let expected = Error::Length { expected: file.len(), got: file.len() + 1 };
    assert_eq!(refused(&mut net, &bad), expected);
    net.load(&file).expect("the file itself");
}

#[test]
fn no_flipped_bit_and_no_missing_byte_passes() {
    damaged::<ImageLayers>();
    damaged::<SoundLayers>();
    damaged::<SmallLayers>();
    damaged::<EmptyLayers>();
}

/// A file with this word at `at`, and the right checksum.
fn with(file: &[u8], at: usize, word: u32) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + 4].copy_from_slice(&word.to_le_bytes());
    let end = file.len() - 4;
    let sum = crc(&file[..end]);
    file[end..].copy_from_slice(&sum.to_le_bytes());
    file
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let net = filled::<ImageLayers>();
    let file = saved(&*net);
    let mut target = Box::new(Image::ZERO);
    let (n, m) = (Image::PARAMS, net.as_view().buffers().as_flat().len());
    let params = file.len() - 4 - (4 * m).next_multiple_of(16) - (4 * n).next_multiple_of(16);
    let buffers = params + (4 * n).next_multiple_of(16);
    for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (learnt, start, len) in [(true, params, n), (false, buffers, m)] {
            for i in [0, 1, len / 2, len - 1] {
                let error = refused(&mut target, &with(&file, start + 4 * i, value.to_bits()));
                let Error::NotFinite { learnt: l, index, value: v } = error else {
                    panic!("{error:?}");
                };
                assert_eq!((l, index, v.to_bits()), (learnt, i, value.to_bits()));
            }
        }
        let mut bad = net.clone();
        bad.weights_mut()[7] = value;
        let (mut room, mut written) = (vec![0xaa; file.len()], Vec::new());
        assert!(matches!(bad.save(&mut room), Err(Error::NotFinite { index: 7, .. })));
        assert!(room.iter().all(|byte| *byte == 0xaa), "something was written");
        let error = bad.save_to(Io(&mut written, usize::MAX)).unwrap_err();
        assert!(matches!(error, WriteError::Model(Error::NotFinite { index: 7, .. })));
        assert!(written.is_empty());
        let text = error.to_string();
        assert!(text.starts_with("weight 8 (counted from 1) is "), "{text}");
    }
    // Every finite value passes, and keeps its bits.
    for value in [-0.0, f32::from_bits(1), f32::MIN_POSITIVE, f32::MAX, f32::MIN] {
        target.load(&with(&file, params, value.to_bits())).expect("a finite value");
        assert_eq!(target.weights()[0].to_bits(), value.to_bits());
    }
}

#[test]
fn a_buffer_that_is_too_short_is_refused() {
    let net = filled::<SmallLayers>();
    let file = saved(&*net);
    for len in 0..file.len() {
        let mut room = vec![0xaa; len];
        let expected = Error::Length { expected: file.len(), got: len };
        assert_eq!(net.save(&mut room), Err(expected));
        assert!(room.iter().all(|byte| *byte == 0xaa), "something was written");
    }
    let mut room = vec![0xaa; file.len() + 3];
    net.save(&mut room).expect("more room than needed");
    assert_eq!((&room[..file.len()], &room[file.len()..]), (file.as_slice(), &[0xaa; 3][..]));
}

/// A view predicts with the bits of the network, out of the file's own bytes.
fn viewed<T: Layers>() {
    let net = filled::<T>();
    let file = saved(&*net);
    type Of<T> = ComposedOf<T>;
    let mut x = <Of<T> as Layer>::Input::ZERO;
    for (i, x) in x.as_flat_mut().iter_mut().enumerate() {
        *x = (i % 7) as f32 - 3.0;
    }
    at(0, &file, |bytes| {
        let view: View<'_, T> = Sequential::<T>::view(bytes).expect("its own file");
        let inside = bytes.as_ptr_range();
        for part in [view.params().as_flat(), view.buffers().as_flat()] {
            let start = part.as_ptr().cast();
            assert!(part.is_empty() || inside.contains(&start), "a weight was copied");
            assert!(part.is_empty() || start.addr() % 16 == 0);
        }
        assert_eq!(view.hash(), net.hash());
        let want = net.predict(&x);
        assert_eq!(bits(view.predict(&x).as_flat()), bits(want.as_flat()));
        for backend in backends() {
            let (mut y, x) = ([want; 3], [x; 3]);
            assert_eq!(bits(view.on(backend).predict(&x[0]).as_flat()), bits(want.as_flat()));
            view.on(backend).predict_batch(&x, &mut y).expect("as many outputs");
            y.iter().for_each(|y| assert_eq!(bits(y.as_flat()), bits(want.as_flat())));
        }
    });
    for remainder in 1..16 {
        at(remainder, &file, |bytes| match Sequential::<T>::view(bytes) {
            Err(error) => assert_eq!(error, Error::Misaligned { remainder }),
            Ok(_) => panic!("a view at {remainder} above a multiple of 16"),
        });
    }
}

#[test]
#[cfg(target_endian = "little")]
fn a_view_predicts_from_the_bytes_of_the_file() {
    viewed::<ImageLayers>();
    viewed::<SoundLayers>();
    viewed::<SmallLayers>();
    viewed::<EmptyLayers>();
}

#[test]
#[cfg(target_endian = "little")]
fn a_stream_runs_from_a_view() {
    type Layers = (Gru<1, 4, 3>, Dense<4, 1>);
    let net = filled::<Layers>();
    at(0, &saved(&*net), |bytes| {
        let view = Mlp::<Layers>::view(bytes).expect("its own file");
        let (mut a, mut b) = (net.stream(), view.stream());
        for i in 0..20 {
            let frame = [(i as f32 * 0.3).sin()];
            assert_eq!(bits(&a.push(&frame)), bits(&b.push(&frame)));
        }
    });
}

#[test]
fn another_network_is_refused_by_its_name() {
    let file = saved(&*filled::<SoundLayers>());
    let mut net = Small::ZERO;
    let error = net.load(&file).unwrap_err();
    assert!(matches!(error, Error::Architecture { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("the file holds another network: the hash of its layers is "),
        "{text}"
    );
    assert_eq!(
        net.load(b"").unwrap_err().to_string(),
        format!("the file has {} bytes; 0 are given", Small::SAVED_BYTES)
    );
    assert_eq!(net.load(&[0; 200]).unwrap_err(), Error::Magic);
}

#[test]
fn a_network_with_another_epsilon_or_momentum_is_refused() {
    type Norm<const EPSILON: u32, const MOMENTUM: u32> =
        (BatchNorm<[f32; 2], EPSILON, MOMENTUM>, LayerNorm<[f32; 2], EPSILON>);
    fn refused<T: Layers>(file: &[u8]) {
        let mut net = filled::<T>();
        let before = net.hash();
        let error = net.load(file).unwrap_err();
        assert!(matches!(error, Error::Architecture { .. }), "{error}");
        assert_eq!(net.hash(), before);
        at(0, file, |file| {
            assert!(matches!(Sequential::<T>::view(file), Err(Error::Architecture { .. })));
        });
    }
    const E: u32 = epsilon(1e-5);
    const M: u32 = momentum(0.9);
    let file = saved(&*filled::<Norm<E, M>>());
    filled::<Norm<E, M>>().load(&file).expect("its own file");
    refused::<(BatchNorm<[f32; 2]>, LayerNorm<[f32; 2]>)>(&file);
    refused::<Norm<{ epsilon(2e-5) }, M>>(&file);
    refused::<Norm<E, { momentum(0.99) }>>(&file);
    refused::<(BatchNorm<[f32; 2], E, M>, LayerNorm<[f32; 2]>)>(&file);
}
