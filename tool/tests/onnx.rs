//! ONNX files of PyTorch, of Keras by tf2onnx, and made by hand: the layers, their weights bit by
//! bit, and what a network with them predicts. `data/make_onnx.py` writes the files.

mod graph;

use graph::{Golden, attack, bytes, close, kinds, predict, tensors};
use rosenblatt::layer::{
    All, AvgPool2d, GlobalAvgPool1d, Map, MaxPool2d, Pool1d, Reshape, Same, Signal, Valid,
};
use rosenblatt::{layer, prelude::*};
use rosenblatt_tool::model::{Activation, Cell, Kind, Model, Pooling, Window};
use rosenblatt_tool::onnx::read;

fn model(name: &str) -> Model {
    read(&bytes(&format!("{name}.onnx"))).expect(name)
}

fn window<const N: usize>(size: [usize; N], stride: [usize; N], same: bool) -> Window<N> {
    Window { size, stride, same }
}

const LEAKY: Activation = Activation::LeakyRelu { num: 1, den: 100 };

/// Both versions of PyTorch's file have the layers `kinds` and the golden weights; each then goes
/// to `predict`.
fn torch(name: &str, expected: &[Kind], predict: impl Fn(&Model, &[f32]) -> Vec<f32>) {
    let golden = Golden::of("onnx_torch.json");
    for opset in [11, 17] {
        let model = model(&format!("{name}_{opset}"));
        assert_eq!(kinds(&model), expected, "{name}, version {opset}");
        assert_eq!(tensors(&model), golden.weights(name), "{name}, version {opset}");
        let y = predict(&model, &golden.numbers(name, "x"));
        close(name, &y, &golden.numbers(name, "y"));
    }
}

#[test]
fn a_map_of_pytorch_becomes_channels_last() {
    type Net = Mlp<(
        Conv2d<Map<6, 8, 2>, Map<6, 8, 3>, 3, 3, Relu, Same>,
        BatchNorm<Map<6, 8, 3>>,
        MaxPool2d<Map<6, 8, 3>, Map<3, 4, 3>, 2>,
        Conv2d<Map<3, 4, 3>, Map<2, 3, 4>, 2, 2, Tanh>,
        Flatten<Map<2, 3, 4>, 24>,
        Dense<24, 5, LeakyRelu<1, 100>>,
        Dense<5, 3, Softmax>,
    )>;
    let expected = [
        Kind::Conv2d(window([3, 3], [1, 1], true), Activation::Relu),
        Kind::BatchNorm { epsilon: 0.001, share: 0.01 },
        Kind::Pool2d(Pooling::Max, window([2, 2], [2, 2], false)),
        Kind::Conv2d(window([2, 2], [1, 1], false), Activation::Tanh),
        Kind::Reshape,
        Kind::Dense(LEAKY),
        Kind::Dense(Activation::Softmax),
    ];
    torch("torch_map", &expected, |model, x| {
        assert_eq!((model.input(), model.output()), (&[6, 8, 2][..], &[3][..]));
        predict!(Net, model, x)
    });
}

#[test]
fn a_normalization_behind_flatten_has_its_channels_in_the_order_of_channels_last() {
    type Net = Mlp<(
        Conv2d<Map<3, 4, 1>, Map<2, 3, 2>, 2, 2, Relu>,
        Flatten<Map<2, 3, 2>, 12>,
        BatchNorm<[f32; 12]>,
        Dense<12, 2>,
    )>;
    let expected = [
        Kind::Conv2d(window([2, 2], [1, 1], false), Activation::Relu),
        Kind::Reshape,
        Kind::BatchNorm { epsilon: 0.001, share: 0.1 },
        Kind::Dense(Activation::Linear),
    ];
    torch("torch_flat", &expected, |model, x| predict!(Net, model, x));
}

