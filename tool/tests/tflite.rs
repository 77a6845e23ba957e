//! TensorFlow Lite files of TensorFlow's converter: the layers, their weights, and what a network
//! with them predicts. `data/make_tflite.py` writes the files.

mod graph;

use graph::{Golden, attack, bytes, close, kinds, predict, tensors};
use rosenblatt::layer::{All, AvgPool2d, GlobalAvgPool1d, Map, MaxPool2d, Same, Signal};
use rosenblatt::prelude::*;
use rosenblatt_tool::model::{Activation, Cell, Kind, Model, Pooling, Window};
use rosenblatt_tool::tflite::read;

fn window<const N: usize>(size: [usize; N], stride: [usize; N], same: bool) -> Window<N> {
    Window { size, stride, same }
}

/// The file has the layers `kinds`, and `predict` gives the golden output. The tensors whose
/// numbers are in `exact` are those of Keras, bit by bit.
fn check(
    name: &str,
    expected: &[Kind],
    exact: impl IntoIterator<Item = usize>,
    predict: impl Fn(&Model, &[f32]) -> Vec<f32>,
) -> Model {
    let golden = Golden::of("tflite.json");
    let model = read(&bytes(&format!("tflite_{name}.tflite"))).expect(name);
    assert_eq!(kinds(&model), expected, "{name}");
    let (all, of_keras) = (tensors(&model), golden.weights(name));
    assert_eq!(all.len(), of_keras.len(), "{name}");
    for i in exact {
        assert_eq!(all[i], of_keras[i], "{name}, tensor {i}");
    }
    close(name, &predict(&model, &golden.numbers(name, "x")), &golden.numbers(name, "y"));
    model
}

#[test]
fn dense_layers() {
    let expected = [Activation::Relu, Activation::Tanh, Activation::Softmax].map(Kind::Dense);
    let model = check("dense", &expected, 0..6, |model, x| {
        type Net = Mlp<(Dense<4, 5, Relu>, Dense<5, 4, Tanh>, Dense<4, 3, Softmax>)>;
        predict!(Net, model, x)
    });
    assert_eq!((model.input(), model.output()), (&[4][..], &[3][..]));
}

#[test]
fn a_map_with_a_normalization_as_a_product_and_a_sum() {
    let expected = [
        Kind::Conv2d(window([3, 3], [2, 2], true), Activation::Relu),
        Kind::BatchNorm { epsilon: 0.001, share: 0.01 },
        Kind::Conv2d(window([2, 3], [1, 1], false), Activation::Tanh),
        Kind::Pool2d(Pooling::Max, window([2, 1], [2, 1], false)),
        Kind::Reshape,
        Kind::Dense(Activation::Softmax),
    ];
    check("map", &expected, [0, 1, 6, 7, 8, 9], |model, x| {
        type Net = Mlp<(
            Conv2d<Map<8, 7, 1>, Map<4, 4, 3>, 3, 3, Relu, Same, 2>,
            BatchNorm<Map<4, 4, 3>>,
            Conv2d<Map<4, 4, 3>, Map<3, 2, 4>, 2, 3, Tanh>,
            MaxPool2d<Map<3, 2, 4>, Map<1, 2, 4>, 2, 1>,
            Flatten<Map<1, 2, 4>, 8>,
            Dense<8, 3, Softmax>,
        )>;
        predict!(Net, model, x)
    });
}

#[test]
fn a_mean_over_maps_with_a_normalization_in_the_weights() {
    let expected = [
        Kind::Conv2d(window([3, 3], [1, 1], false), Activation::LeakyRelu { num: 1, den: 10 }),
        Kind::Pool2d(Pooling::Average, window([2, 2], [2, 2], true)),
        Kind::GlobalAverage,
        Kind::Dense(Activation::Sigmoid),
    ];
    let golden = Golden::of("tflite.json");
    let model = read(&bytes("tflite_mean.tflite")).unwrap();
    assert_eq!(kinds(&model), expected);
    assert_eq!(tensors(&model)[2..], golden.weights("mean")[5..]);
    type Net = Mlp<(
        Conv2d<Map<8, 8, 2>, Map<6, 6, 3>, 3, 3, LeakyRelu<1, 10>>,
        AvgPool2d<Map<6, 6, 3>, Map<3, 3, 3>, 2, 2, Same>,
        GlobalAvgPool2d<Map<3, 3, 3>>,
        Dense<3, 1, Sigmoid>,
    )>;
    let y = predict!(Net, &model, &golden.numbers("mean", "x"));
    close("mean", &y, &golden.numbers("mean", "y"));
}

