//! Receipts: the types behind their codes, and trainings done again by the program that the tool
//! compiles.

use rosenblatt::{
    init::HeNormal,
    layer::{L2, Regularized},
    loss::SumOverOutputs,
    optimizer::{ClipNorm, ClipValue},
    prelude::*,
    receipt::{Contents, Receipt},
    schedule::{CosineDecay, PiecewiseConstant, Scheduled, StepDecay, WarmUp},
};
use rosenblatt_tool::receipt::{replay, training};
use std::fs;

type Xor = Sequential<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;

/// The receipt of a short training on XOR.
macro_rules! receipt {
    ($net:ty, $loss:ty, $optimizer:ty, $data:expr, $rule:expr) => {{
        type T = Trainer<$net, $loss, $optimizer, 4>;
        let (mut net, mut trainer) = (<$net>::ZERO, T::ZERO);
        let mut room = vec![0; T::receipt_bytes::<Seed>(4)];
        let mut receipt = Receipt::new(&mut room);
        let fit = Fit::new($rule).epochs(8).shuffle(Seed(3));
        let data = $data;
        let trained = trainer.fit_recorded(&mut net, Seed(1957), data, &fit, (), &mut receipt);
        trained.expect("it learns");
        receipt.bytes().to_vec()
    }};
}

#[test]
fn types_are_found() {
    let check = |bytes: &[u8], loss: &str, optimizer: &str| {
        let contents = Contents::read(bytes).expect("a receipt");
        let found = training(&contents).expect(optimizer);
        let short = |ty: &str| {
            let modules = ["optimizer", "schedule", "loss", "init", "layer", "activation"];
            modules.iter().fold(ty.to_owned(), |ty, module| {
                ty.replace(&format!("::rosenblatt::{module}::"), "")
            })
        };
        assert_eq!((short(&found.loss), short(&found.optimizer)), (loss.into(), optimizer.into()));
        assert_eq!(found.initializer.as_deref(), Some("::rosenblatt::init::GlorotUniform"));
        short(&found.net)
    };
    macro_rules! check {
        ($($optimizer:ty = $text:literal: $rule:expr;)*) => {$(
            let bytes = receipt!(Xor, BinaryCrossEntropy, $optimizer, &gates::XOR, $rule);
            check(&bytes, "BinaryCrossEntropy", $text);
        )*};
    }
    let step = StepDecay { lr: 0.1, drop: 0.5, every: 3 };
    let cosine = CosineDecay { lr: 0.1, decay_steps: 9, alpha: 0.1 };
    check! {
        Sgd = "Sgd": Sgd::DEFAULT;
        Momentum = "Momentum": Momentum::DEFAULT;
        Nesterov = "Nesterov": Nesterov::DEFAULT;
        AdaGrad = "AdaGrad": AdaGrad::DEFAULT;
        RmsProp = "RmsProp": RmsProp::DEFAULT;
        Adam = "Adam": Adam::DEFAULT;
        AdamW = "AdamW": AdamW::DEFAULT;
        ClipValue<Adam> = "ClipValue<Adam>": ClipValue { optimizer: Adam::DEFAULT, limit: 0.5 };
        Scheduled<ClipNorm<Sgd>, StepDecay> = "Scheduled<ClipNorm<Sgd>, StepDecay>": Scheduled {
            optimizer: ClipNorm { optimizer: Sgd::DEFAULT, limit: 0.5 },
            schedule: step,
        };
        Scheduled<Momentum, WarmUp<CosineDecay>> = "Scheduled<Momentum, WarmUp<CosineDecay>>":
            Scheduled {
                optimizer: Momentum::DEFAULT,
                schedule: WarmUp { start: 0.0, steps: 2, then: cosine },
            };
        Scheduled<Adam, PiecewiseConstant<2>> = "Scheduled<Adam, PiecewiseConstant<2>>": Scheduled {
            optimizer: Adam::DEFAULT,
            schedule: PiecewiseConstant { lr: 0.1, then: [(5, 0.05), (10, 0.01)] },
        };
    }
    type Penalty = Sequential<(Regularized<Dense<2, 4, Tanh>, L2<1, 1000>>, Dense<4, 1, Sigmoid>)>;
    type Summed = SumOverOutputs<MeanSquaredError>;
    let bytes = receipt!(Penalty, Summed, Sgd, &gates::XOR, Sgd::DEFAULT);
    let net = check(&bytes, "SumOverOutputs<MeanSquaredError>", "Sgd");
    let expected = "::rosenblatt::Sequential<(Regularized<Dense<2, 4, Tanh>, L2<1, 1000>>, \
                    Dense<4, 1, Sigmoid>,)>";
    assert_eq!(net, expected);
    type Classes = Sequential<(Dense<2, 4, Tanh>, Dense<4, 2, Softmax>)>;
    let data = || (&gates::XOR.x, &[0u8, 1, 1, 0]);
    let bytes = receipt!(Classes, SparseCategoricalCrossEntropy, Sgd, data(), Sgd::DEFAULT);
    check(&bytes, "SparseCategoricalCrossEntropy<u32>", "Sgd");
}

