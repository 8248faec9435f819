"""Evaluating models, without training them."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from hardmax.errors import ArgumentError, RunError
from hardmax.evaluation.metrics import Evaluation
from hardmax.evaluation.totals import Steps, Totals
from hardmax.hyperparameters import Described
from hardmax.processes.group import Group
from hardmax.training import checkpoint
from hardmax.training.contracts import (
    Batches,
    DataModule,
    Engine,
    Layers,
    Model,
    Processes,
    Runtime,
)
from hardmax.training.labels import Labels
from hardmax.training.loaders import Loader, batch_count, chunks
from hardmax.training.own_data import OwnData
from hardmax.training.sharing import Share, check_same, cut, whole_steps

__all__ = ["Evaluator", "ModelT", "Tensor"]

ModelT = TypeVar("ModelT", bound=Model)
Tensor = TypeVar("Tensor", bound=Sized)


class Evaluator(Described, Generic[ModelT, Tensor]):
    """Base class of trainers: evaluates models on a device, and gets and sets their weights.

    A backend defines the name of its ``framework`` and its modules.
    """

    framework: str
    engine: Engine[Any, ModelT, Tensor]
    processes: Processes[Any]
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
    #: This process's share of the batch that is being run.
    share = Share()

    @property
    def group(self) -> Group:
        """The processes that train together; one, unless several were started."""
        return self.processes.join()

    @property
    def sharing(self) -> Group:
        """The processes of which each computes with its own share of each batch."""
        return self.group if self.processes.SHARES else Group()

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
        totals = Totals()
        with self.group.guarded():
            self.prepare_evaluation(model, loader)
            with self.labels_of(loader):
                for chunk in chunks(loader, 1, group=self.sharing):
                    totals.add(self.evaluate_on(model, self.watched(loader, chunk)))
        return Evaluation.of(totals, isinstance(loader, Loader) and loader.is_weighted)

    def scores(self, model: ModelT, loader: Batches[Tensor]) -> np.ndarray:
        """Return the scores of a loader's examples, in order.

        A float32 NumPy array of shape (examples, classes). Of several processes, each computes
        those of its part of the examples, and all return all.
        """
        with self.group.guarded():
            self.prepare_evaluation(model, loader)
            if self.sharing.size == 1:
                return self.engine.scores(self, model, loader)
            return self.sharing.gather(self._own_scores(model, loader))

    def _own_scores(self, model: ModelT, loader: Batches[Tensor]) -> np.ndarray:
        """Return the scores of this process's part of a loader's examples, or of its batches."""
        own: Iterable[Sequence[Tensor]]
        if isinstance(loader, Loader):
            part = self.sharing.share(loader.count)
            own = loader.batches(loader.next_order(), part.start, part.stop)
        else:
            part = self.sharing.share(len(loader))
            own = islice(iter(loader), part.start, part.stop)
        if part.start == part.stop:
            return np.zeros((0, 0), np.float32)
        return self.engine.scores(self, model, own)

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

    def evaluate_on(self, model: ModelT, chunk: Iterable[Sequence[Tensor]]) -> Steps:
        """Evaluate a model on a chunk of batches, together with the other processes."""
        return whole_steps(self.engine.evaluate(self, model, chunk), self.sharing)

    # Labels and shares

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

    def watched(self, loader: Batches[Tensor], chunk: Any) -> Iterable[Sequence[Tensor]]:
        """Return a chunk of ``loader``; one that is not hardmax's own sets ``labels`` by batch.

        Of several processes that share batches, each batch is this process's share, and sets
        ``share``.
        """
        sharing = self.sharing
        if isinstance(loader, Loader):
            return chunk if sharing.size == 1 else self._shared(chunk)
        batches: Iterable[Sequence[Tensor]] = map(self._watched, chunk)
        if self.group.size > 1:
            batches = check_same(batches, self.group)
        return batches if sharing.size == 1 else self._shared(cut(batches, sharing))

    def _watched(self, batch: Sequence[Tensor]) -> Sequence[Tensor]:
        self.labels = Labels(batch[-1])
        return batch

    def _shared(
        self, batches: Iterable[tuple[Sequence[Tensor], int]]
    ) -> Iterator[Sequence[Tensor]]:
        for batch, whole in batches:
            self.share = Share(len(batch[-1]), whole)
            yield batch

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
