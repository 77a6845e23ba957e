"""Trains a network on the iris flowers with Keras, and saves it as iris.keras.

python3 -m venv venv && venv/bin/pip install keras==3.15.1 'jax[cpu]'
venv/bin/python train.py
"""
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
import keras
import numpy as np
from keras import layers

data = np.loadtxt("../../data/iris.csv", delimiter=",", dtype="f4")
x, t = data[:, :4], data[:, 4].astype(int)

keras.utils.set_random_seed(1957)
model = keras.Sequential([
    layers.Input((4,)),
    layers.Dense(16),
    layers.BatchNormalization(),
    layers.ReLU(),
    layers.Dense(3, "softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, t, batch_size=16, epochs=100, verbose=0)
print("accuracy", round(model.evaluate(x, t, verbose=0)[1], 3))
model.save("iris.keras")
np.set_printoptions(precision=6, suppress=True)
for i in [0, 50, 77, 100, 149]:
    print(x[i], t[i], np.asarray(model(x[i : i + 1]))[0])
