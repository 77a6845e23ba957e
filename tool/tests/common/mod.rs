//! Files of the tests, and predictions by the library.

#![allow(dead_code, reason = "each test uses what it needs")]

use rosenblatt::{kernels::array::reshape_rows, prelude::*, sequential::Layers};
use rosenblatt_tool::{
    files::{self, Found, Hints},
    model::Model,
    saved,
    tensors::{self, Options},
};
use std::path::PathBuf;

/// A file in `tests/data`.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect(name)
}

pub fn read(name: &str) -> Found {
    files::read(&path(name), &Hints::default()).expect(name)
}

/// A file of weights for the layers of another file.
pub fn read_like(name: &str, like: &str) -> Found {
    files::read(&path(name), &Hints { like: Some(read(like)), ..Hints::default() }).expect(name)
}

/// A file of weights for layers in words.
pub fn read_net(name: &str, net: &str) -> Result<Found, String> {
    let hints = Hints { net: Some(net.into()), ..Hints::default() };
    files::read(&path(name), &hints).map_err(|error| format!("{error:#}"))
}

/// The file of a model.
pub fn saved_bytes(model: &Model) -> Vec<u8> {
    saved::write(model).expect("the model can be saved")
}

/// The largest difference between what the library's network `T` predicts with the weights of a
/// model, and the golden outputs of a file. `I` and `O` are the numbers of values of a sample.
pub fn difference<T: Layers, const I: usize, const O: usize>(model: &Model, golden: &str) -> f32 {
    let mut net = Sequential::<T>::boxed(Seed(0));
    net.load(&saved_bytes(model)).expect("the model has the layers of the type");
    let golden = tensors::all(&bytes(golden)).expect(golden);
    let x = reshape_rows::<[f32; I], _>(golden["x"].1.as_chunks().0);
    let mut largest = 0.0f32;
    assert_eq!(golden["y"].1.len(), x.len() * O);
    for (x, t) in x.iter().zip(golden["y"].1.as_chunks::<O>().0) {
        let y = [net.predict(x)];
        for (y, t) in reshape_rows::<_, [f32; O]>(&y)[0].iter().zip(t) {
            largest = largest.max((y - t).abs());
            assert!(y.is_finite());
        }
    }
    largest
}

/// The golden outputs within 1e-5.
pub fn predicts<T: Layers, const I: usize, const O: usize>(model: &Model, golden: &str) {
    let largest = difference::<T, I, O>(model, golden);
    assert!(largest <= 1e-5, "{golden}: {largest:e}");
}

/// Options for a file of tensors.
pub fn options(modules: &[&str]) -> Options {
    let modules = modules.iter().map(|module| (*module).to_owned()).collect();
    Options { prefix: None, modules: Some(modules) }
}
