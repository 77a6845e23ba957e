//! Data preparation: CSV files, values that are not numbers, standardizing.

use crate::support;
use crate::support::dataset;

#[path = "../../examples/common/data.rs"]
mod csv;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use rosenblatt::{
    Error, Rng,
    activation::Sigmoid,
    dataset::{Standardize, finite_inputs, finite_targets},
    layer::{Reshape, Signal},
    loss::{Loss, SumOverOutputs},
    prelude::*,
};
use rosenblatt_lecture::Neuron;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};
use support::{amount, backends, bits, draw};

/// A file that is deleted when the test ends.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: impl AsRef<[u8]>) -> Self {
        let path =
            std::env::temp_dir().join(format!("rosenblatt-{}-{name}.csv", std::process::id()));
        fs::write(&path, text).expect("a file in the temporary folder");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Reads a file. Gives the text of the error or of the values, without the file's name.
fn read(name: &str, text: impl AsRef<[u8]>) -> String {
    let file = File::new(name, text);
    let path = file.0.display().to_string();
    match csv::read::<3>(&file.0, 4) {
        Ok(samples) => format!("{samples:?}"),
        Err(error) => {
            let error = format!("{error:#}");
            error
                .strip_prefix(&path)
                .unwrap_or_else(|| panic!("{error} does not name {path}"))
                .to_owned()
        }
    }
}

#[test]
fn csv_files() {
    let want = "([[1.0, -2.0, 0.5], [0.0, 1000.0, 3.0]], [0, 3])";
    assert_eq!(read("good", "1,-2,0.5,0\n0,1e3,3,3\n"), want);
    // The format of Windows and spreadsheets, a last line without an end, empty lines.
    assert_eq!(read("crlf", "1,-2,0.5,0\r\n0,1e3,3,3\r\n"), want);
    assert_eq!(read("spaces", " 1, -2 ,0.5,0\n\n\n\"0\",1e3,3 , 3"), want);
}

#[test]
fn csv_files_that_are_wrong() {
    let columns = |row, columns| {
        format!(", row {row} has {columns} columns; 4 are expected, 3 numbers and a class")
    };
    assert_eq!(read("short", "1,2,3,0\n1,2,3\n"), columns(2, 3));
    assert_eq!(read("long", "1,2,3,0\n1,2,3,0\n1,2,3,4,0\n"), columns(3, 5));
    assert_eq!(read("one", "1,2,3,0\nhello\n"), columns(2, 1));
    assert_eq!(read("semicolons", "1;2;3;0\n"), columns(1, 1));
    assert_eq!(read("comma", "1,2,3,0,\n"), columns(1, 5));
    // Row numbers are line numbers of the file.
    assert_eq!(read("gap", "\n1,2,3,0\n\n\n1,2,3\n"), columns(5, 3));
    assert_eq!(read("gaps", "\r\n1,2,3,0\r\n\r\n\r\n1,2,3\r\n"), columns(5, 3));

    let number = |row, column, value| {
        format!(", row {row}, column {column}: {value:?} is not a finite number")
    };
    for value in [
        "NaN", "nan", "inf", "-inf", "infinity", "1e39", "-1e99", "x", "", "1.2.3", "0x10", "1 2",
        "1_000",
    ] {
        assert_eq!(
            read("value", format!("1,2,3,0\n\n1,{value},3,1\n")),
            number(3, 2, value),
            "{value}"
        );
    }
    assert_eq!(read("header", "a,b,c,class\n1,2,3,0\n"), number(1, 1, "a"));
    assert_eq!(read("last", "1,2,NaN,0"), number(1, 3, "NaN"));

    let class =
        |row, value| format!(", row {row}, column 4: {value:?} is no class; 0 to 3 are expected");
    for value in ["4", "-1", "255", "256", "1.0", "0.5", "NaN", "", "a"] {
        assert_eq!(read("class", format!("1,2,3,3\n1,2,3,{value}\n")), class(2, value));
    }

    assert_eq!(read("empty", ""), " holds no samples");
    assert_eq!(read("blank", "\n\n\n"), " holds no samples");
    assert!(read("binary", b"1,2,3,0\n\xff\xfe,2,3,0\n").starts_with(", row 2 is no text: "));

    let missing = std::env::temp_dir().join("rosenblatt-there-is-no-such-file.csv");
    let error = format!("{:#}", csv::read::<3>(&missing, 4).expect_err("no file"));
    assert!(error.starts_with(&format!("{} cannot be read: ", missing.display())), "{error}");
    assert!(csv::read::<3>(&std::env::temp_dir(), 4).is_err(), "a folder is no file");
}

