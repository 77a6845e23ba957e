//! State dicts of PyTorch and other files of tensors.

mod common;

use common::{bytes, options, predicts, read, read_net, saved_bytes};
use rosenblatt::{
    layer::{Activate, All, Map, Signal, epsilon, momentum},
    prelude::*,
};
use rosenblatt_tool::{
    net,
    tensors::{self, Layout, Options},
};

type Perceptron = (
    Dense<6, 8, Relu>,
    LayerNorm<[f32; 8], { epsilon(1e-5) }>,
    Activate<[f32; 8], Tanh>,
    Dense<8, 8, Sigmoid>,
    Dense<8, 3, Softmax>,
);
const PERCEPTRON: &str = "Dense<6, 8, Relu>, LayerNorm<[f32; 8], { epsilon(1e-5) }>, \
                          Activate<[f32; 8], Tanh>, Dense<8, 8, Sigmoid>, Dense<8, 3, Softmax>";
type Cnn = (
    Conv2d<Map<9, 8, 2>, Map<7, 7, 4>, 3, 2>,
    BatchNorm<Map<7, 7, 4>, { epsilon(1e-5) }, { momentum(0.9) }>,
    Activate<Map<7, 7, 4>, Relu>,
    MaxPool2d<Map<7, 7, 4>, Map<3, 3, 4>, 2>,
    Flatten<Map<3, 3, 4>, 36>,
    BatchNorm<[f32; 36], { epsilon(1e-4) }, { momentum(0.8) }>,
    Dense<36, 7, LeakyRelu<1, 10>>,
    Dense<7, 3>,
);
const CNN: &str = "Conv2d<Map<9, 8, 2>, Map<7, 7, 4>, 3, 2>, \
                   BatchNorm<Map<7, 7, 4>, { epsilon(1e-5) }, { momentum(0.9) }>, \
                   Activate<Map<7, 7, 4>, Relu>, MaxPool2d<Map<7, 7, 4>, Map<3, 3, 4>, 2>, \
                   Flatten<Map<3, 3, 4>, 36>, \
                   BatchNorm<[f32; 36], { epsilon(1e-4) }, { momentum(0.8) }>, \
                   Dense<36, 7, LeakyRelu<1, 10>>, Dense<7, 3>";
type Conv = (
    Conv1d<Signal<11, 3>, Signal<5, 4>, 3, Relu, rosenblatt::layer::Valid, 2>,
    Flatten<Signal<5, 4>, 20>,
    Dense<20, 2>,
);
const CONV: &str = "Conv1d<Signal<11, 3>, Signal<5, 4>, 3, Relu, Valid, 2>, \
                    Flatten<Signal<5, 4>, 20>, Dense<20, 2>";
type Recurrent =
    (Gru<3, 5, 7, All>, Gru<5, 5, 7, All>, Lstm<5, 4, 7, All>, Rnn<4, 6, 7>, Dense<6, 2>);
const RECURRENT: &str = "Gru<3, 5, 7, All>, Gru<5, 5, 7, All>, Lstm<5, 4, 7, All>, Rnn<4, 6, 7>, \
                         Dense<6, 2>";

#[test]
fn predictions_are_those_of_pytorch() {
    let read = |name: &str, net: &str| read_net(name, net).expect(name).model;
    let model = read("torch_mlp.safetensors", PERCEPTRON);
    predicts::<Perceptron, 6, 3>(&model, "torch_mlp.golden.safetensors");
    let model = read("torch_cnn.safetensors", CNN);
    predicts::<Cnn, 144, 3>(&model, "torch_cnn.golden.safetensors");
    let model = read("torch_conv1d.safetensors", CONV);
    predicts::<Conv, 33, 2>(&model, "torch_conv1d.golden.safetensors");
    let model = read("torch_recurrent.safetensors", RECURRENT);
    predicts::<Recurrent, 21, 2>(&model, "torch_recurrent.golden.safetensors");
}

