"""PyTorch, eager, on one thread: `torch_peer.py DATA`."""

import ctypes
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from server import (
    GEMMS,
    NETS,
    SAMPLES,
    SOFTMAX_WIDTHS,
    UPDATE_SIZES,
    Data,
    inference,
    product,
    serve,
    training,
    updates,
)

# What PyTorch's libraries are linked with, of NVIDIA's packages for CUDA 13.
RUNTIME = "libcudart.so.13"
CUDA = (
    RUNTIME,
    "libcupti.so.13",
    "libcufile.so.0",
    "libcublasLt.so.13",
    "libcublas.so.13",
    "libcudnn.so.9",
    "libcufft.so.12",
    "libcusparse.so.12",
    "libcusparseLt.so.0",
    "libnccl.so.2",
    "libnvrtc.so.13",
    "libnvshmem_host.so.3",
)


def load_cuda():
    """Loads each library of CUDA, or an empty one in place of one that is not installed.

    The wheel on PyPI does not load without them, and they are several GB. This program calls none
    of their functions but the runtime's count of devices.
    """
    spec = importlib.util.find_spec("nvidia")
    roots = spec.submodule_search_locations if spec else []
    files = {file.name: file for root in roots for file in Path(root).glob("*/lib/*.so.*")}
    # Without the runtime this is a PyTorch for the processor alone.
    if RUNTIME not in files or all(library in files for library in CUDA):
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # The only variable to which PyTorch refers. Functions are looked up when they are called.
        (folder / "empty.c").write_text("char nvshmem_selected_device_transport[4096];\n")
        (folder / "empty.map").write_text("NVSHMEM { global: *; };\n")
        for library in CUDA:
            if library not in files:
                flags = ["-Wl,-soname," + library, "-Wl,--version-script,empty.map"]
                command = ["cc", "-shared", "-nostdlib", "empty.c", "-o", library, *flags]
                subprocess.run(command, cwd=folder, check=True)
            ctypes.CDLL(str(files.get(library, folder / library)))


load_cuda()
flags = sys.getdlopenflags()
sys.setdlopenflags(os.RTLD_LAZY)
import torch

sys.setdlopenflags(flags)
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    conv2d,
    cross_entropy,
    max_pool2d,
    mse_loss,
)

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
# oneDNN's convolution of an 8 × 8 image takes longer than PyTorch's own.
torch.backends.mkldnn.enabled = False


def tensor(array):
    return torch.from_numpy(array.copy())


def adam_steps(weights, loss, lr):
    """Steps with Adam. `loss(*weights)`: the loss."""

    def start():
        parameters = [tensor(weight).requires_grad_() for weight in weights]
        adam = torch.optim.Adam(parameters, lr=lr, eps=1e-7, fused=True)

        def step(_):
            value = loss(*parameters)
            value.backward()
            adam.step()
            # What zero_grad does, without its profiling.
            for parameter in parameters:
                parameter.grad = None
            return value.detach()

        return step

    return training(start)


def step_net(data, number):
    batch, lr = NETS[number][3:]
    weights, x, t = data.net(number)
    x = tensor(x[:batch])
    if number == 1:
        t = tensor(t[:batch])

        def loss(w1, b1, w2, b2):
            hidden = torch.addmm(b1, x, w1).tanh()
            return binary_cross_entropy_with_logits(torch.addmm(b2, hidden, w2), t)

    else:
        classes = tensor(t[:batch].argmax(1))

        def loss(w1, b1, w2, b2):
            hidden = torch.addmm(b1, x, w1).relu()
            return cross_entropy(torch.addmm(b2, hidden, w2), classes)

    return adam_steps(weights, loss, lr)


def step_cnn(data):
    (kernel, bias, w, b), x, t = data.cnn()
    # PyTorch's order is (filter, row, column), of the images as of the flat features.
    kernel = kernel.reshape(1, 3, 3, 8).transpose(3, 0, 1, 2)
    w = w.reshape(3, 3, 8, 10).transpose(2, 0, 1, 3).reshape(72, 10)
    x = tensor(x[:, None])
    classes = tensor(t.argmax(1))

    def loss(kernel, bias, w, b):
        features = max_pool2d(conv2d(x, kernel, bias).relu(), 2).flatten(1)
        return cross_entropy(torch.addmm(b, features, w), classes)

    return adam_steps([kernel, bias, w, b], loss, 0.001)


