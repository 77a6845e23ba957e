"""ONNX files and what they compute, for tests/onnx.rs.

    pip install onnx tensorflow-cpu tf2onnx
    python make_onnx.py keras       # exported by tf2onnx
    python make_onnx.py operators   # by hand, operator by operator
    pip install torch               # or Debian's python3-torch
    python make_onnx.py torch       # exported by PyTorch

Writes NAME.onnx, and onnx_GROUP.json with a sample x, the output y, and where the exporter does not
change them the weights of each layer in the layout of Keras. x and y are channels last. The files
of `operators` and the faulty ones are in onnx_operators.json itself, as hexadecimal digits.
"""
import json, os, sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(1957)
doc = {}


def flat(a):
    return [float(v) for v in np.asarray(a, dtype="f4").ravel()]


def save(group):
    with open(f"{HERE}/onnx_{group}.json", "w") as file:
        json.dump(doc, file, indent=None, separators=(",", ":"))
        file.write("\n")


def keras_models():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import keras
    from keras import layers as L

    keras.utils.set_random_seed(1957)
    models = {
        "keras_dense": [L.Input((4,)), L.Dense(5, "relu"), L.Dropout(0.2), L.Dense(4, "tanh"),
                        L.Dense(3, "softmax")],
        "keras_map": [L.Input((8, 7, 1)),
                      L.Conv2D(3, 3, padding="same", strides=2, activation="relu"),
                      L.BatchNormalization(), L.Conv2D(4, (2, 3), activation="tanh"),
                      L.MaxPooling2D((2, 1)), L.Flatten(), L.Dense(3, "softmax")],
        "keras_mean": [L.Input((8, 8, 2)), L.Conv2D(3, 3, use_bias=False), L.BatchNormalization(),
                       L.LeakyReLU(negative_slope=0.1), L.AveragePooling2D(2, padding="same"),
                       L.GlobalAveragePooling2D(), L.Dense(1, "sigmoid")],
        "keras_signal": [L.Input((12, 2)), L.Conv1D(3, 3, activation="relu", padding="same"),
                         L.MaxPooling1D(2), L.Conv1D(4, 2), L.GlobalAveragePooling1D(),
                         L.LayerNormalization(), L.Dense(2)],
        "keras_lstm": [L.Input((5, 3)), L.LSTM(4, return_sequences=True), L.GlobalMaxPooling1D(),
                       L.Dense(2)],
        "keras_rnn": [L.Input((5, 3)), L.SimpleRNN(4), L.Dense(2)],  # written as a Loop
    }
    for name, layers in models.items():
        m = keras.Sequential(layers)
        # Weights that are not Keras' zeros and ones.
        m.set_weights([np.abs(rng.normal(size=w.shape)).astype("f4") * 0.4 + 0.2
                       if "variance" in v.path else
                       (rng.normal(size=w.shape) * 0.4).astype("f4")
                       for v, w in zip(m.weights, m.get_weights())])
        x = rng.normal(size=(1,) + m.input_shape[1:]).astype("f4")
        yield name, m, x


def by_keras():
    import tensorflow as tf, tf2onnx
    for name, m, x in keras_models():
        f = tf.function(lambda x: m(x), input_signature=[
            tf.TensorSpec((None,) + m.input_shape[1:], tf.float32, name="x")])
        tf2onnx.convert.from_function(
            f, input_signature=f.input_signature, opset=18, output_path=f"{HERE}/{name}.onnx")
        weights = [flat(w) for w in m.get_weights()]
        doc[name] = dict(x=flat(x), y=flat(m(x)), weights=weights)
    save("keras")


