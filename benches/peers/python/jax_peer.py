"""JAX on one thread: `jax_peer.py DATA VARIANT`. The variants are `step` and `scan`."""

import os
import sys
from functools import partial
from math import ceil
from time import perf_counter_ns

from server import (
    CHECKED_STEPS,
    GEMMS,
    NETS,
    SAMPLES,
    SOFTMAX_WIDTHS,
    UPDATE_SIZES,
    Contender,
    Data,
    inference,
    product,
    serve,
    training,
    updates,
)

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
# The size of XLA's thread pool. The calling thread works beside it, so both get the same core.
os.environ["NPROC"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

# A call returns when its result is there.
jax.config.update("jax_cpu_enable_async_dispatch", False)

SCAN_STEPS = 1000
# Up to this size the parameters are one array: a call takes longer for each array that it gets.
ONE_ARRAY = 10_000


def adam_start(parameters):
    """The state: parameters, m, v, beta1^t, beta2^t. Each array is an own one, for donation."""
    copy = partial(jax.tree.map, jnp.array)
    zeros = partial(jax.tree.map, jnp.zeros_like)
    return copy(parameters), zeros(parameters), zeros(parameters), jnp.ones(()), jnp.ones(())


def adam(state, gradient, lr):
    parameters, m, v, power1, power2 = state
    power1, power2 = 0.9 * power1, 0.999 * power2
    rate = lr * jnp.sqrt(1.0 - power2) / (1.0 - power1)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
    update = lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7)
    return jax.tree.map(update, parameters, m, v), m, v, power1, power2


def cross_entropy(logits, t):
    return -jnp.mean(jnp.sum(t * jax.nn.log_softmax(logits), axis=1))


def xor_loss(weights, x, t):
    w1, b1, w2, b2 = weights
    logits = jnp.tanh(x @ w1 + b1) @ w2 + b2
    return jnp.mean(jax.nn.softplus(logits) - t * logits)


def net_loss(weights, x, t):
    w1, b1, w2, b2 = weights
    return cross_entropy(jax.nn.relu(x @ w1 + b1) @ w2 + b2, t)


def cnn_loss(weights, x, t):
    kernel, bias, w, b = weights
    # One product with the 3 × 3 patches, and the maximum of a reshaped array. XLA's convolution,
    # its window reduction and their gradients take longer.
    patches = jnp.stack([x[:, i : i + 6, j : j + 6] for i in range(3) for j in range(3)], axis=-1)
    maps = jax.nn.relu(patches.reshape(-1, 9) @ kernel.reshape(9, 8) + bias)
    features = maps.reshape(-1, 3, 2, 3, 2, 8).max(axis=(2, 4)).reshape(-1, 72)
    return cross_entropy(features @ w + b, t)


def rnn_loss(weights, x, t):
    """x is (step, sample, input)."""
    wx, wh, b, w, c = weights
    start = jnp.zeros((x.shape[1], wh.shape[0]))
    step = lambda h, xw: (jnp.tanh(xw + h @ wh), None)
    h, _ = jax.lax.scan(step, start, x @ wx + b, unroll=x.shape[0])
    return jnp.mean((h @ w + c - t) ** 2)


def problem(data, name):
    """Weights, x, t, the loss, and the learning rate of a training workload."""
    if name == "C":
        return *data.cnn(), cnn_loss, 0.001
    if name == "R":
        weights, x, t = data.rnn()
        return weights, x.transpose(1, 0, 2), t, rnn_loss, 0.001
    number = int(name[1:])
    batch, lr = NETS[number][3:]
    weights, x, t = data.net(number)
    return weights, x[:batch], t[:batch], xor_loss if number == 1 else net_loss, lr


def step_of(data, name):
    """The start state, x, t, and the step, which returns the new state and the loss."""
    weights, x, t, loss, lr = problem(data, name)
    split = lambda parameters: parameters
    if sum(weight.size for weight in weights) <= ONE_ARRAY:
        weights, split = ravel_pytree([jnp.array(weight) for weight in weights])
    gradient = jax.value_and_grad(lambda parameters, x, t: loss(split(parameters), x, t))

    def step(state, x, t):
        value, gradients = gradient(state[0], x, t)
        return adam(state, gradients, lr), value

    return weights, jnp.array(x), jnp.array(t), step