#[test]
fn a_signal_of_pytorch_becomes_channels_last() {
    type Net = Mlp<(
        Conv1d<Signal<8, 2>, Signal<8, 3>, 3, Relu, Same>,
        MaxPool1d<Signal<8, 3>, Signal<4, 3>, 2>,
        Conv1d<Signal<4, 3>, Signal<3, 4>, 2>,
        GlobalAvgPool1d<Signal<3, 4>>,
        Dense<4, 2>,
    )>;
    let expected = [
        Kind::Conv1d(window([3], [1], true), Activation::Relu),
        Kind::Pool1d(Pooling::Max, window([2], [2], false)),
        Kind::Conv1d(window([2], [1], false), Activation::Linear),
        Kind::GlobalAverage,
        Kind::Dense(Activation::Linear),
    ];
    torch("torch_signal", &expected, |model, x| predict!(Net, model, x));
}

#[test]
fn recurrent_layers_of_pytorch_take_the_gates_of_keras() {
    let simple = Cell::Simple(Activation::Tanh);
    let dense = Kind::Dense(Activation::Linear);
    torch("torch_rnn", &[Kind::Recurrent(simple), dense.clone()], |model, x| {
        predict!(Mlp<(Rnn<3, 4, 5>, Dense<4, 2>)>, model, x)
    });
    torch("torch_gru", &[Kind::Recurrent(Cell::Gru), dense.clone()], |model, x| {
        predict!(Mlp<(Gru<3, 4, 5>, Dense<4, 2>)>, model, x)
    });
    torch("torch_lstm", &[Kind::Recurrent(Cell::Lstm), dense.clone()], |model, x| {
        predict!(Mlp<(Lstm<3, 4, 5>, Dense<4, 2>)>, model, x)
    });
    // Version 11 spells the layer normalization out.
    type Two = Mlp<(Gru<3, 4, 5, All>, Lstm<4, 3, 5>, LayerNorm<[f32; 3]>, Dense<3, 2>)>;
    let expected =
        [Kind::Recurrent(Cell::Gru), Kind::Recurrent(Cell::Lstm), Kind::LayerNorm(0.001), dense];
    torch("torch_two", &expected, |model, x| predict!(Two, model, x));
}

/// The same for a file of Keras; tf2onnx changes the weights of normalizations.
fn keras(name: &str, expected: &[Kind], predict: impl Fn(&Model, &[f32]) -> Vec<f32>) -> Model {
    let golden = Golden::of("onnx_keras.json");
    let model = model(name);
    assert_eq!(kinds(&model), expected, "{name}");
    close(name, &predict(&model, &golden.numbers(name, "x")), &golden.numbers(name, "y"));
    model
}

#[test]
fn dense_layers_of_keras() {
    let expected = [Activation::Relu, Activation::Tanh, Activation::Softmax].map(Kind::Dense);
    type Net = Mlp<(Dense<4, 5, Relu>, Dense<5, 4, Tanh>, Dense<4, 3, Softmax>)>;
    let model = keras("keras_dense", &expected, |model, x| predict!(Net, model, x));
    assert_eq!(tensors(&model), Golden::of("onnx_keras.json").weights("keras_dense"));
    assert_eq!(model.layers[0].name, "sequential_1/dense_1/MatMul");
}

#[test]
fn a_map_of_keras_stays_channels_last() {
    type Net = Mlp<(
        Conv2d<Map<8, 7, 1>, Map<4, 4, 3>, 3, 3, Relu, Same, 2>,
        BatchNorm<Map<4, 4, 3>>,
        Conv2d<Map<4, 4, 3>, Map<3, 2, 4>, 2, 3, Tanh>,
        MaxPool2d<Map<3, 2, 4>, Map<1, 2, 4>, 2, 1>,
        Flatten<Map<1, 2, 4>, 8>,
        Dense<8, 3, Softmax>,
    )>;
    let expected = [
        Kind::Conv2d(window([3, 3], [2, 2], true), Activation::Relu),
        // x·a + b of the converter: the mean is 0, and 1 / √(variance + ε) is 1.
        Kind::BatchNorm { epsilon: 0.001, share: 0.01 },
        Kind::Conv2d(window([2, 3], [1, 1], false), Activation::Tanh),
        Kind::Pool2d(Pooling::Max, window([2, 1], [2, 1], false)),
        Kind::Reshape,
        Kind::Dense(Activation::Softmax),
    ];
    let model = keras("keras_map", &expected, |model, x| predict!(Net, model, x));
    assert_eq!(model.input(), [8, 7, 1]);
    let buffers = &model.layers[1].buffers;
    assert_eq!(buffers[..3], [0.0; 3]);
    assert!(buffers[3..].iter().all(|variance| 1.0 / (variance + 0.001f32).sqrt() == 1.0));
    let (golden, all) = (Golden::of("onnx_keras.json").weights("keras_map"), tensors(&model));
    for i in [0, 1, 6, 7, 8, 9] {
        assert_eq!(all[i], golden[i], "tensor {i}");
    }
}

