"""The features of images: the outputs of a pretrained network, computed once and cached."""

import contextlib
import hashlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np

from hardmax import frameworks
from hardmax.data.datasets import Examples, Vectors
from hardmax.data.download import user_cache
from hardmax.data.mapped import blocks, release
from hardmax.data.parallel import progress_bar
from hardmax.errors import DataError
from hardmax.files import open_whole
from hardmax.networks import descriptions
from hardmax.networks.layers import Network
from hardmax.networks.layouts import divided, shifted
from hardmax.networks.pretrained import backbone
from hardmax.networks.shapes import Shape, output_shape
from hardmax.runs.session import Session
from hardmax.runs.settings import Settings

__all__ = ["FeatureExtractor", "HeadSession"]

#: Part of the names of the files: a new one if features are computed in another way.
FORMAT = 1

#: The images in a batch, and those after which the progress bar advances.
BATCH, PART = 32, 256


class FeatureExtractor:
    """Computes features of images of ``shape`` by the pretrained network of the settings.

    A head is a network that takes these features. Raises DataError without the weights.
    """

    def __init__(self, settings: Settings, shape: Shape):
        assert settings.pretrained is not None
        self.settings, self.shape = settings, shape
        self.network, self.weights = backbone(settings.model, settings.pretrained, shape)
        self.output_shape = output_shape(self.network, shape)
        self._known: dict[Examples, Vectors] = {}

    def features(self, examples: Examples) -> Vectors:
        """Return the features of images, from the cache if they have been computed before."""
        if examples not in self._known:
            values = self._values(examples)
            self._known[examples] = Vectors(
                values,
                examples.labels,
                weights=examples.weights,
                wholes=examples.wholes,
                copies=examples.groups,
            )
        return self._known[examples]

    def _values(self, examples: Examples) -> np.ndarray:
        path = user_cache() / "features" / f"{self._key(examples)}.npy"
        group = self.backend.Trainer.processes.join()
        values = _cached(path, (len(examples), *self.output_shape)) if group.is_first else None
        (is_known,) = group.from_first(np.asarray(values is not None))
        if is_known:
            (values,) = group.from_first(*([] if values is None else [values]))
        elif not group.is_first:
            values = self._compute(examples)
        else:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                # The file is opened first, because the features take long.
                with open_whole(path) as file:
                    values = self._compute(examples)
                    np.save(file, values)
            except OSError as error:
                raise DataError(
                    f"cannot write the cache {path.parent}: {error.strerror}; set HARDMAX_CACHE to "
                    "another folder"
                ) from error
        return values

    def _compute(self, examples: Examples) -> np.ndarray:
        device = self.settings.device
        session = Session(self.backend, self.network, self.shape, self.weights, device=device)
        title = f"computing features of {examples.words[1]}"
        with progress_bar(title, len(examples)) as advance:
            parts = []
            for start in range(0, len(examples), PART):
                part = examples.take(slice(start, start + PART))
                parts.append(session.scores(part, BATCH))
                release(examples.inputs)
                advance(len(part))
        return np.concatenate(parts)

    def _key(self, examples: Examples) -> str:
        """Return a hash of all that the features depend on."""
        framework = self.settings.framework
        device = self.backend.Trainer(1, device=self.settings.device).find_device()
        made_with = [FORMAT, framework, frameworks.versions(framework), str(device)]
        about = [*made_with, descriptions.to_json(self.network), examples.inputs.shape]
        digest = hashlib.sha256(json.dumps(about).encode())
        for array in (*self.weights.values(), *blocks(examples.inputs)):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def with_head(
        self, head: Network, weights: dict[str, np.ndarray]
    ) -> tuple[Network, dict[str, np.ndarray]]:
        """Return the network that computes the features and then the head, and its weights."""
        count = len(self.network)
        renamed = {shifted(name, count): value for name, value in weights.items()}
        return (*self.network, *head), self.weights | renamed

    def head_session(self, network: Network, weights: dict[str, np.ndarray]) -> "HeadSession":
        """Return a session with the head of a network that ``with_head`` returned."""
        count = len(self.network)
        _, head = divided(weights, count)
        return HeadSession(self, network[count:], head)

    @property
    def backend(self) -> ModuleType:
        """The framework."""
        return frameworks.load(self.settings.framework)


class HeadSession(Session):
    """A session with a head, which scores images by their features."""

    def __init__(self, extractor: FeatureExtractor, head: Network, weights: dict[str, np.ndarray]):
        device = extractor.settings.device
        super().__init__(extractor.backend, head, extractor.output_shape, weights, device=device)
        self.extractor = extractor

    def scores(self, examples: Examples, batch_size: int) -> np.ndarray:
        """Return the scores of images, float32 of shape (examples, classes)."""
        return super().scores(self.extractor.features(examples), batch_size)


def _cached(path: Path, shape: Shape) -> np.ndarray | None:
    """Return the features of ``shape`` in a file, or None if it is missing or invalid."""
    with contextlib.suppress(OSError, ValueError, EOFError), path.open("rb") as file:
        values: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        if values.dtype == np.float32 and values.shape == shape and np.isfinite(values).all():
            return values
    return None
