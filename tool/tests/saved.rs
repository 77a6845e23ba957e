//! The tool's files and types are those of the library, for every kind of layer.

use rosenblatt::{
    activation::Step,
    layer::{
        Activate, All, AvgPool1d, AvgPool2d, GlobalAvgPool1d, Map, Reshape, Same, Signal, Valid,
    },
    prelude::*,
    sequential::Layers,
};
use rosenblatt_tool::{
    net,
    rust::{Names, net as type_of},
    saved,
};

/// The library's file of this network, read, is written as the same bytes; its type is `text`, and
/// `text` is read as the same layers.
fn same<T: Layers>(text: &str) {
    let mut net = Sequential::<T>::init(Seed(1957));
    for (i, w) in net.weights_mut().iter_mut().enumerate() {
        *w += i as f32 * 1e-3;
    }
    let mut file = vec![0; Sequential::<T>::SAVED_BYTES];
    net.save(&mut file).expect("the weights are finite");
    let (header, model) = saved::read(&file).expect(text);
    assert_eq!(header.holds, saved::Holds::Model);
    assert_eq!(saved::write(&model).expect(text), file, "{text}");
    let weights: Vec<f32> =
        model.layers.iter().flat_map(|layer| layer.params.iter().copied()).collect();
    assert_eq!(weights, net.weights(), "{text}");
    assert_eq!(type_of(&model, Names::Short), format!("Sequential<({text})>"));
    // As text: the same layers with weights of zero.
    for text in [
        text.to_owned(),
        format!("Mlp<({},)>", text.trim_end_matches(',')),
        type_of(&model, Names::Full),
    ] {
        let mut read = net::read(&text).expect(&text);
        for (to, from) in read.layers.iter_mut().zip(&model.layers) {
            (to.params, to.buffers) = (from.params.clone(), from.buffers.clone());
        }
        assert_eq!(saved::write(&read).expect(&text), file, "{text}");
    }
}

/// Calls `same` with a type and its text.
macro_rules! same {
    ($($layers:ty = $text:literal;)*) => {$(same::<$layers>($text);)*};
}