#[test]
fn a_mean_over_maps_of_keras() {
    type Net = Mlp<(
        Conv2d<Map<8, 8, 2>, Map<6, 6, 3>, 3, 3, LeakyRelu<1, 10>>,
        AvgPool2d<Map<6, 6, 3>, Map<3, 3, 3>, 2>,
        GlobalAvgPool2d<Map<3, 3, 3>>,
        Dense<3, 1, Sigmoid>,
    )>;
    let expected = [
        Kind::Conv2d(window([3, 3], [1, 1], false), Activation::LeakyRelu { num: 1, den: 10 }),
        Kind::Pool2d(Pooling::Average, window([2, 2], [2, 2], false)),
        Kind::GlobalAverage,
        Kind::Dense(Activation::Sigmoid),
    ];
    keras("keras_mean", &expected, |model, x| predict!(Net, model, x));
}

#[test]
fn a_signal_of_keras_stays_a_signal() {
    type Net = Mlp<(
        Conv1d<Signal<12, 2>, Signal<12, 3>, 3, Relu, Same>,
        MaxPool1d<Signal<12, 3>, Signal<6, 3>, 2>,
        Conv1d<Signal<6, 3>, Signal<5, 4>, 2>,
        GlobalAvgPool1d<Signal<5, 4>>,
        LayerNorm<[f32; 4]>,
        Dense<4, 2>,
    )>;
    let expected = [
        Kind::Conv1d(window([3], [1], true), Activation::Relu),
        Kind::Pool1d(Pooling::Max, window([2], [2], false)),
        Kind::Conv1d(window([2], [1], false), Activation::Linear),
        Kind::GlobalAverage,
        Kind::LayerNorm(0.001),
        Kind::Dense(Activation::Linear),
    ];
    let model = keras("keras_signal", &expected, |model, x| predict!(Net, model, x));
    assert_eq!(tensors(&model), Golden::of("onnx_keras.json").weights("keras_signal"));
}

#[test]
fn an_lstm_of_keras_and_the_greatest_of_its_states() {
    type Net = Mlp<(
        Lstm<3, 4, 5, All>,
        Pool1d<layer::Max, Signal<5, 4>, Signal<1, 4>, 5, Valid, 0>,
        Reshape<Signal<1, 4>, [f32; 4]>,
        Dense<4, 2>,
    )>;
    let expected = [
        Kind::Recurrent(Cell::Lstm),
        Kind::Pool1d(Pooling::Max, window([5], [5], false)),
        Kind::Reshape,
        Kind::Dense(Activation::Linear),
    ];
    let model = keras("keras_lstm", &expected, |model, x| predict!(Net, model, x));
    assert_eq!(tensors(&model), Golden::of("onnx_keras.json").weights("keras_lstm"));
}

#[test]
fn a_loop_of_tf2onnx_is_named() {
    let error = read(&bytes("keras_rnn.onnx")).unwrap_err().to_string();
    assert!(error.contains("no layer for the operator Loop: \"sequential_5_1"), "{error}");
}