#[test]
fn a_golden_file_of_keras_is_read_in_the_order_of_its_weights() {
    // The list of the weights of `norm` without the values that its model leaves out.
    let found = read("norm.keras");
    let list: Vec<_> = found
        .sources
        .as_ref()
        .expect("it is a model of Keras")
        .iter()
        .flat_map(|source| {
            let values = found.model.layers[source.layer].values().zip(&source.absent);
            values.filter(|(_, absent)| absent.is_none()).map(|((tensor, values), _)| {
                (
                    tensor.shape,
                    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>(),
                )
            })
        })
        .collect();
    let views = |name: &'static str| {
        list.iter().enumerate().map(move |(i, (shape, bytes))| {
            let dtype = safetensors::Dtype::F32;
            let view = safetensors::tensor::TensorView::new(dtype, shape.clone(), bytes);
            (format!("{name}.{i}"), view.expect("the shape is right"))
        })
    };
    let file = safetensors::serialize(views("init").chain(views("final")), None).expect("a file");
    let like = Some((&found.model, found.sources.as_deref()));
    let prefix = Options { prefix: Some("final".into()), modules: None };
    let model = tensors::read(&file, like, &prefix).expect("the list fits");
    assert_eq!(saved_bytes(&model), saved_bytes(&found.model));
    let error = tensors::read(&file, like, &Options::default()).unwrap_err();
    assert!(error.to_string().contains("[\"final\", \"init\"] with --prefix"), "{error}");
}

#[test]
fn both_layouts_and_back_keep_every_bit() {
    let torch = [
        ("torch_mlp.safetensors", PERCEPTRON),
        ("torch_cnn.safetensors", CNN),
        ("torch_conv1d.safetensors", CONV),
        ("torch_recurrent.safetensors", RECURRENT),
    ];
    let torch = torch.map(|(name, net)| read_net(name, net).expect(name).model);
    let keras = ["dense", "norm", "cnn", "pooled", "conv1d", "recurrent", "nested"];
    let keras = keras.map(|name| read(&format!("{name}.keras")).model);
    for model in torch.iter().chain(&keras) {
        for layout in [Layout::Keras, Layout::Torch] {
            let file = tensors::write(model, layout).expect("it can be written");
            // The file names its layers.
            let again = tensors::read(&file, None, &Options::default()).expect("it can be read");
            assert_eq!(saved_bytes(&again), saved_bytes(model), "{layout:?}");
        }
    }
    // A Linear is [outputs, inputs] there; the gates of a GRU are r z n.
    let original = tensors::all(&bytes("torch_recurrent.safetensors")).expect("a file");
    let written = tensors::write(&torch[3], Layout::Torch).expect("it can be written");
    let written = tensors::all(&written).expect("a file");
    assert_eq!(written["0.weight_ih_l0"], original["gru.weight_ih_l0"]);
    assert_eq!(written["1.bias_hh_l0"], original["gru.bias_hh_l1"]);
    assert_eq!(written["4.weight"], original["out.weight"]);
}

#[test]
fn modules_are_found_by_shape_or_by_name() {
    let file = bytes("torch_mlp.safetensors");
    let like = net::read(PERCEPTRON).expect("a type");
    let order = options(&["fc1", "norm", "fc2", "fc10"]);
    let model = tensors::read(&file, Some((&like, None)), &order).expect("these are its modules");
    let found = tensors::read(&file, Some((&like, None)), &Options::default()).expect("as found");
    assert_eq!(saved_bytes(&model), saved_bytes(&found));
    let wrong = options(&["fc1", "norm", "fc2", "fc3"]);
    let error = tensors::read(&file, Some((&like, None)), &wrong).unwrap_err();
    assert!(error.to_string().contains("there is no module \"fc3\""), "{error}");

    // Two squares with names that say nothing of their order.
    let two = net::read("Dense<2, 2, Relu>, Dense<2, 2>").expect("a type");
    let renamed = |a: &str, b: &str| {
        let values = [1.0f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat();
        let view = || {
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 2], &values)
                .expect("the shape is right")
        };
        let tensors = [(format!("{a}.weight"), view()), (format!("{b}.weight"), view())];
        safetensors::serialize(tensors, None).expect("a file")
    };
    let read = |file: &[u8]| tensors::read(file, Some((&two, None)), &Options::default());
    assert!(read(&renamed("net.2", "net.10")).is_ok());
    let error = read(&renamed("value", "advantage")).unwrap_err();
    assert!(error.to_string().contains("--modules advantage,value"), "{error}");
}

#[test]
fn wrong_files_are_errors_that_say_what_was_expected() {
    let error = read_net("torch_mlp.safetensors", "Dense<6, 8>, Dense<8, 3>").unwrap_err();
    assert!(error.contains("2 layers with weights; the file has the 4 modules"), "{error}");
    let wrong = PERCEPTRON.replace("Dense<6, 8, Relu>", "Dense<5, 8, Relu>");
    let error = read_net("torch_mlp.safetensors", &wrong).unwrap_err();
    assert!(error.contains("no module of"), "{error}");
    assert!(error.contains("[[5, 8], [8]]"), "{error}");
    // Of another network.
    let hints = read("dense.keras");
    let like = Some((&hints.model, hints.sources.as_deref()));
    let file = bytes("torch_mlp.safetensors");
    assert!(tensors::read(&file, like, &Options::default()).is_err());
}

