//! A Python module of three classes over `rosenblatt`: samples, devices that learn them, and the
//! exact mean of their networks. A network crosses to Python as the bytes of a saved model only.

mod device;

use pyo3::prelude::*;

/// The module `rosenblatt_flower`.
#[pymodule]
mod rosenblatt_flower {
    use super::device;
    use pyo3::{exceptions::PyValueError, prelude::*};
    use std::path::PathBuf;

    /// Handwritten digits.
    #[pyclass(frozen)]
    struct Samples(device::Samples);

    #[pymethods]
    impl Samples {
        /// Four fifths of a file for training, and the rest for the test.
        #[staticmethod]
        fn split(path: PathBuf) -> PyResult<(Self, Self)> {
            let (train, test) = device::Samples::split(&path).map_err(error)?;
            Ok((Self(train), Self(test)))
        }

        /// The samples of device `number` of `devices`, which no other device has.
        fn share(&self, number: usize, devices: usize) -> PyResult<Self> {
            self.0.share(number, devices).map(Self).map_err(error)
        }

        fn __len__(&self) -> usize {
            self.0.len()
        }
    }

    /// A device: a network, its trainer, and its own samples.
    #[pyclass]
    struct Device(device::Device);

    #[pymethods]
    impl Device {
        /// A device with the initial weights, which are the same on every device.
        #[new]
        fn new(samples: &Samples) -> Self {
            Self(device::Device::new(samples.0.clone()))
        }

        /// Learns for some epochs, and returns the mean loss of the last one. Other threads run
        /// meanwhile.
        fn fit(&mut self, py: Python<'_>, epochs: usize, seed: u64) -> PyResult<f32> {
            py.detach(|| self.0.fit(epochs, seed)).map_err(error)
        }

        /// The mean loss over its samples, and the share that it reads correctly.
        fn evaluate(&mut self, py: Python<'_>) -> PyResult<(f32, f32)> {
            let evaluation = py.detach(|| self.0.evaluate()).map_err(error)?;
            Ok((evaluation.loss, evaluation.accuracy()))
        }

        /// The network as a saved model.
        fn save(&self) -> PyResult<Vec<u8>> {
            self.0.save().map_err(error)
        }

        /// Replaces the network by a saved model.
        fn load(&mut self, model: &[u8]) -> PyResult<()> {
            self.0.load(model).map_err(error)
        }

        /// Hash of the weights, equal on every machine.
        fn hash(&self) -> String {
            format!("{:016x}", self.0.hash())
        }
    }

    /// The exact mean of saved models, the same in any order.
    #[pyclass]
    struct Aggregator(device::Aggregator);

    #[pymethods]
    impl Aggregator {
        /// The mean of no models.
        #[new]
        fn new() -> Self {
            Self(device::Aggregator::new())
        }

        /// Adds a saved model of a device that has learnt from so many samples.
        fn add(&mut self, model: &[u8], samples: u32) -> PyResult<()> {
            self.0.add(model, samples).map_err(error)
        }

        /// The mean as a saved model.
        fn mean(&mut self) -> PyResult<Vec<u8>> {
            self.0.mean().map_err(error)
        }
    }

    /// The library's message as a `ValueError`.
    fn error(error: anyhow::Error) -> PyErr {
        PyValueError::new_err(format!("{error:#}"))
    }
}
