//! Files with what they compute, predictions of a converted model, and attacks on a reader.

// Each test has a copy of this module and uses a part of it.
#![allow(dead_code, reason = "each test uses a part of this module")]

use rosenblatt::kernels::F32Array;
use rosenblatt_tool::model::{Kind, Model};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The path of a file for tests.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A file for tests.
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect(name)
}

/// Golden values: `GROUP.json`.
pub struct Golden(Value);

impl Golden {
    /// Those of a group.
    pub fn of(group: &str) -> Self {
        Self(serde_json::from_slice(&bytes(group)).expect(group))
    }

    /// The entries.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.as_object().expect("an object").keys().map(|name| &name[..])
    }

    /// Numbers of an entry.
    pub fn numbers(&self, name: &str, key: &str) -> Vec<f32> {
        numbers(&self.0[name][key])
    }

    /// All weights of an entry, tensor by tensor.
    pub fn weights(&self, name: &str) -> Vec<Vec<f32>> {
        let all = self.0[name]["weights"].as_array().expect("weights");
        all.iter().map(numbers).collect()
    }

    /// The file in an entry.
    pub fn file(&self, name: &str) -> Vec<u8> {
        let digits = self.0[name]["file"].as_str().expect(name);
        let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).expect(name);
        (0..digits.len()).step_by(2).map(byte).collect()
    }
}

fn numbers(value: &Value) -> Vec<f32> {
    let number = |value: &Value| value.as_f64().expect("a number") as f32;
    value.as_array().expect("an array").iter().map(number).collect()
}

/// The tensors of a model, in Keras' order.
pub fn tensors(model: &Model) -> Vec<Vec<f32>> {
    model.layers.iter().flat_map(|layer| layer.values()).map(|(_, all)| all.to_vec()).collect()
}

/// What the layers compute, without their values.
pub fn kinds(model: &Model) -> Vec<Kind> {
    model.layers.iter().map(|layer| layer.kind.clone()).collect()
}

/// An array of these values.
pub fn array<A: F32Array>(values: &[f32]) -> A {
    let mut array = A::ZERO;
    array.as_flat_mut().copy_from_slice(values);
    array
}

/// y of a network of the type `$net` with the weights of a model.
macro_rules! predict {
    ($net:ty, $model:expr, $x:expr) => {{
        let mut net = <$net>::ZERO;
        let tensors = $crate::graph::tensors($model);
        net.set_tensors(&tensors.iter().map(|all| &all[..]).collect::<Vec<_>>()).unwrap();
        let y = net.predict(&$crate::graph::array($x));
        rosenblatt::kernels::F32Array::as_flat(&y).to_vec()
    }};
}
pub(crate) use predict;

/// Asserts that two rows of numbers are equal within 1e-5.
pub fn close(name: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{name}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{name}: {a} instead of {b}");
    }
}

/// Reads a file with each byte changed, and each beginning of it; a small file also with other
/// bytes, lengths and offsets everywhere. A panic fails the test.
pub fn attack<T>(file: &[u8], read: impl Fn(&[u8]) -> T) {
    let mut broken = file.to_vec();
    let small = file.len() < 1600;
    let bytes: &[u8] = if small { &[0xff, 0x80, 0x01, 0x04] } else { &[0xff] };
    let lengths: &[u32] = if small { &[u32::MAX, 1 << 24, 0] } else { &[] };
    for i in 0..file.len() {
        for change in bytes {
            broken[i] ^= change;
            read(&broken);
            broken[i] ^= change;
        }
        for value in lengths.iter().filter(|_| i + 4 <= file.len()) {
            broken[i..i + 4].copy_from_slice(&value.to_le_bytes());
            read(&broken);
            broken[i..i + 4].copy_from_slice(&file[i..i + 4]);
        }
        read(&file[..i]);
    }
}
