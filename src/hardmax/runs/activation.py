"""Shows where in an image the network of a run looked."""

from types import ModuleType

import numpy as np

from hardmax import frameworks
from hardmax.data.datasets import Examples, Images
from hardmax.evaluation.classification import ClassifierEvaluation
from hardmax.networks.activation_maps import Part, activation_maps, halves
from hardmax.reports.mistakes import worst_mistakes
from hardmax.runs.run import Run
from hardmax.runs.session import Session

__all__ = ["mistake_maps"]


def mistake_maps(
    run: Run,
    examples: Examples,
    evaluation: ClassifierEvaluation,
    *,
    framework: str | None = None,
    device: str = "auto",
) -> np.ndarray | None:
    """Return the activation maps of the worst mistakes, for the classes that were predicted.

    float32 (mistakes, rows, columns); None without any, for tables, and for networks that have no
    feature maps. ``framework`` computes them, by default the one used for training. Those of the
    members of an ensemble are averaged as they are, because all have the unit of a score.
    """
    worst = worst_mistakes(evaluation)
    if not isinstance(examples, Images) or not len(worst):
        return None
    # The score of an image's label is explained: here that of the class that was predicted.
    predicted = Images(examples.take(worst).images, evaluation.predictions[worst])
    backend = frameworks.load(framework or run.settings.framework)
    maps = [
        _maps(backend, device, body, head, predicted)
        for body, head in halves(Part(run.network, run.input_shape, run.weights))
    ]
    return np.mean(maps, axis=0) if maps else None


def _maps(
    backend: ModuleType, device: str, body: Part, head: Part, predicted: Images
) -> np.ndarray:
    """Return the activation maps of images, for the scores of their labels."""
    first, last = (
        Session(backend, part.network, part.input_shape, part.weights, device=device)
        for part in (body, head)
    )
    size = min(len(predicted), first.largest_batch)
    loader = first.data(None, predicted, size).val_dataloader()
    return activation_maps(*first.trainer.feature_gradients(first.model, last.model, loader))
