//! Models of Keras: read, predicted, written.

mod common;

use common::{bytes, path, predicts, read, read_like, read_net, saved_bytes};
use rosenblatt::{
    layer::{Activate, All, AvgPool1d, Map, Reshape, Same, Signal, Valid, epsilon, momentum},
    prelude::*,
};
use rosenblatt_tool::{
    files::{self, Found, Hints, Target},
    fold, keras,
    model::Kind,
    net,
    tensors::Layout,
};
use serde_json::{Value, json};
use std::io::{Cursor, Read as _, Write as _};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

type DenseNet = (
    Dense<5, 8, Relu>,
    Dropout<[f32; 8], { rate(0.25) }>,
    Dense<8, 7, LeakyRelu<3, 10>>,
    Dense<7, 6, LeakyRelu<1, 5>>,
    Dense<6, 6, Sigmoid>,
    Dense<6, 4>,
    Activate<[f32; 4], Softmax>,
);
type NormNet = (
    Dense<5, 8>,
    BatchNorm<[f32; 8], { epsilon(1e-5) }, { momentum(0.9) }>,
    Activate<[f32; 8], Relu>,
    Dense<8, 6, Tanh>,
    LayerNorm<[f32; 6], { epsilon(1e-6) }>,
    Dense<6, 6>,
    BatchNorm<[f32; 6]>,
    BatchNorm<[f32; 6]>,
    Activate<[f32; 6], Tanh>,
    LayerNorm<[f32; 6]>,
    Dense<6, 3>,
);
type Cnn = (
    Conv2d<Map<9, 8, 2>, Map<4, 7, 4>, 3, 2, Tanh, Valid, 2, 1>,
    MaxPool2d<Map<4, 7, 4>, Map<2, 4, 4>, 2, 2, Same>,
    Conv2d<Map<2, 4, 4>, Map<2, 4, 5>, 3, 3, Linear, Same>,
    BatchNorm<Map<2, 4, 5>>,
    Activate<Map<2, 4, 5>, LeakyRelu<1, 10>>,
    AvgPool2d<Map<2, 4, 5>, Map<2, 3, 5>, 1, 2, Valid, 1>,
    GlobalAvgPool2d<Map<2, 3, 5>>,
    Dense<5, 3, Softmax>,
);
type Pooled = (
    Reshape<[f32; 12], Map<2, 3, 2>>,
    Conv2d<Map<2, 3, 2>, Map<1, 2, 3>, 2, 2, Relu>,
    MaxPool2d<Map<1, 2, 3>, Map<1, 1, 3>, 1, 2>,
    Flatten<Map<1, 1, 3>, 3>,
    Dense<3, 2>,
);
type Conv = (
    Conv1d<Signal<11, 3>, Signal<6, 4>, 3, Relu, Same, 2>,
    MaxPool1d<Signal<6, 4>, Signal<5, 4>, 2, Valid, 1>,
    Conv1d<Signal<5, 4>, Signal<4, 3>, 2>,
    AvgPool1d<Signal<4, 3>, Signal<2, 3>, 2, Same>,
    Flatten<Signal<2, 3>, 6>,
    Dense<6, 2, Sigmoid>,
);
type Recurrent = (
    Rnn<3, 5, 6, Tanh, All>,
    Gru<5, 4, 6, All>,
    Lstm<4, 4, 6, All>,
    Gru<4, 3, 6, All>,
    Rnn<3, 4, 6, Relu>,
    Dense<4, 2>,
);
type Nested = (
    Dense<5, 6, Tanh>,
    Dense<6, 6>,
    BatchNorm<[f32; 6]>,
    Dense<6, 4, Relu>,
    Dense<4, 3>,
    Dense<3, 2>,
);

type Steps = (
    Conv2d<Map<3, 4, 2>, Map<3, 4, 3>, 1, 1, Tanh>,
    Reshape<Map<3, 4, 3>, Signal<12, 3>>,
    Conv1d<Signal<12, 3>, Signal<12, 4>, 1, Relu>,
    Gru<4, 3, 12>,
    Dense<3, 2>,
);