#[test]
fn every_layer_is_that_of_the_library() {
    same! {
        (Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>) = "Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>";
        (Dense<3, 5>,) = "Dense<3, 5>,";
        (Dense<3, 5, Step>,) = "Dense<3, 5, Step>,";
        (Dense<3, 5, LeakyRelu<1, 100>>, Dense<5, 3, Softmax>) =
            "Dense<3, 5, LeakyRelu<1, 100>>, Dense<5, 3, Softmax>";
        (Dense<3, 5, LeakyRelu<3, 10>>, Activate<[f32; 5], Relu>) =
            "Dense<3, 5, LeakyRelu<3, 10>>, Activate<[f32; 5], Relu>";
        (
            Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3, Relu>,
            MaxPool2d<Map<6, 6, 8>, Map<3, 3, 8>, 2>,
            Conv2d<Map<3, 3, 8>, Map<2, 2, 16>, 3, 3, Relu, Same, 2>,
            Flatten<Map<2, 2, 16>, 64>,
            Dense<64, 10, Softmax>,
        ) = "Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3, Relu>, \
             MaxPool2d<Map<6, 6, 8>, Map<3, 3, 8>, 2>, \
             Conv2d<Map<3, 3, 8>, Map<2, 2, 16>, 3, 3, Relu, Same, 2>, \
             Flatten<Map<2, 2, 16>, 64>, Dense<64, 10, Softmax>";
        (Conv2d<Map<7, 9, 2>, Map<3, 9, 4>, 3, 1, Linear, Valid, 2, 1>,) =
            "Conv2d<Map<7, 9, 2>, Map<3, 9, 4>, 3, 1, Linear, Valid, 2, 1>,";
        (AvgPool2d<Map<7, 9, 2>, Map<3, 9, 2>, 3, 1, Valid, 2, 1>,) =
            "AvgPool2d<Map<7, 9, 2>, Map<3, 9, 2>, 3, 1, Valid, 2, 1>,";
        (MaxPool2d<Map<7, 9, 2>, Map<3, 3, 2>, 2, 3>,) =
            "MaxPool2d<Map<7, 9, 2>, Map<3, 3, 2>, 2, 3>,";
        (MaxPool2d<Map<3, 3, 1>, Map<2, 2, 1>, 2, 2, Valid, 1>,) =
            "MaxPool2d<Map<3, 3, 1>, Map<2, 2, 1>, 2, 2, Valid, 1>,";
        (AvgPool2d<Map<3, 3, 1>, Map<2, 2, 1>, 2, 2, Same>,) =
            "AvgPool2d<Map<3, 3, 1>, Map<2, 2, 1>, 2, 2, Same>,";
        (
            Conv1d<Signal<9, 2>, Signal<7, 4>, 3, Tanh>,
            Conv1d<Signal<7, 4>, Signal<4, 3>, 3, Linear, Same, 2>,
            MaxPool1d<Signal<4, 3>, Signal<2, 3>, 2>,
            AvgPool1d<Signal<2, 3>, Signal<2, 3>, 1>,
            GlobalAvgPool1d<Signal<2, 3>>,
        ) = "Conv1d<Signal<9, 2>, Signal<7, 4>, 3, Tanh>, \
             Conv1d<Signal<7, 4>, Signal<4, 3>, 3, Linear, Same, 2>, \
             MaxPool1d<Signal<4, 3>, Signal<2, 3>, 2>, AvgPool1d<Signal<2, 3>, Signal<2, 3>, 1>, \
             GlobalAvgPool1d<Signal<2, 3>>";
        (MaxPool1d<Signal<9, 2>, Signal<5, 2>, 3, Same, 2>,) =
            "MaxPool1d<Signal<9, 2>, Signal<5, 2>, 3, Same, 2>,";
        (Reshape<[f32; 12], Map<2, 3, 2>>, GlobalAvgPool2d<Map<2, 3, 2>>) =
            "Reshape<[f32; 12], Map<2, 3, 2>>, GlobalAvgPool2d<Map<2, 3, 2>>";
        (Dense<2, 4>, BatchNorm<[f32; 4]>, Activate<[f32; 4], Relu>, LayerNorm<[f32; 4]>) =
            "Dense<2, 4>, BatchNorm<[f32; 4]>, Activate<[f32; 4], Relu>, LayerNorm<[f32; 4]>";
        (BatchNorm<Map<2, 3, 4>>, LayerNorm<Map<2, 3, 4>>) =
            "BatchNorm<Map<2, 3, 4>>, LayerNorm<Map<2, 3, 4>>";
        (Dense<2, 4>, Dropout<[f32; 4], { rate(0.25) }>, Dropout<[f32; 4], { rate(0.1) }, 7>) =
            "Dense<2, 4>, Dropout<[f32; 4], { rate(0.25) }>, Dropout<[f32; 4], { rate(0.1) }, 7>";
        (Rnn<3, 4, 5, Tanh, All>, Rnn<4, 2, 5>) = "Rnn<3, 4, 5, Tanh, All>, Rnn<4, 2, 5>";
        (Rnn<3, 4, 5, Relu>, Dense<4, 1>) = "Rnn<3, 4, 5, Relu>, Dense<4, 1>";
        (Gru<1, 8, 16, All>, Gru<8, 4, 16>, Dense<4, 1>) =
            "Gru<1, 8, 16, All>, Gru<8, 4, 16>, Dense<4, 1>";
        (Lstm<1, 8, 16, All>, Lstm<8, 4, 16>) = "Lstm<1, 8, 16, All>, Lstm<8, 4, 16>";
    }
}

#[test]
fn every_wrong_byte_is_an_error() {
    let mut net = Sequential::<(Dense<2, 3, Tanh>, BatchNorm<[f32; 3]>)>::init(Seed(1));
    net.weights_mut()[0] = 0.25;
    let mut file = vec![0; Sequential::<(Dense<2, 3, Tanh>, BatchNorm<[f32; 3]>)>::SAVED_BYTES];
    net.save(&mut file).expect("the weights are finite");
    saved::read(&file).expect("it is right");
    for bit in 0..8 * file.len() {
        let mut wrong = file.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        // The version of the contract is part of the checksum.
        assert!(saved::read(&wrong).is_err(), "bit {bit}");
    }
    for len in 0..file.len() {
        assert!(saved::read(&file[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn wrong_types_are_errors_that_name_them_all() {
    let error = |text: &str| format!("{:#}", net::read(text).expect_err(text));
    assert_eq!(
        error("Dense<2, 8, Tanh>, Dens<8, 1>, Dense<8, Relu>"),
        "2 problems:\n  layer 1: Rosenblatt has no layer \"Dens\"\n  \
         layer 2, Dense, parameter 2: a number is expected"
    );
    let wrong = error("Dense<2, 8, Tanh>, Dense<9, 1>");
    assert_eq!(wrong, "layer 1 takes [9]; the layer before it gives [8]");
    assert!(error("2 + 2").contains("is not the type of a network"));
    assert!(error("Dense<2, 1, Softmax>").contains("a softmax over one value is always 1"));
    assert!(error("Dense<2, 99999999999>").contains("too large"));
    let wrong = error("Conv2d<Map<8, 8, 1>, Map<8, 8, 8>, 3, 3>");
    assert_eq!(wrong, "layer 0, Conv2d gives [6, 6, 8]; the type says [8, 8, 8]");
}
