"""Checks of the binding from Python, without Flower: bytes in, bytes out, errors, threads."""

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rosenblatt_flower import Aggregator, Device, Samples

DATA = Path(__file__).resolve().parents[2] / "data" / "digits.csv"
TRAIN, TEST = Samples.split(DATA)


def refused(call: Callable[[], object], error: type[Exception], text: str) -> None:
    """The call must raise this error with this text in its message."""
    try:
        call()
    except error as caught:
        assert text in str(caught), f"{text!r} is not in {caught}"
    else:
        raise AssertionError(f"not refused: {text}")


def learnt(number: int) -> bytes:
    """The model of a device after one epoch."""
    device = Device(TRAIN.share(number, 24))
    device.fit(1, seed=number)
    return device.save()


def bad_bytes_are_refused() -> None:
    model = learnt(0)
    device, mean = Device(TEST), Aggregator()
    before = device.hash()
    flipped = bytearray(model)
    flipped[5000] ^= 1
    for load in (device.load, lambda bad: mean.add(bad, 1)):
        refused(lambda: load(b""), ValueError, "the file has 9764 bytes; 0 are given")
        refused(lambda: load(model[:-1]), ValueError, "the file has 9764 bytes; 9763 are given")
        refused(lambda: load(bytes(flipped)), ValueError, "damaged")
        refused(lambda: load("text"), TypeError, "'str' object")
    refused(mean.mean, ValueError, "nothing to average")
    refused(lambda: mean.add(model, -1), OverflowError, "out of range")
    refused(lambda: TRAIN.share(24, 24), ValueError, "no device 24: 24 are counted from 0")
    refused(lambda: Samples.split("no such file"), ValueError, "no such file cannot be read")
    assert device.hash() == before


def any_order_gives_the_same_mean() -> None:
    models = [learnt(number) for number in range(4)]
    means = set()
    for order in itertools.permutations(enumerate(models)):
        aggregator = Aggregator()
        for number, model in order:
            aggregator.add(model, 50 + number)
        means.add(aggregator.mean())
    assert len(means) == 1


def other_threads_run_while_a_device_learns() -> None:
    device, epochs = Device(TRAIN), 500
    learning = threading.Thread(target=lambda: device.fit(epochs, seed=1))
    start = last = time.monotonic()
    longest = 0.0
    learning.start()
    while learning.is_alive():
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    # If training held Python's lock, this thread would stand still for all of it.
    assert longest < (last - start) / 2, f"{longest:.2f} s of {last - start:.2f} s without a turn"
    alone = Device(TRAIN)
    alone.fit(epochs, seed=1)
    assert device.hash() == alone.hash()


if __name__ == "__main__":
    for check in (
        bad_bytes_are_refused,
        any_order_gives_the_same_mean,
        other_threads_run_while_a_device_learns,
    ):
        check()
        print(f"{check.__name__.replace('_', ' ')}: ok")
