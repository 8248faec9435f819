"""The layers that a pretrained network begins with: they take images."""

from types import ModuleType

from mxnet import gluon, init, np

from hardmax.networks.interpolation import interpolation

__all__ = ["Normalize", "Pad", "Resize"]


class _Interpolation(init.Initializer):
    """Fills a parameter of shape (target, source) with the matrix of an interpolation."""

    def _init_weight(self, name: str, array: np.ndarray) -> None:
        target, source = array.shape
        array[:] = np.array(interpolation(source, target))


class Resize(gluon.HybridBlock):
    """Scales images to ``height`` x ``width`` pixels; see ``networks.interpolation``."""

    def __init__(self, height: int, width: int):
        super().__init__()
        with self.name_scope():
            self.rows, self.columns = (
                self.params.get(
                    name,
                    shape=(pixels, 0),
                    init=_Interpolation(),
                    grad_req="null",
                    allow_deferred_init=True,
                )
                for name, pixels in (("rows", height), ("columns", width))
            )

    def infer_shape(self, X: np.ndarray) -> None:
        """Set the shapes of the matrices by those of the images."""
        for matrix, source in zip((self.rows, self.columns), X.shape[2:], strict=True):
            matrix.shape = (matrix.shape[0], source)

    def hybrid_forward(
        self, F: ModuleType, X: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        """Return images (examples, channels, height, width)."""
        return F.np.matmul(F.np.matmul(rows, X), F.np.transpose(columns))


class Normalize(gluon.HybridBlock):
    """Returns (x - mean) / std, with a mean and a std for each channel."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        with self.name_scope():
            for name, values in (("mean", mean), ("std", std)):
                column = np.array(values, dtype="float32").reshape(-1, 1, 1)
                setattr(self, name, self.params.get_constant(name, column))

    def hybrid_forward(
        self, F: ModuleType, X: np.ndarray, mean: np.ndarray, std: np.ndarray
    ) -> np.ndarray:
        """Return normalized images (examples, channels, height, width)."""
        return (X - mean) / std


class Pad(gluon.HybridBlock):
    """Adds ``sides`` of zeros (above, below, left, right) to images."""

    def __init__(self, sides: tuple[int, ...]):
        super().__init__()
        self.width = (0, 0, 0, 0, *sides)

    def hybrid_forward(self, F: ModuleType, X: np.ndarray) -> np.ndarray:
        """Return the larger images."""
        # Symbols have no pad in their NumPy interface.
        padded = F.pad(X.as_nd_ndarray(), mode="constant", pad_width=self.width, constant_value=0)
        return padded.as_np_ndarray()
