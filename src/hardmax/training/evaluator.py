"""Evaluating models, without training them."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from hardmax.errors import ArgumentError, RunError
from hardmax.evaluation.metrics import Evaluation
from hardmax.evaluation.totals import Totals
from hardmax.hyperparameters import Described
from hardmax.training import checkpoint
from hardmax.training.contracts import Batches, DataModule, Engine, Layers, Model, Runtime
from hardmax.training.labels import Labels
from hardmax.training.loaders import Loader, batch_count, chunks
from hardmax.training.own_data import OwnData

__all__ = ["Evaluator", "ModelT", "Tensor"]

ModelT = TypeVar("ModelT", bound=Model)
Tensor = TypeVar("Tensor", bound=Sized)


class Evaluator(Described, Generic[ModelT, Tensor]):
    """Base class of trainers: evaluates models on a device, and gets and sets their weights.

    A backend defines the name of its ``framework`` and its three modules.
    """

    framework: str
    engine: Engine[Any, ModelT, Tensor]
    runtime: Runtime[ModelT, Any]
    layers: Layers[ModelT]

    device: str | None = None
    gpus: Sequence[object] = ()
    run_device: Any = None
    compile_seconds = 0.0
    #: Whether compiled code serves further evaluations of a model, of which only weights change.
    keeps_compiled = False
    #: The labels of the batches that are being run; None outside of a fit or an evaluation.
    labels: Labels | None = None

    def find_device(self) -> Any:
        """Return the framework's device to run on. Raises ArgumentError if it is unavailable."""
        default = "cuda:0" if self.gpus else "cpu"
        return self.runtime.find_device(default if self.device is None else self.device)

    def evaluate(self, model: ModelT, data: DataModule[Tensor]) -> Evaluation:
        """Evaluate ``model`` with its loss, on the test set of data that ``load_data`` returned.

        Of any other ``data`` on the validation set. Raises ArgumentError if there is none.
        """
        loader = data.test_dataloader() if isinstance(data, OwnData) else data.val_dataloader()
        if loader is None or batch_count(loader, "val_dataloader()") == 0:
            raise ArgumentError("nothing to evaluate: the data has no validation set")
        self.prepare_evaluation(model, loader)
        totals = Totals()
        with self.labels_of(loader):
            for chunk in chunks(loader, 1):
                totals.add(self.engine.evaluate(self, model, self.watched(loader, chunk)))
        return Evaluation.of(totals, isinstance(loader, Loader) and loader.is_weighted)

    def scores(self, model: ModelT, loader: Batches[Tensor]) -> np.ndarray:
        """Return the scores of a loader's examples, in order.

        A float32 NumPy array of shape (examples, classes).
        """
        self.prepare_evaluation(model, loader)
        return self.engine.scores(self, model, loader)

    def feature_gradients(
        self, body: ModelT, head: ModelT, loader: Batches[Tensor]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the feature maps of a loader's images, and the gradients of scores by them.

        ``body`` computes the feature maps, ``head`` scores from them; the score of each image is
        that of its label. Both arrays are float32 (examples, rows, columns, channels).
        """
        self.prepare_evaluation(body, loader)
        self.runtime.place(head, self.run_device)
        for model in (body, head):
            self.runtime.set_training(model, False)
        batches = [self.engine.feature_gradients(self, body, head, batch) for batch in loader]
        features, gradients = map(np.concatenate, zip(*batches, strict=True))
        return features, gradients

    def prepare_evaluation(self, model: ModelT, loader: Batches[Tensor]) -> None:
        """Move a model and the batches to evaluate it on to the run's device."""
        self.run_device = self.find_device()
        self.runtime.place(model, self.run_device)
        if isinstance(loader, Loader):
            self.runtime.place(loader, self.run_device)

    # Labels

    @contextlib.contextmanager
    def labels_of(self, loader: Batches[Tensor]) -> Iterator[None]:
        """Set ``labels`` in a block that runs the batches of ``loader``; see ``watched``."""
        previous = self.labels
        try:
            if isinstance(loader, Loader):
                self.labels = Labels(loader.labels)
            yield
        finally:
            self.labels = previous

    def watched(
        self, loader: Batches[Tensor], chunk: Iterable[Sequence[Tensor]]
    ) -> Iterable[Sequence[Tensor]]:
        """Return a chunk of ``loader``; one that is not hardmax's own sets ``labels`` by batch."""
        return chunk if isinstance(loader, Loader) else map(self._watched, chunk)

    def _watched(self, batch: Sequence[Tensor]) -> Sequence[Tensor]:
        self.labels = Labels(batch[-1])
        return batch

    # Weights

    def get_weights(self, model: ModelT) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays.

        Those of types that NumPy lacks, such as bfloat16, are float32, which has all their values.
        """
        weights = self.layers.get_weights(model)
        return {name: checkpoint.widened(array) for name, array in weights.items()}

    def set_weights(self, model: ModelT, weights: Mapping[str, np.ndarray]) -> None:
        """Set the model's weights, named as ``get_weights`` returns them.

        Raises RunError if their names or shapes do not fit the model.
        """
        self.layers.set_weights(model, weights)

    def load_checkpoint(self, model: ModelT, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Load the weights of a checkpoint file into the model; return the file's header.

        Raises RunError if the file is missing or damaged, or does not fit the model: the weights
        of a custom model have native names and load only in the same framework.
        """
        weights, header = checkpoint.load(path)
        origin = header.get("framework", self.framework)
        if origin != self.framework:
            raise RunError(
                f"{path} has the weights of a custom model in {origin}, under native names; "
                f"load it with hardmax.{origin}, not with hardmax.{self.framework}"
            )
        self.set_weights(model, weights)
        return header