/// Builds the examples that read files, and returns their folder. The features are those of
/// `cargo xtask test`, so that cargo does not compile again what that has compiled.
fn built_examples() -> PathBuf {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let features = "rosenblatt-kernels/environments,rosenblatt/alloc,rosenblatt/micromath,\
                    rosenblatt/defmt,rosenblatt/helium";
    // The path of this program is TARGET/PROFILE/deps/library.
    let own = std::env::current_exe().expect("a program");
    let folder = own.parent().and_then(Path::parent).expect("the profile's folder");
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    command.args([
        "build",
        "--workspace",
        "--quiet",
        "--offline",
        "--profile",
        profile,
        "--features",
        features,
    ]);
    command.args(EXAMPLES.iter().flat_map(|(name, _)| ["--example", name]));
    command.arg("--target-dir").arg(folder.parent().expect("the target folder"));
    assert!(command.status().expect("cargo runs").success());
    folder.join("examples")
}

/// The error text of an example for a data file. It must exit with status 1 and without a panic.
fn example_refuses(name: &str, file: &Path) -> String {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(built_examples);
    let mut command = Command::new(FOLDER.join(name));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let output = command.arg("--data").arg(file).output().expect("the example runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{name}: {text}");
    assert!(!text.contains("panicked"), "{name}: {text}");
    text
}

/// The examples that read files, and how many numbers a row has.
const EXAMPLES: [(&str, usize); 5] =
    [("digits", 64), ("cnn", 64), ("rnn", 64), ("regularization", 64), ("logistic", 30)];

/// Builds the examples if necessary. An emulator cannot do this.
#[test]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_vendor = "apple", windows)),
    ignore = "runs cargo"
)]
fn examples_refuse_bad_files() {
    for (name, numbers) in EXAMPLES {
        let row = |value: &str| vec![value; numbers].join(",");
        let file = File::new(
            &format!("{name}-nan"),
            format!("{},0\n{},NaN,0\n", row("1"), row("1").rsplit_once(',').expect("many").0),
        );
        let want = format!(
            "{}, row 2, column {numbers}: \"NaN\" is not a finite number",
            file.0.display()
        );
        let said = example_refuses(name, &file.0);
        assert!(said.contains(&want), "{said}");

        let file =
            File::new(&format!("{name}-class"), format!("{},0\n{},10\n", row("1"), row("2")));
        let said = example_refuses(name, &file.0);
        assert!(
            said.contains(&format!("row 2, column {}: \"10\" is no class", numbers + 1)),
            "{said}"
        );

        let file = File::new(&format!("{name}-short"), format!("{}\n", row("1")));
        let said = example_refuses(name, &file.0);
        assert!(
            said.contains(&format!("row 1 has {numbers} columns; {} are expected", numbers + 1)),
            "{said}"
        );

        let said = example_refuses(name, Path::new("no-such-file.csv"));
        assert!(said.contains("no-such-file.csv cannot be read"), "{said}");

        // With one sample there is nothing to train on. This must be an error, not a panic.
        let file = File::new(&format!("{name}-one"), format!("{},1\n", row("1")));
        let said = example_refuses(name, &file.0);
        assert!(said.starts_with("error: ") && said.contains("sample"), "{said}");
    }
}

#[test]
fn numbers_that_are_none_are_named() {
    let rows = [[[0.5f32; 2]; 3]; 4];
    assert_eq!((finite_inputs(&rows), finite_targets(&rows)), (Ok(()), Ok(())));
    assert_eq!(finite_inputs::<[f32; 2]>(&[]), Ok(()));
    assert_eq!(finite_inputs(&[[f32::MAX, f32::MIN, 1e-45, -0.0]]), Ok(()));
    for (value, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        for sample in 0..4 {
            for column in 0..6 {
                let mut rows = rows;
                // The error names the first of several.
                rows[3][2][1] = f32::NAN;
                rows[sample][column / 2][column % 2] = value;
                let place = format!("row {}, column {} of the", sample + 1, column + 1);
                let error = finite_inputs(&rows).expect_err("no number");
                assert!(matches!(
                    error,
                    Error::Input { sample: s, column: c, .. } if (s, c) == (sample, column)
                ));
                let rest = format!("(counted from 1) is {text}; a finite number is expected");
                assert_eq!(error.to_string(), format!("{place} inputs {rest}"));
                let error = finite_targets(&rows).expect_err("no number");
                assert!(matches!(
                    error,
                    Error::Target { sample: s, output: o, .. } if (s, o) == (sample, column)
                ));
                assert_eq!(error.to_string(), format!("{place} targets {rest}"));
            }
        }
    }
}

