"""The protocol of an external contender, its data files, and the clock.

A contender imports this module before its library: the thread counts are read at a library's start.
"""

import gc
import os
import sys
from time import perf_counter_ns

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

SAMPLES = 32
CHECKED_STEPS = 5

# Number: inputs, hidden, outputs, batch, learning rate.
NETS = {
    1: (2, 8, 1, 4, 0.01),
    2: (4, 16, 3, 16, 0.001),
    3: (64, 32, 10, 32, 0.001),
    4: (784, 128, 10, 32, 0.001),
}

GEMMS = {f"gemm{n}": (n, n, n) for n in (4, 7, 8, 16, 17, 32, 33, 64, 100, 128, 256)}
GEMMS |= {
    f"gemm{m}x{k}x{n}": (m, k, n) for m, k, n in ((32, 784, 128), (32, 128, 10), (1, 784, 128))
}

SOFTMAX_WIDTHS = (3, 10, 100, 1000)
UPDATE_SIZES = (33, 1024, 100_480)


def split(values, *shapes):
    """The arrays of these shapes that lie one behind another in `values`."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    if sum(sizes) != len(values):
        raise ValueError(f"{len(values)} numbers, expected {sum(sizes)}")
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return [part.reshape(shape).copy() for part, shape in zip(parts, shapes)]


class Data:
    """The files of the data folder as arrays."""

    def __init__(self, folder):
        self.folder = folder
        self.pool = self.read("pool")
        self.values = self.read("values")

    def read(self, name):
        return np.fromfile(os.path.join(self.folder, name), dtype="<f4")

    def net(self, number):
        """[w1, b1, w2, b2], x and t of all samples."""
        inputs, hidden, outputs, _, _ = NETS[number]
        shapes = ((inputs, hidden), (hidden,), (hidden, outputs), (outputs,))
        weights = split(self.read(f"n{number}.weights"), *shapes)
        x = self.read(f"n{number}.x").reshape(SAMPLES, inputs)
        return weights, x, self.read(f"n{number}.t").reshape(SAMPLES, outputs)

    def cnn(self):
        """[kernel, bias, w, b], x and t."""
        weights = split(self.read("cnn.weights"), (3, 3, 8), (8,), (72, 10), (10,))
        x = self.read("cnn.x").reshape(SAMPLES, 8, 8)
        return weights, x, self.read("cnn.t").reshape(SAMPLES, 10)

    def rnn(self):
        """[wx, wh, b, w, b], x as (sample, step, input), and t."""
        weights = split(self.read("rnn.weights"), (8, 16), (16, 16), (16,), (16, 1), (1,))
        return weights, self.read("rnn.x").reshape(16, 32, 8), self.read("rnn.t").reshape(16, 1)

    def gemm(self, m, k, n):
        """A and B."""
        return split(self.pool[: m * k + k * n], (m, k), (k, n))

    def rows(self, width):
        """The input of a softmax."""
        rows = len(self.values) // width
        return self.values[: rows * width].reshape(rows, width)

    def update(self, n):
        """Parameters and gradient."""
        return split(self.pool[: 2 * n], (n,), (n,))


class Contender:
    """A workload. `call(i)` runs it once, `check()` computes its result from the start."""

    def __init__(self, check, call):
        self.check = check
        self.call = call

    def time(self, calls):
        """Nanoseconds of this many calls."""
        call = self.call
        start = perf_counter_ns()
        for i in range(calls):
            call(i)
        return perf_counter_ns() - start


def training(start):
    """Training steps. `start()` makes a function that runs one step and returns its loss."""

    def check():
        step = start()
        return [float(step(i)) for i in range(CHECKED_STEPS)]

    return Contender(check, start())


def inference(call):
    """One sample a call. `call(i)` returns the outputs of a sample."""
    return Contender(lambda: np.concatenate([np.array(call(i)) for i in range(SAMPLES)]), call)


def product(call):
    """Anything that computes the same at each call."""
    return Contender(lambda: np.array(call(0)), call)


def updates(start):
    """Updates of parameters. `start()` makes the update, and a function that returns the result."""

    def check():
        update, parameters = start()
        for i in range(CHECKED_STEPS):
            update(i)
        return np.array(parameters())

    return Contender(check, start()[0])


def serve(name, workloads):
    """Answers the commands on standard input.

    `workloads`: by name, a function that makes the contender.
    """
    # A library that prints to standard output would break the protocol.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    made = {}

    def contender(workload):
        if workload not in workloads:
            raise ValueError(f"no workload {workload}")
        if workload not in made:
            made[workload] = workloads[workload]()
            # Compiles what is compiled at the first call.
            made[workload].check()
            made[workload].time(1)
        return made[workload]

    def answer(command):
        match command:
            case ["name"]:
                return name
            case ["workloads"]:
                return " ".join(workloads)
            case ["check", workload]:
                return " ".join(f"{value:.9g}" for value in np.ravel(contender(workload).check()))
            case ["time", workload, calls]:
                peer = contender(workload)
                # As timeit does: a collection of the imported modules' objects costs milliseconds.
                gc.disable()
                try:
                    return f"{peer.time(int(calls)):.1f}"
                finally:
                    gc.enable()
        raise ValueError(f"no command {' '.join(command)}")

    for line in sys.stdin:
        try:
            reply = answer(line.split())
        except Exception as error:
            reply = f"error {type(error).__name__}: {' '.join(str(error).split())}"
        print(reply, file=answers, flush=True)