def step_rnn(data):
    weights, x, t = data.rnn()
    samples, steps, inputs = x.shape
    # One product for the inputs of all steps, in the order (step, sample).
    x = tensor(x.transpose(1, 0, 2)).reshape(steps * samples, inputs)
    t = tensor(t)
    units = weights[1].shape[0]
    zeros = torch.zeros(samples, units)

    # torch.rnn_tanh takes longer.
    def loss(wx, wh, b, w, c):
        h = zeros
        for xw in torch.addmm(b, x, wx).view(steps, samples, units).unbind(0):
            h = torch.addmm(xw, h, wh).tanh()
        return mse_loss(torch.addmm(c, h, w), t)

    return adam_steps(weights, loss, 0.001)


def without_gradients(contender):
    contender.check = torch.inference_mode()(contender.check)
    contender.time = torch.inference_mode()(contender.time)
    return contender


def infer_one(data, number):
    weights, x, _ = data.net(number)
    w1, b1, w2, b2 = map(tensor, weights)
    # addmv takes (outputs, inputs).
    w1, w2 = w1.t(), w2.t()
    samples = tensor(x).unbind(0)
    h, y, result = torch.empty_like(b1), torch.empty_like(b2), torch.empty_like(b2)

    def xor(i):
        torch.addmv(b1, w1, samples[i % SAMPLES], out=h)
        h.tanh_()
        torch.addmv(b2, w2, h, out=y)
        return y.sigmoid_()

    def classes(i):
        torch.addmv(b1, w1, samples[i % SAMPLES], out=h)
        h.relu_()
        torch.addmv(b2, w2, h, out=y)
        return torch.softmax(y, -1, out=result)

    return without_gradients(inference(xor if number == 1 else classes))


def infer_batch(data, number):
    weights, x, _ = data.net(number)
    w1, b1, w2, b2 = map(tensor, weights)
    x = tensor(x)
    # A full matrix is copied faster than a row that is repeated.
    b1, b2 = b1.expand(SAMPLES, -1).contiguous(), b2.expand(SAMPLES, -1).contiguous()
    h, y, result = torch.empty_like(b1), torch.empty_like(b2), torch.empty_like(b2)

    def xor(_):
        torch.addmm(b1, x, w1, out=h)
        h.tanh_()
        torch.addmm(b2, h, w2, out=y)
        return y.sigmoid_()

    def classes(_):
        torch.addmm(b1, x, w1, out=h)
        h.relu_()
        torch.addmm(b2, h, w2, out=y)
        return torch.softmax(y, -1, out=result)

    return without_gradients(product(xor if number == 1 else classes))


def gemm(data, m, k, n):
    a, b = map(tensor, data.gemm(m, k, n))
    c = torch.empty(m, n)
    return product(lambda _: torch.mm(a, b, out=c))


def elementwise(data, function):
    x = tensor(data.values)
    out = torch.empty_like(x)
    return product(lambda _: function(x, out=out))


def softmax(data, width):
    x = tensor(data.rows(width))
    out = torch.empty_like(x)
    return product(lambda _: torch.softmax(x, -1, out=out))


# The fastest way for one array of parameters: SGD without momentum is one operation either way.
# PyTorch's RMSprop adds epsilon outside of the root, which is another rule where a gradient is
# near zero.
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, foreach=False),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, fused=True),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, fused=True),
    "adagrad": lambda p: torch.optim.Adagrad(
        p, lr=0.01, initial_accumulator_value=0.1, eps=1e-7, fused=True
    ),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, eps=1e-7, fused=True),
}


def update(data, make, n):
    def start():
        values, gradient = map(tensor, data.update(n))
        parameters = values.requires_grad_()
        parameters.grad = gradient
        optimizer = make([parameters])
        return lambda _: optimizer.step(), parameters.detach

    return updates(start)


def main():
    data = Data(sys.argv[1])
    workloads = {f"T{number}": lambda number=number: step_net(data, number) for number in NETS}
    workloads["C"] = lambda: step_cnn(data)
    workloads["R"] = lambda: step_rnn(data)
    for number in NETS:
        workloads[f"I{number}"] = lambda number=number: infer_one(data, number)
        workloads[f"B{number}"] = lambda number=number: infer_batch(data, number)
    for name, sizes in GEMMS.items():
        workloads[name] = lambda sizes=sizes: gemm(data, *sizes)
    for function in (torch.exp, torch.tanh, torch.sigmoid):
        workloads[function.__name__] = lambda function=function: elementwise(data, function)
    for width in SOFTMAX_WIDTHS:
        workloads[f"softmax{width}"] = lambda width=width: softmax(data, width)
    for name, make in OPTIMIZERS.items():
        for n in UPDATE_SIZES:
            workloads[f"{name}{n}"] = lambda make=make, n=n: update(data, make, n)
    serve("PyTorch", workloads)


main()
