"""pfl-research on the clients of `choral bench federated`: its PyTorch models, clipping to 1."""

import numpy as np
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam.base import NNEvalHyperParams, NNTrainHyperParams
from pfl.model.pytorch import PyTorchModel
from pfl.privacy.privacy_mechanism import NormClippingOnly
from workload import BATCH, CLIENTS, CLIP, COHORT, FEATURES, HIDDEN, RATE, arguments, client, report


class Classifier(torch.nn.Module):
    """One output from layers; the loss and metrics that pfl asks for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        features = FEATURES[name]
        hidden = [torch.nn.Linear(features, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 1)]
        self.layers = torch.nn.Sequential(*(hidden if name == "perceptron" else [torch.nn.Linear(features, 1)]))
        self.error = torch.nn.BCEWithLogitsLoss()

    def loss(self, inputs: torch.Tensor, labels: torch.Tensor, is_eval: bool = False) -> torch.Tensor:
        """Mean logistic loss."""
        return self.error(self.layers(torch.as_tensor(inputs))[:, 0], torch.as_tensor(labels))

    def metrics(self, inputs: torch.Tensor, labels: torch.Tensor, is_eval: bool = False) -> dict[str, float]:
        """Nothing is evaluated."""
        return {}


def main() -> None:
    """Time its own training loop."""
    given = arguments()
    torch.set_num_threads(1)
    np.random.seed(1)  # noqa: NPY002  # pfl draws from it
    made = [tuple(map(torch.from_numpy, client(given.workload, number))) for number in range(CLIENTS)]
    dataset = FederatedDataset(lambda user: Dataset(raw_data=made[user]), get_user_sampler("random", list(range(CLIENTS))))
    module = Classifier(given.workload)
    model = PyTorchModel(
        module, local_optimizer_create=torch.optim.SGD, central_optimizer=torch.optim.SGD(module.parameters(), 1.0)
    )
    backend = SimulatedBackend(training_data=dataset, val_data=dataset, postprocessors=[NormClippingOnly(2, CLIP)])

    def rounds(number: int) -> None:
        FederatedAveraging().run(
            algorithm_params=NNAlgorithmParams(number, evaluation_frequency=10**9, train_cohort_size=COHORT, val_cohort_size=0),
            backend=backend,
            model=model,
            model_train_params=NNTrainHyperParams(local_batch_size=BATCH, local_num_epochs=1, local_learning_rate=RATE),
            model_eval_params=NNEvalHyperParams(local_batch_size=None),
        )

    report(given, "pfl-research", rounds=rounds)


if __name__ == "__main__":
    main()
