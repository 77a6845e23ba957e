//! What is fuzzed: readers of bytes that may come from anywhere. None may panic, take long, or take
//! much memory; what they accept must be whole.
//!
//! `fuzz/main.rs` gives them to libFuzzer, `tests/fuzz.rs` runs them for a short time.

use rosenblatt::{prelude::*, train::Batch};
use rosenblatt_tool::{
    files::{self, Hints},
    net, saved,
};
use std::sync::OnceLock;

/// A target takes bytes.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 6] = [
    ("load", load),
    ("resume", resume),
    ("saved", tool),
    ("net", text),
    ("file", file),
    ("weights", weights),
];

type Net = Sequential<(
    Dense<2, 3, Tanh>,
    BatchNorm<[f32; 3]>,
    Dropout<[f32; 3], { rate(0.5) }>,
    Dense<3, 1, Sigmoid>,
)>;
type NetTrainer = Trainer<Net, BinaryCrossEntropy, Adam, 4>;
const FIT: Fit<Adam> =
    Fit::new(Adam::with_lr(0.01)).epochs(3).batch(Batch::Mini(2)).shuffle(Seed(5));

/// The bytes with the checksum that belongs to them: else nothing behind it would be reached. One in
/// eight keeps its own.
fn summed(bytes: &[u8]) -> Vec<u8> {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let mut bytes = bytes.to_vec();
    if bytes.first().is_some_and(|first| first % 8 == 0) {
        return bytes;
    }
    if let Some((rest, sum)) = bytes.split_last_chunk_mut::<4>() {
        *sum = CRC.checksum(rest).to_le_bytes();
    }
    bytes
}

/// The library's `load`: a network is as it was, or has the file's finite weights.
fn load(bytes: &[u8]) {
    let bytes = summed(bytes);
    let mut net = Net::ZERO;
    match net.load(&bytes) {
        Err(_) => assert!(net.weights().iter().all(|w| w.to_bits() == 0)),
        Ok(()) => {
            assert!(net.weights().iter().all(|w| w.is_finite()));
            let mut again = [0; Net::SAVED_BYTES];
            net.save(&mut again).expect("the weights are finite");
            // Bytes between the parts may differ: they have no meaning.
            let mut same = Net::ZERO;
            same.load(&again).expect("it was just saved");
        }
    }
}

/// The library's `resume`: a training goes on from a file of unknown origin, without a panic.
fn resume(bytes: &[u8]) {
    let bytes = summed(bytes);
    let (mut net, mut trainer) = (Net::ZERO, NetTrainer::ZERO);
    let run = trainer.resume(&mut net, &gates::XOR, &FIT, (), &bytes);
    if let Ok(mut run) = run {
        for _ in 0..8 {
            if run.advance(1).is_err() {
                break;
            }
        }
    }
}

/// The tool's reader of the same files.
fn tool(bytes: &[u8]) {
    if let Ok((header, model)) = saved::read(&summed(bytes)) {
        let again = saved::write(&model).expect("the weights are finite");
        let (_, same) = saved::read(&again).expect("it was just written");
        assert_eq!(same, model);
        assert!(header.bytes > 0);
    }
}

/// A network's type.
fn text(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        // The parser of Rust's grammar recurses.
        && text.len() < 2000
        && text.matches(['(', '[', '{', '<', '&', '*', '!', '-']).count() < 200
        && let Ok(model) = net::read(text)
    {
        let again = rosenblatt_tool::rust::net(&model, rosenblatt_tool::rust::Names::Short);
        assert_eq!(
            saved::architecture(&net::read(&again).expect(&again)),
            saved::architecture(&model)
        );
    }
}

/// Any file.
fn file(bytes: &[u8]) {
    if let Ok(found) = files::parse_unguarded(bytes, &Hints::default()) {
        found.model.check_finite().expect("readers refuse other values");
        saved::write(&found.model).expect("it is a whole model");
    }
}

/// A file of weights, for layers that are known.
fn weights(bytes: &[u8]) {
    static HINTS: OnceLock<Hints> = OnceLock::new();
    let hints = HINTS.get_or_init(|| Hints {
        net: Some(
            "Dense<5, 6, Tanh>, Dense<6, 2>, Reshape<[f32; 2], Signal<2, 1>>, Gru<1, 3, 2>".into(),
        ),
        ..Hints::default()
    });
    if let Ok(found) = files::parse_unguarded(bytes, hints) {
        found.model.check_finite().expect("readers refuse other values");
    }
}

/// Files to begin with, for a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut net = Net::init(Seed(1957));
    match target {
        "load" | "saved" => {
            let mut file = vec![0; Net::SAVED_BYTES];
            net.save(&mut file).expect("the weights are finite");
            vec![file]
        }
        "resume" => {
            let mut trainer = NetTrainer::ZERO;
            let mut run = trainer.begin(&mut net, &gates::XOR, &FIT, ()).expect("it is right");
            run.advance(3).expect("it learns");
            let mut file = vec![0; NetTrainer::run_bytes::<()>()];
            run.save(&mut file).expect("the weights are finite");
            vec![file]
        }
        "net" => [
            "Dense<5, 8, LeakyRelu<3, 10>>, BatchNorm<[f32; 8], { epsilon(1e-5) }, { momentum(0.9) }>",
            "Mlp<(Conv2d<Map<9, 8, 2>, Map<4, 7, 4>, 3, 2, Tanh, Valid, 2, 1>, Flatten<Map<4, 7, 4>, 112>)>",
            "(Gru<1, 8, 16, All>, Lstm<8, 4, 16>, Dropout<[f32; 4], { rate(0.25) }, 3>, Rnn<1, 2, 3>)",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec(),
        _ => {
            // The package is `tool` in the tests, `tool/fuzz` under libFuzzer.
            let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            let places = ["tests/data", "../tests/data"].map(|place| package.join(place));
            let folder = places.iter().find(|place| place.exists());
            let folder = folder.expect("the folder of the tests' data");
            let files = std::fs::read_dir(folder).expect("the tests have data");
            let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
            paths.sort();
            let ends = ["keras", "h5", "safetensors", "onnx", "tflite"];
            paths.retain(|path| path.extension().is_some_and(|end| ends.iter().any(|e| end == *e)));
            paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
        }
    }
}
