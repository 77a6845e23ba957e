"""Writes the models of Keras that the tests read, with what Keras predicts.

python3 -m venv venv && venv/bin/pip install keras==3.15.1 'jax[cpu]' h5py safetensors
KERAS_BACKEND=jax venv/bin/python make_keras.py

Each NAME.keras has a NAME.safetensors beside it: `x`, samples, and `y`, the predictions. NAME.h5 is
the older format of whole models, NAME.weights.h5 and NAME.old.h5 hold weights only.
"""
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
import h5py
import keras
import numpy as np
from keras import layers as L
from keras.src.legacy.saving import legacy_h5_format
from safetensors.numpy import save_file

rng = np.random.default_rng(1957)


def dense():
    return keras.Sequential([
        L.Input((5,)),
        L.Dense(8, "relu"),
        L.Dropout(0.25),
        L.Dense(7, activation=L.LeakyReLU(negative_slope=0.3), use_bias=False),
        L.Dense(6, "leaky_relu"),
        L.Dense(6, "sigmoid"),
        L.Dense(4),
        L.Softmax(),
    ])


def norm():
    return keras.Sequential([
        L.Input((5,)),
        L.Dense(8),
        L.BatchNormalization(epsilon=1e-5, momentum=0.9),
        L.ReLU(),
        L.Dense(6, "tanh"),
        L.LayerNormalization(epsilon=1e-6),
        L.Dense(6),
        L.BatchNormalization(scale=False),
        L.BatchNormalization(center=False),
        L.Activation("tanh"),
        L.LayerNormalization(center=False),
        L.Dense(3),
    ])


def cnn():
    x = start = L.Input((9, 8, 2))
    x = L.Conv2D(4, (3, 2), strides=(2, 1), activation="tanh")(x)
    x = L.MaxPooling2D(2, padding="same")(x)
    x = L.Conv2D(5, 3, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    x = L.LeakyReLU(negative_slope=0.1)(x)
    x = L.AveragePooling2D((1, 2), strides=1)(x)
    x = L.GlobalAveragePooling2D()(x)
    x = L.Dense(3, "softmax")(x)
    return keras.Model(start, x)


def pooled():
    return keras.Sequential([
        L.Input((12,)),
        L.Reshape((2, -1, 2)),
        L.Conv2D(3, 2, activation="relu"),
        L.GlobalMaxPooling2D(),
        L.Dense(2),
    ])


def conv1d():
    return keras.Sequential([
        L.Input((11, 3)),
        L.Conv1D(4, 3, strides=2, padding="same", activation="relu"),
        L.MaxPooling1D(2, strides=1),
        L.Conv1D(3, 2),
        L.AveragePooling1D(2, padding="same"),
        L.Flatten(),
        L.Dense(2, "sigmoid"),
    ])


def recurrent():
    return keras.Sequential([
        L.Input((6, 3)),
        L.SimpleRNN(5, return_sequences=True),
        L.GRU(4, return_sequences=True),
        L.LSTM(4, return_sequences=True, use_bias=False),
        L.GRU(3, use_bias=False, return_sequences=True),
        L.SimpleRNN(4, "relu", use_bias=False),
        L.Dense(2),
    ])


def nested():
    inner = keras.Sequential([L.Input((6,)), L.Dense(6), L.BatchNormalization(), L.Dense(4, "relu")])
    return keras.Sequential([L.Input((5,)), L.Dense(6, "tanh"), inner, L.Dense(3), L.Dense(2)])


def steps():
    """Dense layers on each step of a sequence and on each position of a map."""
    return keras.Sequential([
        L.Input((3, 4, 2)),
        L.Dense(3, "tanh"),
        L.Reshape((12, 3)),
        L.Dense(4, "relu", use_bias=False),
        L.GRU(3),
        L.Dense(2),
    ])


def unknown():
    """Four layers that Rosenblatt does not have, and one setting."""
    return keras.Sequential([
        L.Input((8, 8, 2)),
        L.Conv2D(2, 3, dilation_rate=2),
        L.SeparableConv2D(3, 2),
        L.UpSampling2D(),
        L.Dense(2, "gelu"),
        L.GlobalAveragePooling2D(),
        L.Dense(2, "swish"),
    ])


def branched():
    start = L.Input((4,), name="start")
    left, right = L.Dense(3, name="left")(start), L.Dense(3, name="right")(start)
    return keras.Model(start, L.Add(name="sum")([left, right]))


for make in [unknown, branched]:
    make().save(f"{make.__name__}.keras")
for make in [dense, norm, cnn, pooled, conv1d, recurrent, nested, steps]:
    name = make.__name__
    keras.backend.clear_session()
    model = make()
    # Random values everywhere: variances above 0.
    for layer in model.weights:
        shape = layer.shape
        value = rng.uniform(0.2, 1.5, shape) if "variance" in layer.path else rng.normal(0, 0.5, shape)
        layer.assign(value.astype("f4"))
    x = rng.normal(size=(16, *model.input_shape[1:])).astype("f4")
    y = np.asarray(model.predict(x, verbose=0))
    save_file({"x": x, "y": y}, f"{name}.safetensors")
    model.save(f"{name}.keras")
    model.save(f"{name}.h5")
    model.save_weights(f"{name}.weights.h5")
    with h5py.File(f"{name}.old.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    print(f"{name:10} {model.count_params():5} parameters, first output {y[0].tolist()}")