/// A file of tensors with the values 1, 2, 3, …, all different.
fn file(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let mut next = 0.0f32;
    let values: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| {
            let mut number = || {
                next += 1.0;
                next.to_le_bytes()
            };
            (0..shape.iter().product()).flat_map(|_| number()).collect()
        })
        .collect();
    let views = tensors.iter().zip(&values).map(|((name, shape), values)| {
        let dtype = safetensors::Dtype::F32;
        let view = safetensors::tensor::TensorView::new(dtype, shape.to_vec(), values);
        (*name, view.expect("the shape is right"))
    });
    safetensors::serialize(views, None).expect("a file")
}

fn read_as(file: &[u8], net: &str) -> Result<rosenblatt_tool::model::Model, String> {
    let like = net::read(net).expect(net);
    let read = tensors::read(file, Some((&like, None)), &Options::default());
    read.map_err(|error| format!("{error:#}"))
}

#[test]
fn layers_of_one_size_come_in_the_order_of_their_numbers() {
    // `head` stands before `lstm` in the alphabet; all three layers of the LSTM have one shape.
    let layer =
        |number: usize| ["weight_ih", "weight_hh"].map(|name| format!("lstm.{name}_l{number}"));
    let names: Vec<String> = (0..3).flat_map(layer).collect();
    let mut all: Vec<(&str, &[usize])> =
        names.iter().map(|name| (name.as_str(), &[8, 2][..])).collect();
    all.extend([("head.weight", &[1, 2][..]), ("head.bias", &[1])]);
    let net = "Lstm<2, 2, 3, All>, Lstm<2, 2, 3, All>, Lstm<2, 2, 3>, Dense<2, 1>";
    let model = read_as(&file(&all), net).expect("one order");
    let first: Vec<f32> = model.layers.iter().map(|layer| layer.params[0]).collect();
    assert_eq!(first, [1.0, 33.0, 65.0, 97.0]);
}

#[test]
fn a_linear_on_each_step_is_a_convolution() {
    let linear = file(&[("fc.weight", &[2, 3]), ("fc.bias", &[2])]);
    let expected = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0, 7.0, 8.0];
    let nets =
        ["Conv1d<Signal<5, 3>, Signal<5, 2>, 1>", "Conv2d<Map<4, 5, 3>, Map<4, 5, 2>, 1, 1>"];
    for net in nets {
        assert_eq!(read_as(&linear, net).expect(net).layers[0].params, expected);
    }
    let error = read_as(&linear, "Conv1d<Signal<5, 3>, Signal<4, 2>, 2>").expect_err("a window");
    assert!(error.contains("no module of [\"fc\"] fits"), "{error}");
}

#[test]
fn an_error_says_what_the_file_has() {
    let both = file(&[
        ("a.weight_ih_l0", &[8, 2]),
        ("a.weight_hh_l0", &[8, 2]),
        ("a.weight_ih_l0_reverse", &[8, 2]),
        ("b.weight_ih_l0_reverse", &[8, 2]),
    ]);
    let error = read_as(&both, "Lstm<2, 2, 3>").expect_err("both directions");
    assert_eq!(error, "Rosenblatt has no layer in both directions: modules {\"a\", \"b\"}");
    let one = file(&[("fc.weight", &[2, 3]), ("fc.bias", &[2])]);
    let error = tensors::read(&one, None, &Options::default()).unwrap_err().to_string();
    assert!(error.ends_with("--like. It has fc.bias [2], fc.weight [2, 3]"), "{error}");
    let prefix = Options { prefix: Some("net".into()), modules: None };
    let like = net::read("Dense<3, 2>").expect("a type");
    let error = tensors::read(&one, Some((&like, None)), &prefix).unwrap_err().to_string();
    assert!(error.starts_with("no tensor's name starts with \"net\". The file has fc"), "{error}");
    let error = format!("{:#}", net::read("Foo<2>, Dense<2, 2>, Bar<1>").unwrap_err());
    assert!(error.contains("layer 0: Rosenblatt has no layer \"Foo\""), "{error}");
    assert!(error.contains("layer 2: Rosenblatt has no layer \"Bar\""), "{error}");
}

#[test]
fn a_network_without_weights_is_a_file_without_tensors() {
    let model = net::read("Activate<[f32; 3], Relu>").expect("a type");
    for layout in [Layout::Keras, Layout::Torch] {
        let file = tensors::write(&model, layout).expect("it can be written");
        let again = tensors::read(&file, None, &Options::default()).expect("it can be read");
        assert_eq!(again.layers, model.layers);
    }
}
