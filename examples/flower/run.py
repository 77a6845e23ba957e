"""Devices learn handwritten digits together with Flower. No sample leaves its device.

Each device trains a network by the compiled library (src/lib.rs), in processes of Flower's
simulation. The server averages the networks exactly, so that neither the order in which they
arrive nor the machine changes a bit of the result. Exit status 1 if the accuracy is below 0.95.
"""

import logging
import os
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path

# Flower and Ray report no usage, and Ray warns of no GPU that nobody uses.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from rosenblatt_flower import Aggregator, Device, Samples

DATA = Path(__file__).resolve().parents[2] / "data" / "digits.csv"
DEVICES = 24
ROUNDS = 20
EPOCHS = 10  # of each device in each round
GOAL = 0.95

client = ClientApp()
server = ServerApp()


def packed(model: bytes) -> ArrayRecord:
    """A saved model as Flower sends it."""
    return ArrayRecord({"model": Array("uint8", (len(model),), "rosenblatt", model)})


def unpacked(arrays: ArrayRecord) -> bytes:
    """The saved model of a record."""
    return arrays["model"].data


@client.train()
def train(message: Message, context: Context) -> Message:
    """On a device: learns the device's own samples, beginning with the server's network."""
    number, devices = context.node_config["partition-id"], context.node_config["num-partitions"]
    samples = Samples.split(DATA)[0].share(number, devices)
    config = message.content["config"]
    device = Device(samples)
    device.load(unpacked(message.content["arrays"]))
    loss = device.fit(config["epochs"], seed=config["server-round"] * devices + number)
    time.sleep(random.random() / 50)  # Devices differ in speed.
    metrics = MetricRecord({"device": number, "num-examples": len(samples), "loss": loss})
    content = RecordDict({"arrays": packed(device.save()), "metrics": metrics})
    return Message(content, reply_to=message)


class ExactFedAvg(FedAvg):
    """Federated averaging whose result does not depend on the order of the replies."""

    def __init__(self) -> None:
        super().__init__(
            fraction_evaluate=0.0, min_train_nodes=DEVICES, min_available_nodes=DEVICES
        )
        self.orders: set[tuple[int, ...]] = set()

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord, MetricRecord]:
        """The mean of all networks, each with the number of its samples as weight."""
        arrived = []
        for reply in replies:
            if reply.has_error():
                raise RuntimeError(f"round {server_round}: {reply.error.reason}")
            arrived.append(reply.content)
        if len(arrived) < DEVICES:
            raise RuntimeError(f"round {server_round}: {len(arrived)} of {DEVICES} answered")
        self.orders.add(tuple(content["metrics"]["device"] for content in arrived))
        model = mean(arrived)
        if mean(random.sample(arrived, len(arrived))) != model:
            raise RuntimeError(f"round {server_round}: the mean depends on the order")
        return packed(model), MetricRecord()


def mean(contents: Iterable[RecordDict]) -> bytes:
    """The exact mean of the networks in these replies."""
    aggregator = Aggregator()
    for content in contents:
        aggregator.add(unpacked(content["arrays"]), content["metrics"]["num-examples"])
    return aggregator.mean()


@server.main()
def main(grid: Grid, context: Context) -> None:
    """On the server: rounds, with the accuracy on images that no device has."""
    judge = Device(Samples.split(DATA)[1])

    def judged(server_round: int, arrays: ArrayRecord) -> MetricRecord:
        judge.load(unpacked(arrays))
        loss, accuracy = judge.evaluate()
        print(f"{server_round:5} {loss:8.4f} {accuracy:9.4f}  {judge.hash()}", flush=True)
        return MetricRecord({"accuracy": accuracy})

    print("round     loss  accuracy  weights")
    strategy = ExactFedAvg()
    result = strategy.start(
        grid,
        packed(judge.save()),
        num_rounds=ROUNDS,
        train_config=ConfigRecord({"epochs": EPOCHS}),
        evaluate_fn=judged,
    )
    print(f"\nThe devices answered in {len(strategy.orders)} different orders.", file=sys.stderr)
    print("\nEach mean was the same in the order of arrival and in a random one.\n")
    report(result.evaluate_metrics_serverapp[ROUNDS]["accuracy"])


def report(together: float) -> None:
    """Compares with devices that stay alone, and with all samples in one place."""
    train, test = Samples.split(DATA)
    judge = Device(test)

    def learnt(samples: Samples) -> float:
        device = Device(samples)
        device.fit(ROUNDS * EPOCHS, seed=0)
        judge.load(device.save())
        return judge.evaluate()[1]

    alone = [learnt(train.share(number, DEVICES)) for number in range(DEVICES)]
    print(f"accuracy on {len(test)} images, each after {ROUNDS * EPOCHS} epochs:")
    print(f"a device alone, the worst and the best     {min(alone):.4f} {max(alone):.4f}")
    print(f"{DEVICES} devices together                        {together:.4f}")
    print(f"all samples in one place                   {learnt(train):.4f}")
    if together < GOAL:
        raise RuntimeError(f"the accuracy {together:.4f} is below the goal, {GOAL}")


if __name__ == "__main__":
    # Flower's own lines: only what goes wrong.
    logging.getLogger("flwr").setLevel(logging.ERROR)
    train_samples = Samples.split(DATA)[0]
    shares = [len(train_samples.share(number, DEVICES)) for number in range(DEVICES)]
    size = len(Device(train_samples).save())
    print(f"{DEVICES} devices, {min(shares)} to {max(shares)} images each")
    print(f"{size} bytes to each device and back in each round: its network as a saved model\n")
    run_simulation(
        server,
        client,
        num_supernodes=DEVICES,
        backend_config={
            "client_resources": {"num_cpus": 1},
            "init_args": {"include_dashboard": False, "log_to_driver": False},
        },
    )