fn by_hand<const N: usize>(
    name: &str,
    expected: [Kind; N],
    predict: impl Fn(&Model, &[f32]) -> Vec<f32>,
) {
    let golden = Golden::of("onnx_operators.json");
    let model = read(&golden.file(name)).expect(name);
    assert_eq!(kinds(&model), expected, "{name}");
    close(name, &predict(&model, &golden.numbers(name, "x")), &golden.numbers(name, "y"));
}

#[test]
fn operators_one_by_one() {
    let linear = || Kind::Dense(Activation::Linear);
    by_hand("gemm", [linear()], |model, x| predict!(Mlp<(Dense<4, 3>,)>, model, x));
    by_hand("matmul", [Kind::Dense(Activation::Sigmoid)], |model, x| {
        predict!(Mlp<(Dense<4, 3, Sigmoid>,)>, model, x)
    });
    by_hand("float_data", [linear()], |model, x| predict!(Mlp<(Dense<4, 3>,)>, model, x));
    by_hand("layout", [Kind::Recurrent(Cell::Gru)], |model, x| {
        predict!(Mlp<(Gru<3, 4, 5>,)>, model, x)
    });
    type Flat<const N: usize> = Mlp<(Flatten<Signal<2, 3>, 6>, Dense<6, N>)>;
    for name in ["samples", "seven"] {
        by_hand(name, [Kind::Reshape, linear()], |model, x| predict!(Flat<2>, model, x));
    }
    let dropout = Kind::Dropout { rate: 1 << 30, seed: 0 };
    by_hand("dropout", [dropout, Kind::Dense(Activation::Softmax)], |model, x| {
        type Net = Mlp<(Dropout<[f32; 4], { 1 << 30 }>, Dense<4, 3, Softmax>)>;
        predict!(Net, model, x)
    });
}

#[test]
fn a_product_on_each_step_is_a_convolution() {
    let dense = Kind::Dense(Activation::Linear);
    let conv = Kind::Conv1d(window([1], [1], false), Activation::Relu);
    by_hand("steps", [conv, Kind::Reshape, dense.clone()], |model, x| {
        type Net = Mlp<(
            Conv1d<Signal<3, 4>, Signal<3, 2>, 1, Relu>,
            Flatten<Signal<3, 2>, 6>,
            Dense<6, 2>,
        )>;
        predict!(Net, model, x)
    });
    let conv = Kind::Conv2d(window([1, 1], [1, 1], false), Activation::Tanh);
    by_hand("positions", [conv, Kind::Reshape, dense], |model, x| {
        type Net = Mlp<(
            Conv2d<Map<2, 3, 4>, Map<2, 3, 2>, 1, 1, Tanh>,
            Flatten<Map<2, 3, 2>, 12>,
            Dense<12, 2>,
        )>;
        predict!(Net, model, x)
    });
}

#[test]
fn layouts_one_by_one() {
    let affine = Kind::BatchNorm { epsilon: 0.001, share: 0.01 };
    let expected = [
        affine.clone(),
        Kind::Conv2d(window([3, 2], [2, 2], true), Activation::Linear),
        Kind::Pool2d(Pooling::Average, window([2, 2], [1, 1], true)),
        Kind::Pool2d(Pooling::Max, window([3, 3], [3, 3], false)),
        Kind::Reshape,
    ];
    by_hand("same", expected, |model, x| {
        type Net = Mlp<(
            BatchNorm<Map<5, 6, 2>>,
            Conv2d<Map<5, 6, 2>, Map<3, 3, 3>, 3, 2, Linear, Same, 2>,
            AvgPool2d<Map<3, 3, 3>, Map<3, 3, 3>, 2, 2, Same, 1, 1>,
            MaxPool2d<Map<3, 3, 3>, Map<1, 1, 3>, 3>,
            Flatten<Map<1, 1, 3>, 3>,
        )>;
        predict!(Net, model, x)
    });
    let conv = |size, stride| Kind::Conv2d(window(size, stride, false), Activation::Linear);
    let dense = Kind::Dense(Activation::Linear);
    let expected = [conv([2, 3], [1, 2]), Kind::Reshape, dense.clone()];
    by_hand("flat_last", expected, |model, x| {
        type Net = Mlp<(
            Conv2d<Map<5, 5, 2>, Map<4, 2, 3>, 2, 3, Linear, Valid, 1, 2>,
            Flatten<Map<4, 2, 3>, 24>,
            Dense<24, 2>,
        )>;
        predict!(Net, model, x)
    });
    by_hand("flat_first", [conv([2, 2], [1, 1]), Kind::Reshape, affine, dense], |model, x| {
        type Net = Mlp<(
            Conv2d<Map<4, 4, 2>, Map<3, 3, 4>, 2, 2>,
            Flatten<Map<3, 3, 4>, 36>,
            BatchNorm<[f32; 36]>,
            Dense<36, 2>,
        )>;
        predict!(Net, model, x)
    });
}