#[test]
fn predictions_are_those_of_keras() {
    predicts::<Steps, 24, 2>(&read("steps.keras").model, "steps.safetensors");
    predicts::<DenseNet, 5, 4>(&read("dense.keras").model, "dense.safetensors");
    predicts::<NormNet, 5, 3>(&read("norm.keras").model, "norm.safetensors");
    predicts::<Cnn, 144, 3>(&read("cnn.keras").model, "cnn.safetensors");
    predicts::<Pooled, 12, 2>(&read("pooled.keras").model, "pooled.safetensors");
    predicts::<Conv, 33, 2>(&read("conv1d.keras").model, "conv1d.safetensors");
    predicts::<Recurrent, 18, 2>(&read("recurrent.keras").model, "recurrent.safetensors");
    predicts::<Nested, 5, 2>(&read("nested.keras").model, "nested.safetensors");
}

#[test]
fn the_older_formats_give_the_same_bits() {
    for name in ["dense", "norm", "cnn", "conv1d", "recurrent", "nested"] {
        let (whole, archive) = (format!("{name}.h5"), format!("{name}.keras"));
        assert_eq!(saved_bytes(&read(&whole).model), saved_bytes(&read(&archive).model), "{name}");
    }
    for name in ["norm", "recurrent", "nested"] {
        let archive = format!("{name}.keras");
        let expected = saved_bytes(&read(&archive).model);
        for end in ["weights.h5", "old.h5"] {
            let found = read_like(&format!("{name}.{end}"), &archive).model;
            assert_eq!(saved_bytes(&found), expected, "{name}.{end}");
        }
    }
    // A bias that is not used is found without the model too.
    let net = "Rnn<3, 5, 6, Tanh, All>, Gru<5, 4, 6, All>, Lstm<4, 4, 6, All>, Gru<4, 3, 6, All>, \
               Rnn<3, 4, 6, Relu>, Dense<4, 2>";
    let found = read_net("recurrent.weights.h5", net).expect("it has these layers").model;
    assert_eq!(saved_bytes(&found), saved_bytes(&read("recurrent.keras").model));
}

#[test]
fn weights_alone_need_layers() {
    let error = files::read(&path("norm.weights.h5"), &Hints::default()).unwrap_err();
    assert!(format!("{error:#}").contains("--net"), "{error:#}");
    let error = read_net("recurrent.weights.h5", "Dense<5, 8>, Dense<8, 3>").unwrap_err();
    assert!(error.contains("there is no layers/dense_1/vars/0"), "{error}");
}

#[test]
fn to_keras_and_back_keeps_every_bit() {
    for name in ["dense", "norm", "cnn", "pooled", "conv1d", "recurrent", "nested", "steps"] {
        let model = read(&format!("{name}.keras")).model;
        let written = keras::write(&model).expect(name);
        assert_eq!(written, keras::write(&model).expect(name), "equal models are equal files");
        let again = files::parse(&written, &Hints::default()).expect(name);
        assert!(again.notes.is_empty());
        assert_eq!(saved_bytes(&again.model), saved_bytes(&model), "{name}");
    }
}

