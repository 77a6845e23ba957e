"""ONNX Runtime on one thread: `onnx_peer.py DATA`."""

import sys
from functools import partial

from server import NETS, SAMPLES, Data, inference, product, serve

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def session(data, number, batch):
    """The network for a fixed number of samples."""
    inputs, _, outputs, _, _ = NETS[number]
    weights, _, _ = data.net(number)
    activation, output = ("Tanh", "Sigmoid") if number == 1 else ("Relu", "Softmax")
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["z"]),
            helper.make_node(activation, ["z"], ["h"]),
            helper.make_node("Gemm", ["h", "w2", "b2"], ["logits"]),
            helper.make_node(output, ["logits"], ["y"]),
        ],
        f"net{number}",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, outputs])],
        [
            numpy_helper.from_array(array, name)
            for array, name in zip(weights, ("w1", "b1", "w2", "b2"))
        ],
    )
    model = helper.make_model(graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers)


def bind(session, x, y):
    """A binding that reads x and writes y, without copies."""
    binding = session.io_binding()
    for put, name, array in ((binding.bind_input, "x", x), (binding.bind_output, "y", y)):
        put(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    # It has only their addresses.
    binding.arrays = x, y
    return binding


def infer_one(data, number):
    one = session(data, number, 1)
    _, x, t = data.net(number)
    y = np.empty((1, t.shape[1]), np.float32)
    run = one.run_with_iobinding
    bindings = [bind(one, x[i : i + 1], y) for i in range(SAMPLES)]

    def call(i):
        run(bindings[i % SAMPLES])
        return y

    return inference(call)


def infer_batch(data, number):
    batch = session(data, number, SAMPLES)
    _, x, t = data.net(number)
    y = np.empty_like(t)
    run = batch.run_with_iobinding
    binding = bind(batch, x, y)

    def call(_):
        run(binding)
        return y

    return product(call)


def main():
    data = Data(sys.argv[1])
    workloads = {f"I{number}": partial(infer_one, data, number) for number in NETS}
    workloads |= {f"B{number}": partial(infer_batch, data, number) for number in NETS}
    serve("ONNX Runtime", workloads)


main()