#[test]
fn a_signal_as_maps_of_height_one_and_a_layer_normalization_spelled_out() {
    let expected = [
        Kind::Conv1d(window([3], [1], true), Activation::Relu),
        Kind::Pool1d(Pooling::Max, window([2], [2], false)),
        Kind::Conv1d(window([2], [1], false), Activation::Linear),
        Kind::GlobalAverage,
        Kind::LayerNorm(0.001),
        Kind::Dense(Activation::Linear),
    ];
    let model = check("signal", &expected, 0..8, |model, x| {
        type Net = Mlp<(
            Conv1d<Signal<12, 2>, Signal<12, 3>, 3, Relu, Same>,
            MaxPool1d<Signal<12, 3>, Signal<6, 3>, 2>,
            Conv1d<Signal<6, 3>, Signal<5, 4>, 2>,
            GlobalAvgPool1d<Signal<5, 4>>,
            LayerNorm<[f32; 4]>,
            Dense<4, 2>,
        )>;
        predict!(Net, model, x)
    });
    assert_eq!(model.input(), [12, 2]);
}

#[test]
fn a_dense_layer_on_each_step_is_a_convolution() {
    let conv = |activation| Kind::Conv1d(window([1], [1], false), activation);
    let expected = [
        conv(Activation::Relu),
        conv(Activation::Linear),
        Kind::Reshape,
        Kind::Dense(Activation::Linear),
    ];
    check("steps", &expected, 0..6, |model, x| {
        type Net = Mlp<(
            Conv1d<Signal<3, 4>, Signal<3, 2>, 1, Relu>,
            Conv1d<Signal<3, 2>, Signal<3, 3>, 1>,
            Flatten<Signal<3, 3>, 9>,
            Dense<9, 2>,
        )>;
        predict!(Net, model, x)
    });
}

#[test]
fn an_lstm_gives_its_last_state_or_all() {
    let dense = Kind::Dense(Activation::Linear);
    let last = [Kind::Recurrent(Cell::Lstm), dense.clone()];
    check("lstm", &last, 0..5, |model, x| predict!(Mlp<(Lstm<3, 4, 5>, Dense<4, 2>)>, model, x));
    let all = [Kind::Recurrent(Cell::Lstm), Kind::GlobalAverage, dense];
    check("lstm_all", &all, 0..5, |model, x| {
        type Net = Mlp<(Lstm<3, 4, 5, All>, GlobalAvgPool1d<Signal<5, 4>>, Dense<4, 2>)>;
        predict!(Net, model, x)
    });
}

#[test]
fn a_file_that_is_not_read_says_all_that_is_wrong() {
    let expected = [
        (
            "int8",
            "34 tensors are quantized (10 int32, 24 int8); float32 is expected: \"input_1\", |and \
             24 more|no layer for the operator DEPTHWISE_CONV_2D: ",
        ),
        ("f16", "1 tensors are quantized (1 float16); float32 is expected: \"functional_"),
        ("relu6", "FULLY_CONNECTED \"functional_6_1/six_1/MatMul\"|the activation RELU6"),
        ("branch", "ADD \"functional_7_1/add_1/Add\": it takes two tensors of the network"),
        (
            "unknown",
            "no layer for the operator ELU: \"functional_8_1/dense_11_1/Elu\", \
             \"functional_8_1/dense_12_1/Elu\"|no layer for the operator HARD_SWISH: ",
        ),
    ];
    for (name, messages) in expected {
        let error = match read(&bytes(&format!("tflite_{name}.tflite"))) {
            Ok(_) => panic!("{name} is read"),
            Err(error) => error.to_string(),
        };
        for message in messages.split('|') {
            assert!(error.contains(message), "{name}: {error}");
        }
    }
    for file in [&b""[..], b"no file of TensorFlow", b"\x08\0\0\0TFL3", b"\xff\xff\xff\xffTFL3"] {
        assert!(read(file).is_err());
    }
}

#[test]
fn a_broken_file_is_an_error_at_once() {
    for name in ["dense", "map", "mean", "signal", "lstm", "steps", "branch", "f16", "relu6"] {
        attack(&bytes(&format!("tflite_{name}.tflite")), read);
    }
}