#[test]
fn losses_name_the_target_at_fault() {
    let t = [[0.0, 1.0], [0.5, f32::INFINITY]];
    let message =
        "row 2, column 2 of the targets (counted from 1) is inf; a finite number is expected";
    let squares = <MeanSquaredError as Loss<Sigmoid, [f32; 2]>>::locate_not_finite(&t)
        .expect_err("an infinity");
    let summed =
        <SumOverOutputs<MeanSquaredError> as Loss<Sigmoid, [f32; 2]>>::locate_not_finite(&t)
            .expect_err("an infinity");
    assert_eq!((squares.to_string(), summed.to_string()), (message.to_owned(), message.to_owned()));
    let entropy =
        <SumOverOutputs<BinaryCrossEntropy> as Loss<Sigmoid, [f32; 2]>>::locate_not_finite(&t)
            .expect_err("an infinity");
    assert_eq!(entropy, Error::Probability { sample: 1, output: 1, value: f32::INFINITY });
    assert_eq!(<MeanSquaredError as Loss<Sigmoid, [f32; 2]>>::locate_not_finite(&t[..1]), Ok(()));
}

/// The lecture's cost is k times Keras' loss, and so is each gradient. For one output both have the
/// same bits.
#[test]
fn summed_losses_are_k_times_the_means() {
    fn check<L, const O: usize>(rng: &mut Rng)
    where
        L: rosenblatt::loss::PerOutput<Sigmoid, [f32; O], Target = [f32; O]>,
    {
        for backend in backends() {
            let y: [[f32; O]; 5] = std::array::from_fn(|_| std::array::from_fn(|_| rng.uniform()));
            let t: [[f32; O]; 5] = std::array::from_fn(|_| std::array::from_fn(|_| rng.uniform()));
            let (mut mean, mut sum) = ([[0.0; O]; 5], [[0.0; O]; 5]);
            let k = O as f32;
            let keras = rosenblatt::kernels::dispatch!(backend, s => L::loss(s, &y, &t, &mut mean));
            let lecture = rosenblatt::kernels::dispatch!(backend, s => SumOverOutputs::<L>::loss(
                s, &y, &t, &mut sum
            ));
            assert!(
                (lecture / (k * keras) - 1.0).abs() < 1e-6,
                "{lecture} is not {O} times {keras}"
            );
            for (sum, mean) in sum.as_flattened().iter().zip(mean.as_flattened()) {
                assert!(
                    (sum - k * mean).abs() <= 1e-6 * sum.abs(),
                    "{sum} is not {O} times {mean}"
                );
            }
            if O == 1 {
                assert_eq!(
                    (lecture.to_bits(), bits(sum.as_flattened())),
                    (keras.to_bits(), bits(mean.as_flattened()))
                );
            }
        }
    }
    let mut rng = Rng::new(Seed(1));
    check::<MeanSquaredError, 1>(&mut rng);
    check::<MeanSquaredError, 3>(&mut rng);
    check::<MeanSquaredError, 17>(&mut rng);
    check::<BinaryCrossEntropy, 1>(&mut rng);
    check::<BinaryCrossEntropy, 3>(&mut rng);
    check::<BinaryCrossEntropy, 17>(&mut rng);
}

/// Mean and standard deviation of a column in f64.
fn moments(column: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
    let n = column.clone().count() as f64;
    let mean = column.clone().map(f64::from).sum::<f64>() / n;
    (mean, (column.map(|x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt())
}

proptest! {
    #![proptest_config(Config {
        cases: amount(500, 20),
        rng_seed: RngSeed::Fixed(1957),
        failure_persistence: None,
        ..Config::default()
    })]

    /// Values far from zero, near zero, and of any size whose square is finite in f32.
    #[test]
    fn standardizing_agrees_with_f64(
        seed: u64,
        n in 1usize..300,
        size in -30i32..30,
        away in -6i32..10,
    ) {
        let mut rng = Rng::new(Seed(seed));
        let size = 2f32.powi(size);
        let middle = size * 2f32.powi(away);
        let mut rows: Vec<[f32; 3]> = (0..n)
            .map(|_| [middle + draw(&mut rng, size), draw(&mut rng, size), 0.1])
            .collect();
        let before = rows.clone();
        let scale = Standardize::fit(&rows).expect("good numbers");
        scale.transform(&mut rows);
        for column in 0..3 {
            let (mean, deviation) = moments(before.iter().map(|row| row[column]));
            let greatest = before.iter().map(|row| row[column].abs()).fold(0.0, f32::max);
            prop_assert!(
                (f64::from(scale.mean[column]) - mean).abs() <= 2e-7 * f64::from(greatest)
            );
            if column == 2 || n == 1 {
                prop_assert_eq!(
                    (scale.mean[column], scale.deviation[column]),
                    (before[0][column], 0.0)
                );
                prop_assert!(rows.iter().all(|row| row[column] == 0.0));
            } else {
                prop_assert!(
                    (f64::from(scale.deviation[column]) / deviation - 1.0).abs() < 1e-6,
                    "{} for {}",
                    scale.deviation[column],
                    deviation
                );
                let (mean, deviation) = moments(rows.iter().map(|row| row[column]));
                let rounding = 2e-7 * f64::from(greatest / scale.deviation[column]) + 1e-6;
                prop_assert!(
                    mean.abs() < rounding && (deviation - 1.0).abs() < rounding,
                    "{} and {}",
                    mean,
                    deviation
                );
            }
        }
    }
}

