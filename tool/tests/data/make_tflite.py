"""TensorFlow Lite files and what they compute, for tests/tflite.rs.

    pip install tensorflow-cpu tf_keras
    python make_tflite.py

Writes tflite_NAME.tflite by TensorFlow's converter, and tflite.json with a sample x, the output y of
TensorFlow's interpreter, and Keras' weights. tflite_int8.tflite is not made here: it is the keyword
spotter of MLPerf Tiny (kws_ref_model.tflite, Apache-2.0).
"""
import json, os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np, tensorflow as tf, keras, tf_keras
from make_onnx import keras_models, flat, rng

HERE = os.path.dirname(os.path.abspath(__file__))
doc = {}


def write(name, converter, x=None, weights=None):
    file = converter.convert()
    with open(f"{HERE}/tflite_{name}.tflite", "wb") as out:
        out.write(file)
    if x is None:
        return
    lite = tf.lite.Interpreter(model_content=file)
    lite.allocate_tensors()
    lite.set_tensor(lite.get_input_details()[0]["index"], x)
    lite.invoke()
    y = lite.get_tensor(lite.get_output_details()[0]["index"])
    doc[name] = dict(x=flat(x), y=flat(y), weights=[flat(w) for w in weights])


from_keras = tf.lite.TFLiteConverter.from_keras_model
for name, m, x in keras_models():
    name = name.removeprefix("keras_")
    if name in ("dense", "map", "mean", "signal"):
        write(name, from_keras(m), x, m.get_weights())

# The converter knows the LSTM of Keras 2.
K = tf_keras.layers
for name, all in (("lstm", False), ("lstm_all", True)):
    m = tf_keras.Sequential([K.Input((5, 3), batch_size=1), K.LSTM(4, return_sequences=all)]
                            + [K.GlobalAveragePooling1D()] * all + [K.Dense(2)])
    m.set_weights([(rng.normal(size=w.shape) * 0.5).astype("f4") for w in m.get_weights()])
    x = rng.normal(size=(1, 5, 3)).astype("f4")
    write(name, from_keras(m), x, m.get_weights())

# Dense layers on each step: the converter leaves open how many rows there are.
L = keras.layers
steps = keras.Sequential([L.Input((3, 4)), L.Dense(2, "relu"), L.Dense(3), L.Flatten(), L.Dense(2)])
own = np.random.default_rng(2024)
steps.set_weights([(own.normal(size=w.shape) * 0.5).astype("f4") for w in steps.get_weights()])
x = own.normal(size=(1, 3, 4)).astype("f4")
write("steps", from_keras(steps), x, steps.get_weights())

inputs = L.Input((4,))
a = L.Dense(4, "relu6", name="six")(inputs)
write("relu6", from_keras(keras.Model(inputs, L.Dense(2)(a))))
a = L.Dense(4, "relu")(inputs)
write("branch", from_keras(keras.Model(inputs, L.Dense(2)(L.Add()([a, inputs])))))
a = L.Dense(4, "elu")(inputs)
write("unknown", from_keras(keras.Model(inputs, L.Activation("hard_swish")(L.Dense(2, "elu")(a)))))
half = from_keras(keras.Model(inputs, L.Dense(2)(inputs)))
half.optimizations = [tf.lite.Optimize.DEFAULT]
half.target_spec.supported_types = [tf.float16]
write("f16", half)

with open(f"{HERE}/tflite.json", "w") as file:
    json.dump(doc, file, indent=None, separators=(",", ":"))
    file.write("\n")