/// The program is compiled once. It finds a changed sample, another receipt's weights and a receipt
/// that was tampered with.
#[test]
fn a_training_is_done_again_and_changes_are_found() {
    type Net = Sequential<(Dense<2, 5, Tanh>, Dense<5, 2, Softmax>)>;
    type Rule = Scheduled<Adam, StepDecay>;
    type T = Trainer<Net, SparseCategoricalCrossEntropy, Rule, 3>;
    let x = [[0.5, -1.0], [0.25, 2.0], [-1.5, 0.125], [3.0, 1.0], [0.0, -0.75]];
    let t = [0u8, 1, 1, 0, 1];
    let rule = Scheduled {
        optimizer: Adam::DEFAULT,
        schedule: StepDecay { lr: 0.05, drop: 0.5, every: 7 },
    };
    let fit = Fit { drop_last: true, ..Fit::new(rule).epochs(20).shuffle(Seed(9)) };
    let start = (HeNormal, Seed(2024));
    let (mut net, mut trainer) = (Net::ZERO, T::ZERO);
    let mut room = vec![0; T::receipt_bytes::<(HeNormal, Seed)>(5)];
    let mut receipt = Receipt::new(&mut room);
    let trained = trainer.fit_recorded(&mut net, start, (&x, &t), &fit, (), &mut receipt);
    trained.expect("it learns");
    let bytes = receipt.bytes();

    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, x: &[[f32; 2]]| {
        let lines: Vec<String> =
            x.iter().zip(t).map(|([a, b], t)| format!("{a}, {b}, {t}\n")).collect();
        let path = folder.path().join(name);
        fs::write(&path, lines.concat()).expect("a file");
        path.display().to_string()
    };
    let data = write("data.csv", &x);
    let (lines, same) = replay(bytes, &data, None, &[]).expect("the receipt is right");
    assert!(same);
    let names: Vec<&str> = Backend::available().map(Backend::name).collect();
    assert_eq!(lines.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    for (_, verdict) in &lines {
        assert_eq!(verdict, "the same bits as in the receipt, from the start to the end");
    }

    let mut changed = x;
    changed[3][1] = 1.0000001;
    let scalar = ["scalar".to_owned()];
    let error = replay(bytes, &write("wrong.csv", &changed), None, &scalar).unwrap_err();
    assert!(format!("{error:#}").contains("the hash of the inputs is"), "{error:#}");
    // Wrong bytes do not even compile a program.
    let mut wrong = bytes.to_vec();
    wrong[100] ^= 1;
    let error = replay(&wrong, &data, None, &scalar).unwrap_err();
    assert!(format!("{error:#}").contains("checksum"), "{error:#}");
    // A hash that somebody changed, with the checksum that belongs to it.
    let hashes = bytes.len() - 16 - 8;
    let mut forged = bytes.to_vec();
    forged[hashes] ^= 1;
    let end = forged.len() - 4;
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&forged[..end]);
    forged[end..].copy_from_slice(&sum.to_le_bytes());
    let (lines, same) = replay(&forged, &data, None, &scalar).expect("it is a receipt");
    assert!(!same);
    assert!(lines[0].1.starts_with("departs behind epoch "), "{}", lines[0].1);
}

/// A receipt with another code of its optimizer, and the checksum that belongs to it.
fn with_optimizer(bytes: &[u8], from: u32, to: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.windows(4).position(|four| four == from.to_le_bytes()).expect("its code");
    bytes[at..at + 4].copy_from_slice(&to.to_le_bytes());
    let end = bytes.len() - 4;
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn an_optimizer_of_ones_own_is_named() {
    let bytes = receipt!(Xor, BinaryCrossEntropy, Sgd, &gates::XOR, Sgd::DEFAULT);
    let code = <Sgd as rosenblatt_kernels::persist::Persist>::CODE;
    let own = with_optimizer(&bytes, code, 0xbad0_c0de);
    let error = replay(b"PK, no receipt", "data.csv", None, &[]).unwrap_err();
    assert!(format!("{error:#}").contains("this is no receipt"), "{error:#}");
    let contents = Contents::read(&own).expect("a receipt");
    let error = training(&contents).expect_err("no such rule");
    assert!(format!("{error:#}").contains("the optimizer has the code bad0c0de"), "{error:#}");
}