/// A million samples far from zero, for which plain sums in f32 would be wrong.
#[test]
fn long_columns_lose_no_digits() {
    let n = amount(1_000_000, 50_000);
    let mut rng = Rng::new(Seed(5));
    let rows: Vec<[f32; 1]> = (0..n).map(|_| [1000.0 + draw(&mut rng, 1.0)]).collect();
    let scale = Standardize::fit(&rows).expect("good numbers");
    let (mean, deviation) = moments(rows.iter().map(|row| row[0]));
    assert!((f64::from(scale.mean[0]) - mean).abs() < 4e-5, "{} for {mean}", scale.mean[0]);
    assert!(
        (f64::from(scale.deviation[0]) / deviation - 1.0).abs() < 1e-6,
        "{} for {deviation}",
        scale.deviation[0]
    );
}

#[test]
fn standardizing_refuses_what_has_no_mean() {
    assert_eq!(Standardize::<2>::fit(&[]), Err(Error::Empty));
    let error = Standardize::fit(&[[1.0, 2.0], [1.0, f32::NAN]]).expect_err("NaN");
    assert_eq!(
        error.to_string(),
        "row 2, column 2 of the inputs (counted from 1) is NaN; a finite number is expected"
    );
    // Sums and squares may exceed the range of f32.
    for large in [3e38, -1e30] {
        let scale =
            Standardize::fit(&[[0.0, 1.0], [0.0, 2.0], [1.0, large]]).expect("finite numbers");
        let (mean, deviation) =
            (f64::from(large) / 3.0, f64::from(large).abs() * 2f64.sqrt() / 3.0);
        assert!((f64::from(scale.mean[1]) / mean - 1.0).abs() < 1e-6, "{scale:?}");
        assert!((f64::from(scale.deviation[1]) / deviation - 1.0).abs() < 1e-6, "{scale:?}");
    }
    // Equal values need no sum.
    let scale = Standardize::fit(&[[3e38]; 10]).expect("a constant");
    assert_eq!((scale.mean, scale.deviation), ([3e38], [0.0]));
    // A later sample may differ from the constant. It is shifted, not divided.
    let mut later = [[0.0]];
    Standardize { mean: [2.0], deviation: [0.0] }.transform(&mut later);
    assert_eq!(later, [[-2.0]]);
}

/// One neuron is logistic regression. The gradient of the cross-entropy is the mean over the
/// samples of (p − t)·x for the weights, and of p − t for the bias.
#[test]
fn a_neuron_follows_its_formula() {
    type Single = Mlp<(Neuron<4>,)>;
    let mut rng = Rng::new(Seed(11));
    for backend in backends() {
        let mut net = Single::ZERO;
        let mut w: Vec<f64> = Vec::new();
        let weights: Vec<f32> = (0..5).map(|_| draw(&mut rng, 1.0)).collect();
        net.set_weights(&weights).expect("five");
        w.extend(weights.iter().map(|w| f64::from(*w)));
        let x: [[f32; 4]; 6] =
            std::array::from_fn(|_| std::array::from_fn(|_| draw(&mut rng, 2.0)));
        let t: [[f32; 1]; 6] = std::array::from_fn(|i| [(i % 2) as f32]);
        let mut trainer = Trainer::<Single, BinaryCrossEntropy, Sgd, 6>::ZERO;
        for _ in 0..100 {
            let (mut gradient, mut loss) = ([0.0; 5], 0.0);
            for (x, [t]) in x.iter().zip(t) {
                let with_one = || x.iter().chain([&1.0]).map(|x| f64::from(*x));
                let p = 1.0 / (1.0 + (-with_one().zip(&w).map(|(x, w)| x * w).sum::<f64>()).exp());
                gradient
                    .iter_mut()
                    .zip(with_one())
                    .for_each(|(g, x)| *g += (p - f64::from(t)) * x / 6.0);
                loss -= if t == 1.0 { p.ln() } else { (1.0 - p).ln() } / 6.0;
            }
            let got = trainer
                .on(backend)
                .step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.5))
                .expect("good data");
            assert!((f64::from(got) - loss).abs() < 1e-5, "loss {got}, by the formula {loss}");
            let params = trainer.gradient();
            for (got, want) in params.w.as_flattened().iter().chain(&params.b).zip(gradient) {
                assert!(
                    (f64::from(*got) - want).abs() < 1e-5,
                    "gradient {got}, by the formula {want}"
                );
            }
            w.iter_mut().zip(gradient).for_each(|(w, g)| *w -= 0.5 * g);
        }
    }
}