#[test]
fn a_file_that_is_not_read_says_all_that_is_wrong() {
    let golden = Golden::of("onnx_operators.json");
    let expected = [
        (
            "unknown",
            "Rosenblatt has no layer for the operator Elu: \"third\"|Rosenblatt has no layer for \
             the operator Selu: \"first\", \"second\"|Rosenblatt has no layer for the operator \
             com.microsoft.Fused: \"Fused_4\"",
        ),
        ("f16", "Gemm \"g\": the constant \"w\" is float16; float32 is expected"),
        ("f64", "the input \"x\" is float64; float32|the constant \"w\" is float64; float32"),
        ("pads", "Conv \"c\": the padding [[2, 2], [2, 2]]"),
        ("group", "Conv \"c\": 2 groups"),
        ("dilations", "Conv \"c\": dilations"),
        ("counts_padding", "count_include_pad"),
        ("branch", "Add \"s\": it takes two tensors of the network, which is not a chain"),
        ("earlier", "Relu \"r\": it takes a tensor that an earlier layer gave"),
        ("reset", "GRU \"r\": the reset gate before the product (linear_before_reset 0)"),
        ("state", "GRU \"r\": a first state that is not zero"),
        ("backward", "GRU \"r\": the direction \"reverse\"; forward is expected"),
        ("order", "the output: a tensor of the shape [1, 18] whose values lie in another order"),
        ("transposed", "LSTM \"l\": a tensor [1, 5, 1]; one sample with steps and values"),
        ("open", "the input \"x\" has the shape [\"n\", \"m\"]; only the number of samples"),
        ("nan", "value 0 is NaN"),
        ("deep", "there are 33 layers; a network has at most 32"),
        ("short", "the constant \"w\" has the shape [4, 4] and 15 values"),
        ("huge", "the constant \"w\" has the shape [1048576, 1048576] and 0 values"),
        ("wide", "Softmax \"s\": one number for 16777216 channels; 65536 at most"),
        (
            "behind",
            "Conv \"c\": 2 groups|MaxPool \"p\": dilations|GRU \"r\": the reset gate before|operator \
             Elu: \"e\"",
        ),
        ("old", "operators of version 6; 7 or newer is expected"),
    ];
    for (name, messages) in expected {
        let error = match read(&golden.file(&format!("bad_{name}"))) {
            Ok(_) => panic!("{name} is read"),
            Err(error) => error.to_string(),
        };
        for message in messages.split('|') {
            assert!(error.contains(message), "{name}: {error}");
        }
    }
    assert_eq!(golden.names().filter(|name| name.starts_with("bad_")).count(), expected.len());
    assert!(read(b"").is_err());
    assert!(read(b"no file of ONNX").is_err());
}

#[test]
fn a_broken_file_is_an_error_at_once() {
    let golden = Golden::of("onnx_operators.json");
    for name in ["gemm", "float_data", "dropout", "layout", "seven", "bad_unknown", "bad_branch"] {
        attack(&golden.file(name), read);
    }
    for name in ["keras_mean", "torch_flat_17", "torch_gru_11"] {
        attack(&bytes(&format!("{name}.onnx")), read);
    }
}