def by_torch():
    import torch, torch.nn as nn, warnings
    warnings.filterwarnings("ignore")
    torch.manual_seed(1957)

    class Last(nn.Module):
        def __init__(self, cell):
            super().__init__()
            self.r = cell(3, 4, batch_first=True)
            self.d = nn.Linear(4, 2)

        def forward(self, x):
            y, _ = self.r(x)
            return self.d(y[:, -1, :])

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.GRU(3, 4, batch_first=True)
            self.l = nn.LSTM(4, 3, batch_first=True)
            self.n = nn.LayerNorm(3, eps=1e-3)
            self.d = nn.Linear(3, 2)

        def forward(self, x):
            y, _ = self.r(x)
            y, _ = self.l(y)
            return self.d(self.n(y[:, -1]))

    models = {
        "torch_map": (nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(3, eps=1e-3, momentum=0.01),
            nn.MaxPool2d(2), nn.Conv2d(3, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(24, 5),
            nn.LeakyReLU(), nn.Dropout(0.5), nn.Linear(5, 3), nn.Softmax(dim=1)), (2, 6, 8)),
        # A normalization behind the flattening: its channels are in the order of channels first.
        "torch_flat": (nn.Sequential(
            nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(12, eps=1e-3),
            nn.Linear(12, 2)), (1, 3, 4)),
        "torch_signal": (nn.Sequential(
            nn.Conv1d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(3, 4, 2),
            nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 2)), (2, 8)),
        "torch_rnn": (Last(nn.RNN), (5, 3)),
        "torch_gru": (Last(nn.GRU), (5, 3)),
        "torch_lstm": (Last(nn.LSTM), (5, 3)),
        "torch_two": (Two(), (5, 3)),
    }

    def to_keras(p, sample):
        """PyTorch's weights of these models in the layout of Keras, layer by layer."""
        weights = []
        for m in p:
            w = {k: v.detach().numpy() for k, v in m.state_dict().items()}
            if isinstance(m, nn.Linear):
                k = w["weight"]
                if sample is not None and k.shape[1] == np.prod(sample):
                    k = k.reshape((-1,) + sample).transpose(0, 2, 3, 1).reshape(k.shape)
                weights += [k.T, w["bias"]]
            elif isinstance(m, (nn.Conv1d, nn.Conv2d)):
                k = w["weight"]
                weights += [np.moveaxis(k, (1, 0), (-2, -1)), w["bias"]]
            elif isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
                v = [w[k] for k in ("weight", "bias", "running_mean", "running_var")]
                if isinstance(m, nn.BatchNorm1d):
                    v = [a.reshape(sample).transpose(1, 2, 0).ravel() for a in v]
                weights += v
            elif isinstance(m, nn.LayerNorm):
                weights += [w["weight"], w["bias"]]
            elif isinstance(m, nn.GRU):  # r z n
                order = lambda a: np.concatenate([np.split(a, 3)[i] for i in (1, 0, 2)])
                weights += [order(w["weight_ih_l0"]).T, order(w["weight_hh_l0"]).T,
                            np.stack([order(w["bias_ih_l0"]), order(w["bias_hh_l0"])])]
            elif isinstance(m, (nn.LSTM, nn.RNN)):  # i f c o
                weights += [w["weight_ih_l0"].T, w["weight_hh_l0"].T,
                            w["bias_ih_l0"] + w["bias_hh_l0"]]
        return [flat(w) for w in weights]

    for name, (m, shape) in models.items():
        for module in m.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.normal_(0, 0.5)
                module.running_var.uniform_(0.3, 1.5)
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
        m.eval()
        x = torch.tensor(rng.normal(size=(1,) + shape).astype("f4"))
        with torch.no_grad():
            y = m(x).numpy()
        for opset in (11, 17):
            torch.onnx.export(
                m, x, f"{HERE}/{name}_{opset}.onnx", opset_version=opset, input_names=["x"],
                output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
        last = x.numpy()
        if "rnn" not in name and len(shape) > 1 and isinstance(m, nn.Sequential):
            last = np.moveaxis(last, 1, -1)
        sample = {"torch_map": (4, 2, 3), "torch_flat": (2, 2, 3)}.get(name)
        doc[name] = dict(x=flat(last), y=flat(y), weights=to_keras(m.children(), sample))
    save("torch")


def by_hand():
    import onnx
    from onnx import TensorProto as T, helper as h, numpy_helper
    from onnx.reference import ReferenceEvaluator

    def normal(*shape):
        return (rng.normal(size=shape) * 0.5).astype("f4")

    def model(nodes, weights, x, opset=18, y=None, kind=T.FLOAT, **more):
        weights = [w if isinstance(w, onnx.TensorProto) else numpy_helper.from_array(w, k)
                   for k, w in weights.items()]
        graph = h.make_graph(
            nodes, "g", [h.make_tensor_value_info("x", kind, x)],
            [h.make_tensor_value_info("y", T.FLOAT, y)], weights)
        opsets = [h.make_opsetid("", opset)] + more.get("opsets", [])
        return h.make_model(graph, opset_imports=opsets, ir_version=8)

    def add(name, nodes, weights, x, shape=None, check=True, first=False, **more):
        """`first`: channels first; the sample is written channels last."""
        m = model(nodes, weights, shape or ["n"] + list(x[1:]), **more)
        value = normal(*x)
        y = ReferenceEvaluator(m).run(None, {"x": value})[0]
        doc[name] = dict(
            file=m.SerializeToString().hex(),
            x=flat(np.moveaxis(value, 1, -1) if first else value), y=flat(y))

    n = h.make_node
    add("gemm", [n("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, beta=2.0, transB=1)],
        dict(w=normal(3, 4), b=normal(1, 3)), (1, 4))
    add("matmul", [n("MatMul", ["x", "w"], ["h"]), n("Add", ["b", "h"], ["k"]),
                   n("Sigmoid", ["k"], ["y"])], dict(w=normal(4, 3), b=normal(3)), (1, 4))
    floats = h.make_tensor("w", T.FLOAT, (4, 3), normal(12))
    add("float_data", [n("MatMul", ["x", "w"], ["h"]), n("Identity", ["h"], ["y"])],
        dict(w=floats), (1, 4), opset=9)
    # A picture of 0 to 255, channels first, that is brought to 0 to 1 before the first layer.
    add("same", [n("Sub", ["x", "m"], ["a"]), n("Div", ["a", "s"], ["b"]),
                 n("Conv", ["b", "w"], ["c"], auto_pad="SAME_UPPER", strides=[2, 2]),
                 n("AveragePool", ["c"], ["d"], kernel_shape=[2, 2], strides=[1, 1],
                   pads=[0, 0, 1, 1]),
                 n("GlobalMaxPool", ["d"], ["e"]), n("Squeeze", ["e", "axes"], ["y"])],
        dict(w=normal(3, 2, 3, 2), m=np.float32(0.5), s=np.float32(4),
             axes=np.array([2, 3], dtype="i8")), (1, 2, 5, 6), first=True)
    # Channels first to channels last and flattened: weights stay in their order.
    add("flat_last", [n("Conv", ["x", "w", "b"], ["c"], strides=[1, 2]),
                      n("Transpose", ["c"], ["t"], perm=[0, 2, 3, 1]),
                      n("Reshape", ["t", "s"], ["f"]), n("MatMul", ["f", "v"], ["y"])],
        dict(w=normal(3, 2, 2, 3), b=normal(3), s=np.array([-1, 24], dtype="i8"),
             v=normal(24, 2)), (1, 2, 5, 5), first=True)
    # The same channels first, cut across an axis of channels on the way.
    add("flat_first", [n("Conv", ["x", "w", "b"], ["c"]), n("Reshape", ["c", "s"], ["d"]),
                       n("Flatten", ["d"], ["f"]), n("Mul", ["f", "k"], ["g"]),
                       n("MatMul", ["g", "v"], ["y"])],
        dict(w=normal(4, 2, 2, 2), b=normal(4), s=np.array([0, 2, 2, -1, 3], dtype="i8"),
             k=normal(36), v=normal(36, 2)), (1, 2, 4, 4), first=True)
    add("dropout", [n("Dropout", ["x"], ["a"], ratio=0.25), n("Gemm", ["a", "w"], ["b"]),
                    n("Softmax", ["b"], ["y"])], dict(w=normal(4, 3)), (1, 4), opset=11)
    add("layout", [n("GRU", ["x", "w", "r"], ["", "h"], linear_before_reset=1, hidden_size=4),
                   n("Squeeze", ["h", "zero"], ["y"])],
        dict(w=normal(1, 12, 3), r=normal(1, 12, 4), zero=np.array([0], dtype="i8")), (5, 1, 3),
        shape=[5, "n", 3])
    add("samples", [n("Reshape", ["x", "s"], ["a"]), n("MatMul", ["a", "w"], ["y"])],
        dict(w=normal(6, 2), s=np.array([1, 6], dtype="i8")), (1, 2, 3), shape=[1, 2, 3])
    m = model([n("Reshape", ["x", "s"], ["a"]), n("MatMul", ["a", "w"], ["y"])],
              dict(w=np.eye(6, 2, dtype="f4"), s=np.array([7, -1], dtype="i8")), [7, 2, 3])
    doc["seven"] = dict(file=m.SerializeToString().hex(), x=flat(range(6)), y=[0.0, 1.0])

    def bad(name, nodes, weights, x, **more):
        doc["bad_" + name] = dict(file=model(nodes, weights, x, **more).SerializeToString().hex())

    w = normal(4, 4)
    bad("unknown", [n("Selu", ["x"], ["a"], name="first"), n("Gemm", ["a", "w"], ["b"]),
                    n("Selu", ["b"], ["c"], name="second"), n("Elu", ["c"], ["d"], name="third"),
                    n("Fused", ["d"], ["y"], domain="com.microsoft")],
        dict(w=w), ["n", 4], opsets=[h.make_opsetid("com.microsoft", 1)])
    bad("f16", [n("Gemm", ["x", "w"], ["y"], name="g")], dict(w=w.astype("f2")), ["n", 4])
    bad("f64", [n("Gemm", ["x", "w"], ["y"], name="g")], dict(w=w.astype("f8")), ["n", 4],
        kind=T.DOUBLE)
    bad("pads", [n("Conv", ["x", "w"], ["y"], name="c", pads=[2, 2, 2, 2])],
        dict(w=normal(1, 1, 3, 3)), ["n", 1, 5, 5])
    bad("group", [n("Conv", ["x", "w"], ["y"], name="c", group=2)], dict(w=normal(2, 1, 3, 3)),
        ["n", 2, 5, 5])
    bad("dilations", [n("Conv", ["x", "w"], ["y"], name="c", dilations=[2, 2])],
        dict(w=normal(2, 2, 3, 3)), ["n", 2, 7, 7])
    bad("counts_padding", [n("AveragePool", ["x"], ["y"], name="p", kernel_shape=[3, 3],
                             pads=[1, 1, 1, 1], count_include_pad=1)], {}, ["n", 2, 7, 7])
    bad("branch", [n("Gemm", ["x", "w"], ["a"], name="g"), n("Relu", ["a"], ["b"], name="r"),
                   n("Add", ["a", "b"], ["y"], name="s")], dict(w=w), ["n", 4])
    bad("earlier", [n("Gemm", ["x", "w"], ["a"], name="g"), n("Gemm", ["a", "w"], ["b"], name="k"),
                    n("Relu", ["a"], ["c"], name="r"), n("Add", ["b", "c"], ["y"], name="s")],
        dict(w=w), ["n", 4])
    gru = dict(w=normal(1, 12, 3), r=normal(1, 12, 4), h=normal(1, 1, 4))
    bad("reset", [n("GRU", ["x", "w", "r"], ["", "y"], name="r", hidden_size=4)], gru, [5, 1, 3])
    bad("state", [n("GRU", ["x", "w", "r", "", "", "h"], ["", "y"], name="r", hidden_size=4,
                    linear_before_reset=1)], gru, [5, 1, 3])
    bad("backward", [n("GRU", ["x", "w", "r"], ["", "y"], name="r", direction="reverse",
                       linear_before_reset=1)], gru, [5, 1, 3])
    bad("order", [n("Conv", ["x", "w"], ["a"], name="c"), n("Flatten", ["a"], ["y"], name="f")],
        dict(w=normal(2, 2, 3, 3)), ["n", 2, 5, 5])
    bad("transposed", [n("Transpose", ["x"], ["a"], name="t", perm=[0, 2, 1]),
                       n("Relu", ["a"], ["b"], name="r"), n("LSTM", ["b", "w", "r"], ["", "y"],
                       name="l")], dict(w=normal(1, 16, 5), r=normal(1, 16, 4)), [3, 1, 5])
    bad("open", [n("Gemm", ["x", "w"], ["y"], name="g")], dict(w=w), ["n", "m"])
    bad("nan", [n("MatMul", ["x", "w"], ["y"], name="g")], dict(w=np.full((4, 4), np.nan, "f4")),
        ["n", 4])
    bad("deep", [n("Gemm", [f"t{i}" if i else "x", "w"], [f"t{i + 1}" if i < 39 else "y"])
                 for i in range(40)], dict(w=w), ["n", 4])
    short = onnx.TensorProto(dims=[4, 4], data_type=T.FLOAT, name="w", raw_data=b"\0" * 60)
    bad("short", [n("Gemm", ["x", "w"], ["y"], name="g")], dict(w=short), ["n", 4])
    huge = onnx.TensorProto(dims=[1 << 20, 1 << 20], data_type=T.FLOAT, name="w")
    bad("huge", [n("Gemm", ["x", "w"], ["y"], name="g")], dict(w=huge), ["n", 4])
    bad("wide", [n("Mul", ["x", "k"], ["a"], name="m"), n("Softmax", ["a"], ["y"], name="s")],
        dict(k=np.float32(2)), ["n", 1 << 24])
    bad("old", [n("Gemm", ["x", "w"], ["y"], name="g")], dict(w=w), ["n", 4], opset=6)
    # An operator that is not there, and behind it settings that are not.
    bad("behind", [n("Elu", ["x"], ["a"], name="e"),
                   n("Conv", ["a", "w"], ["b"], name="c", group=2),
                   n("MaxPool", ["b"], ["d"], name="p", kernel_shape=[2, 2], dilations=[2, 2]),
                   n("Reshape", ["d", "s"], ["f"]),
                   n("GRU", ["f", "v", "u"], ["", "y"], name="r", hidden_size=2)],
        dict(w=normal(2, 1, 3, 3), s=np.array([0, 1, -1], dtype="i8"), v=normal(1, 6, 2),
             u=normal(1, 6, 2)), ["n", 2, 7, 7])
    # Dense layers on each step of a sequence and on each position of a map.
    add("steps", [n("MatMul", ["x", "w"], ["a"]), n("Add", ["b", "a"], ["c"]),
                  n("Relu", ["c"], ["d"]), n("Flatten", ["d"], ["e"]),
                  n("MatMul", ["e", "v"], ["y"])],
        dict(w=normal(4, 2), b=normal(2), v=normal(6, 2)), (1, 3, 4))
    add("positions", [n("MatMul", ["x", "w"], ["a"]), n("Tanh", ["a"], ["d"]),
                      n("Flatten", ["d"], ["e"]), n("MatMul", ["e", "v"], ["y"])],
        dict(w=normal(4, 2), v=normal(12, 2)), (1, 2, 3, 4))
    save("operators")


if __name__ == "__main__":
    {"keras": by_keras, "torch": by_torch, "operators": by_hand}[sys.argv[1]]()