/// Logistic regression on real data, split with twenty seeds.
#[test]
fn one_neuron_tells_tumours_apart() {
    type Cells = Mlp<(Neuron<30>,)>;
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/breast_cancer.csv"));
    let (x, t) = csv::read::<30>(path, 2).expect("the data");
    assert_eq!((x.len(), t.iter().filter(|t| **t == 0).count()), (569, 212));
    let mut accuracies = Vec::new();
    for seed in (0..amount(20, 1)).chain([1957]) {
        let ((mut rows, t), (mut unseen, t_unseen)) =
            csv::split::<30>(path, 2, Seed(seed), |n| n * 4 / 5).expect("the data");
        let scale = Standardize::fit(&rows).expect("good numbers");
        scale.transform(&mut rows);
        scale.transform(&mut unseen);
        let [answers, wanted] =
            [t, t_unseen].map(|t| t.into_iter().map(|t| [f32::from(t)]).collect::<Vec<_>>());
        let mut net = Cells::init(Seed(seed));
        let mut trainer = Trainer::<Cells, BinaryCrossEntropy, Sgd, 32>::ZERO;
        let fit = Fit { epochs: 50, shuffle: Some(Seed(seed)), ..Fit::new(Sgd::with_lr(0.1)) };
        trainer.fit(&mut net, dataset(&rows, &answers), &fit).expect("good data");
        let accuracy =
            trainer.evaluate(&net, dataset(&unseen, &wanted)).expect("good data").accuracy();
        assert!(accuracy >= 0.95, "seed {seed}: {accuracy}");
        accuracies.push(accuracy);
    }
    println!("{accuracies:?}");
}

/// A loss over a map or a sequence equals the loss over the same values as one row.
#[test]
fn losses_over_any_shape() {
    type Map = Mlp<(Conv1d<Signal<4, 2>, Signal<3, 2>, 2, Sigmoid>,)>;
    type Row = Mlp<(
        Reshape<[f32; 8], Signal<4, 2>>,
        Conv1d<Signal<4, 2>, Signal<3, 2>, 2, Sigmoid>,
        Flatten<Signal<3, 2>, 6>,
    )>;
    let x = [[[0.5, -1.0], [0.25, 2.0], [-0.5, 0.0], [1.0, 1.0]]];
    let t = [[[0.0, 1.0], [0.25, 0.5], [1.0, 0.0]]];
    let (mut map, mut row) = (Map::ZERO, Row::ZERO);
    map.initialize(Seed(1));
    row.set_weights(map.weights()).expect("as many");
    let sgd = Sgd::with_lr(0.5);
    let loss =
        Trainer::<Map, MeanSquaredError, Sgd, 1>::default().step(&mut map, dataset(&x, &t), &sgd);
    let flat = Trainer::<Row, MeanSquaredError, Sgd, 1>::default().step(
        &mut row,
        dataset(
            &[*x[0].as_flattened().first_chunk().expect("8")],
            &[*t[0].as_flattened().first_chunk().expect("6")],
        ),
        &sgd,
    );
    assert_eq!((loss, map.weights()), (flat, row.weights()));

    // Fused with the sigmoid of a map.
    let mut trainer = Trainer::<Map, BinaryCrossEntropy, Sgd, 1>::ZERO;
    let before = trainer.evaluate(&map, dataset(&x, &t)).expect("good data").loss;
    for _ in 0..50 {
        trainer.step(&mut map, dataset(&x, &t), &sgd).expect("good data");
    }
    assert!(trainer.evaluate(&map, dataset(&x, &t)).expect("good data").loss < before);
    let error = trainer
        .step(&mut map, dataset(&x, &[[[0.0; 2], [0.0, 1.5], [0.0; 2]]]), &sgd)
        .expect_err("1.5");
    assert!(matches!(error, Error::Probability { sample: 0, output: 3, value: 1.5 }), "{error}");
}