#[test]
fn everything_that_is_missing_is_named() {
    let error = |name: &str| {
        let error = files::read(&path(name), &Hints::default()).expect_err(name);
        let (_, after) = format!("{error:#}")
            .split_once(".keras: ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect(name);
        after
    };
    assert_eq!(
        error("unknown.keras"),
        "the network cannot be converted: 5 problems:\n  \
         layer \"conv2d\" (Conv2D): dilation_rate is [2,2]; 1 is expected\n  \
         layer \"separable_conv2d\" (SeparableConv2D): Rosenblatt has no such layer\n  \
         layer \"up_sampling2d\" (UpSampling2D): Rosenblatt has no such layer\n  \
         layer \"dense\" (Dense): Rosenblatt has no activation \"gelu\"\n  \
         layer \"dense_1\" (Dense): Rosenblatt has no activation \"silu\""
    );
    assert_eq!(
        error("branched.keras"),
        "the network cannot be converted: 2 problems:\n  \
         two layers take the output of \"start\"; a chain is expected\n  \
         layer \"sum\" (Add): Rosenblatt has no such layer"
    );
}

/// An archive with another configuration.
fn archive(name: &str, config: &[u8]) -> Vec<u8> {
    let mut from = ZipArchive::new(Cursor::new(bytes(name))).expect(name);
    let mut weights = Vec::new();
    let part = from.by_name("model.weights.h5").expect(name).read_to_end(&mut weights);
    part.expect(name);
    let mut to = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (part, bytes) in [("config.json", config), ("model.weights.h5", &weights)] {
        to.start_file(part, options).expect(part);
        to.write_all(bytes).expect(part);
    }
    to.finish().expect(name).into_inner()
}

/// A file of the tests, with settings changed: of the model, then of its layers of a class.
fn edited(name: &str, class: &str, settings: &Value) -> Result<Found, String> {
    let mut from = ZipArchive::new(Cursor::new(bytes(name))).expect(name);
    let config = from.by_name("config.json").expect(name);
    let mut config: Value = serde_json::from_reader(config).expect(name);
    let set = |to: &mut Value| {
        for (key, value) in settings.as_object().expect("settings") {
            to[key] = value.clone();
        }
    };
    if class == "Model" {
        set(&mut config["config"]);
    } else {
        let layers = config["config"]["layers"].as_array_mut().expect("layers");
        layers
            .iter_mut()
            .filter(|layer| layer["class_name"] == class)
            .for_each(|layer| set(&mut layer["config"]));
    }
    let file = archive(name, config.to_string().as_bytes());
    files::parse_unguarded(&file, &Hints::default()).map_err(|error| format!("{error:#}"))
}

#[test]
fn every_wrong_setting_of_a_layer_is_named() {
    let wrong = json!({ "go_backwards": true, "reset_after": false, "activation": "relu" });
    let error = edited("recurrent.keras", "GRU", &wrong).expect_err("three wrong settings");
    for gru in ["gru", "gru_1"] {
        let expected = format!(
            "layer \"{gru}\" (GRU): go_backwards is true; false is expected; reset_after is false; \
             true is expected; activation is \"relu\"; \"tanh\" is expected"
        );
        assert!(error.contains(&expected), "{error}");
    }
    let wrong = json!({ "groups": 2, "dilation_rate": [2, 2] });
    let error = edited("cnn.keras", "Conv2D", &wrong).expect_err("two wrong settings");
    assert!(error.contains("dilation_rate is [2,2]; 1 is expected; groups is 2; 1"), "{error}");
    // A product that does not fit 64 bits.
    let wrong = json!({ "target_shape": [-1, 4_294_967_296u64, 4_294_967_297u64] });
    let error = edited("pooled.keras", "Reshape", &wrong).expect_err("too large");
    assert!(error.contains("target_shape is [-1,4294967296,4294967297]"), "{error}");
    // Without a shape there is one problem, not also a network without layers.
    let open = json!({ "build_input_shape": [null, null] });
    let error = edited("dense.keras", "Model", &open).expect_err("an open shape");
    assert!(error.contains("give it with --input"), "{error}");
    assert!(!error.contains("problems"), "{error}");
}

#[test]
fn the_output_is_that_of_the_last_layer() {
    let last = json!({ "output_layers": ["dense", 0, 0] });
    assert!(edited("cnn.keras", "Model", &last).is_ok());
    for outputs in [json!([["conv2d", 0, 0], ["dense", 0, 0]]), json!(["conv2d", 0, 0])] {
        let two = json!({ "output_layers": outputs });
        let error = edited("cnn.keras", "Model", &two).expect_err("another output");
        assert!(error.contains("the model gives the outputs of [\"conv2d\""), "{error}");
    }
}

#[test]
fn a_mean_can_keep_its_axes() {
    let found = edited("cnn.keras", "GlobalAveragePooling2D", &json!({ "keepdims": true }));
    let model = found.expect("it is a reshape").model;
    let shapes: Vec<_> = model.layers[6..].iter().map(|layer| &layer.output[..]).collect();
    assert_eq!(shapes, [&[5][..], &[1, 1, 5], &[1, 1, 3]]);
    assert_eq!(model.layers[7].kind, Kind::Reshape);
}

#[test]
fn another_precision_is_noted() {
    let half = json!({ "class_name": "DTypePolicy", "config": { "name": "mixed_float16" } });
    let found = edited("dense.keras", "Softmax", &json!({ "dtype": half })).expect("it is read");
    assert_eq!(
        found.notes,
        ["layer \"softmax\": Keras computes it in mixed_float16, Rosenblatt in float32: \
          predictions differ"]
    );
}

#[test]
fn a_configuration_is_no_bomb() {
    // 256 MiB of zeros would become gigabytes of values.
    let zeros = [b"[0".to_vec(), b",0".repeat(1 << 22), b"]".to_vec()].concat();
    let file = archive("dense.keras", &zeros);
    assert!(file.len() < 1 << 17);
    let error = files::parse(&file, &Hints::default()).unwrap_err();
    assert!(format!("{error:#}").contains("config.json in it has more than 8 MiB"), "{error:#}");
}

#[test]
fn what_keras_does_not_have_is_not_written() {
    let model = net::read("Conv1d<Signal<4, 2>, Signal<3, 2>, 2, Step>").expect("a type");
    let error = keras::write(&model).unwrap_err();
    assert_eq!(error.to_string(), "layer \"layer_0\": Keras has no step function");
    // Nor what the library's types refuse.
    let error = net::read("Conv1d<Signal<4, 2>, Signal<3, 1>, 2, Softmax>").unwrap_err();
    assert!(format!("{error:#}").contains("a softmax over one value"), "{error:#}");
}

#[test]
fn folded_networks_predict_the_same() {
    // `cnn` loses its normalization and gains the activation behind it.
    type Folded = (
        Conv2d<Map<9, 8, 2>, Map<4, 7, 4>, 3, 2, Tanh, Valid, 2, 1>,
        MaxPool2d<Map<4, 7, 4>, Map<2, 4, 4>, 2, 2, Same>,
        Conv2d<Map<2, 4, 4>, Map<2, 4, 5>, 3, 3, LeakyRelu<1, 10>, Same>,
        AvgPool2d<Map<2, 4, 5>, Map<2, 3, 5>, 1, 2, Valid, 1>,
        GlobalAvgPool2d<Map<2, 3, 5>>,
        Dense<5, 3, Softmax>,
    );
    let folded = fold::fold(&read("cnn.keras").model).expect("it can be folded");
    predicts::<Folded, 144, 3>(&folded, "cnn.safetensors");
    // Two in a row are folded one after the other.
    type Norm = (
        Dense<5, 8, Relu>,
        Dense<8, 6, Tanh>,
        LayerNorm<[f32; 6], { epsilon(1e-6) }>,
        Dense<6, 6, Tanh>,
        LayerNorm<[f32; 6]>,
        Dense<6, 3>,
    );
    let folded = fold::fold(&read("norm.keras").model).expect("it can be folded");
    predicts::<Norm, 5, 3>(&folded, "norm.safetensors");
    let mut model = read("norm.keras").model;
    model.layers.remove(0);
    let error = fold::fold(&model).unwrap_err();
    assert!(format!("{error}").contains("\"batch_normalization\" is not folded"), "{error}");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target { layout: Layout::Keras, name: "Net", source: "test" };
    let mut model = read("dense.keras").model;
    for end in ["rosenblatt", "keras", "safetensors", "rs"] {
        let path = folder.path().join(format!("net.{end}"));
        files::write(&path, &model, &target).expect(end);
        assert!(path.exists());
    }
    model.layers[0].params[3] = f32::NAN;
    for end in ["rosenblatt", "keras", "safetensors", "rs"] {
        let path = folder.path().join(format!("new.{end}"));
        let error = files::write(&path, &model, &target).expect_err(end);
        assert_eq!(
            format!("{error:#}"),
            "layer \"dense\", kernel: value 3 is NaN, which is not finite"
        );
        assert!(!path.exists());
    }
    let error = files::write(&folder.path().join("net.pdf"), &model, &target).unwrap_err();
    assert!(format!("{error}").contains("the name ends in none of"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 4);
    let model = read("dense.keras").model;
    let none = folder.path().join("no");
    let error = files::write(&none.join("net.rs"), &model, &target).unwrap_err();
    let expected = format!("cannot be written: there is no folder {}", none.display());
    assert!(format!("{error:#}").ends_with(&expected), "{error:#}");
    let place = folder.path().join("folder.rs");
    std::fs::create_dir(&place).expect("a folder");
    let error = files::write(&place, &model, &target).unwrap_err();
    assert!(format!("{error:#}").ends_with("cannot be written: it is a folder"), "{error:#}");
    let error = files::parse(b"", &Hints::default()).unwrap_err();
    assert_eq!(format!("{error:#}"), "the file is empty");
}

#[test]
fn damaged_files_are_errors() {
    for name in ["nested.keras", "nested.h5", "nested.weights.h5", "nested.safetensors"] {
        let good = bytes(name);
        let hints = Hints { like: Some(read("nested.keras")), ..Hints::default() };
        for len in (0..good.len()).step_by(211) {
            let _ = files::parse(&good[..len], &hints);
        }
        let mut wrong = good.clone();
        for at in (0..good.len()).step_by(97) {
            wrong[at] ^= 0x55;
            let _ = files::parse(&wrong, &hints);
            wrong[at] = good[at];
        }
    }
}