def steps(data, name):
    """One step a call."""
    weights, x, t, step = step_of(data, name)
    compiled = jax.jit(step, donate_argnums=0)

    def start():
        state = adam_start(weights)

        def call(_):
            nonlocal state
            state, loss = compiled(state, x, t)
            return loss

        return call

    return training(start)


class Scan(Contender):
    """1,000 steps a call."""

    def __init__(self, data, name):
        weights, x, t, step = step_of(data, name)

        @partial(jax.jit, donate_argnums=0)
        def scan(state, x, t):
            return jax.lax.scan(lambda state, _: step(state, x, t), state, length=SCAN_STEPS)

        self.start = lambda: adam_start(weights)
        self.scan = lambda state: scan(state, x, t)
        self.state = self.start()

    def check(self):
        _, losses = self.scan(self.start())
        return np.array(losses[:CHECKED_STEPS])

    def time(self, calls):
        """Runs whole scans, and scales the time to this many steps."""
        scans = max(1, ceil(calls / SCAN_STEPS))
        start = perf_counter_ns()
        for _ in range(scans):
            self.state, losses = self.scan(self.state)
            losses.block_until_ready()
        return (perf_counter_ns() - start) * calls / (scans * SCAN_STEPS)


def forward(data, number):
    """The compiled forward pass, which has the weights as constants, and the samples."""
    weights, x, _ = data.net(number)
    w1, b1, w2, b2 = map(jnp.array, weights)
    if number == 1:
        outputs = lambda x: jax.nn.sigmoid(jnp.tanh(x @ w1 + b1) @ w2 + b2)
    else:
        outputs = lambda x: jax.nn.softmax(jax.nn.relu(x @ w1 + b1) @ w2 + b2)
    return jax.jit(outputs), jnp.array(x)


def infer_one(data, number):
    outputs, x = forward(data, number)
    samples = [jnp.array(sample) for sample in x]
    return inference(lambda i: outputs(samples[i % SAMPLES]))


def infer_batch(data, number):
    outputs, x = forward(data, number)
    return product(lambda _: outputs(x))


def of_arrays(function, *arrays):
    compiled = jax.jit(function)
    arrays = [jnp.array(array) for array in arrays]
    return product(lambda _: compiled(*arrays))


def adam_update(data, n):
    parameters, gradient = map(jnp.array, data.update(n))
    compiled = jax.jit(partial(adam, lr=0.01), donate_argnums=0)

    def start():
        state = adam_start(parameters)

        def update(_):
            nonlocal state
            state = compiled(state, gradient)

        return update, lambda: state[0]

    return updates(start)


def main():
    folder, variant = sys.argv[1:]
    data = Data(folder)
    names = [f"T{number}" for number in NETS] + ["C", "R"]
    if variant == "scan":
        serve("JAX, scan of 1,000", {name: partial(Scan, data, name) for name in names})
        return
    if variant != "step":
        sys.exit(f"variant {variant}, expected step or scan")

    workloads = {name: partial(steps, data, name) for name in names}
    for number in NETS:
        workloads[f"I{number}"] = partial(infer_one, data, number)
        workloads[f"B{number}"] = partial(infer_batch, data, number)
    for name, sizes in GEMMS.items():
        workloads[name] = partial(of_arrays, jnp.matmul, *data.gemm(*sizes))
    for function in (jnp.exp, jnp.tanh, jax.nn.sigmoid):
        workloads[function.__name__] = partial(of_arrays, function, data.values)
    for width in SOFTMAX_WIDTHS:
        workloads[f"softmax{width}"] = partial(of_arrays, jax.nn.softmax, data.rows(width))
    for n in UPDATE_SIZES:
        workloads[f"adam{n}"] = partial(adam_update, data, n)
    serve("JAX, one step a call", workloads)


main()
