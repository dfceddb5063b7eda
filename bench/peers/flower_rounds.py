"""Flower's simulation on the clients of `choral bench federated`: plain numpy training and clipping to 1."""

import os

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from workload import BATCH, CLIENTS, CLIP, COHORT, FEATURES, RATE, arguments, client, report

WORKLOAD = os.environ.get("WORKLOAD", "logistic")  # workers are processes of their own and see no arguments
app = ClientApp()


def logistic(params: np.ndarray, inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The parameters after one epoch of local steps, the update clipped."""
    weights = params.copy()
    for start in range(0, len(inputs), BATCH):
        rows, wanted = inputs[start : start + BATCH], labels[start : start + BATCH]
        pull = (wanted - 1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1])))) * (RATE / len(rows))
        weights[:-1] += pull @ rows
        weights[-1] += pull.sum()
    update = weights - params
    return params + update * min(1.0, CLIP / max(float(np.linalg.norm(update)), 1e-30))


@app.train()
def train(message: Message, context: Context) -> Message:
    """One client's answer."""
    params = message.content["arrays"].to_numpy_ndarrays()[0]
    inputs, labels = client(WORKLOAD, int(context.node_config["partition-id"]))
    content = {
        "arrays": ArrayRecord([logistic(params, inputs, labels)]),
        "metrics": MetricRecord({"num-examples": len(inputs)}),
    }
    return Message(RecordDict(content), reply_to=message)


def main() -> None:
    """Time the rounds of its own server."""
    given = arguments()
    if given.workload != WORKLOAD or WORKLOAD != "logistic":
        raise SystemExit("only the logistic workload is written out here")
    server = ServerApp()

    @server.main()
    def serve(grid: Grid, _: Context) -> None:
        strategy = FedAvg(fraction_train=COHORT / CLIENTS, fraction_evaluate=0.0, min_available_nodes=CLIENTS)
        start = ArrayRecord([np.zeros(FEATURES[WORKLOAD] + 1, np.float32)])
        report(given, "flower", rounds=lambda number: strategy.start(grid, start, num_rounds=number))

    run_simulation(server, app, CLIENTS, backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}})


if __name__ == "__main__":
    main()
