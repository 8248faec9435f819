"""The base classes of models: Module and Classifier."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from hardmax.plotting.board import ProgressBoard
from hardmax.training import module
from hardmax.training.dispatch import step_hook
from hardmax.training.labels import check_batch

__all__ = ["Classifier", "Module", "nn_Module", "scratch_weights"]

nn_Module = tf.keras.Model


class Module(module.Module[tf.Tensor], tf.keras.Model):
    """A network, its loss and its optimizer.

    ``training`` is the model's mode: its layers use it unless ``forward`` passes them another.
    """

    net: Any
    training: bool | None

    def __init__(self, plot_train_per_epoch: int = 2, plot_valid_per_epoch: int = 1):
        super().__init__()
        # Keras's compile() settings are attributes with the names of methods here; hardmax's
        # models are not compiled by Keras.
        for name in [name for name in vars(self) if callable(getattr(module.Module, name, None))]:
            delattr(self, name)
        self.save_hyperparameters()
        self.board = ProgressBoard()
        self.training = None

    def build(self, *input_shape: object) -> None:
        """Do nothing: the layers create their weights when they see their first inputs."""
        self.built = True

    def __call__(self, *inputs: tf.Tensor, **kwargs: object) -> tf.Tensor:
        """Return ``forward`` of the inputs, in the model's mode."""
        if self.training is not None:
            kwargs.setdefault("training", self.training)
        return super().__call__(*inputs, **kwargs)

    def call(self, X: tf.Tensor, *args: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return ``forward(X)``; Keras calls this."""
        return self.forward(X, *args)

    def forward(self, X: tf.Tensor) -> tf.Tensor:
        """Return the output of ``self.net``; a subclass without ``net`` overrides this."""
        if not hasattr(self, "net"):
            raise NotImplementedError(
                f"{type(self).__name__} must set self.net or define forward(X)"
            )
        return self.net(X)

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """The variables of the layers, and the plain variables in attributes."""
        scratch = (variable for _, variable in scratch_weights(self) if variable.trainable)
        return [*super().trainable_variables, *scratch]

    @step_hook
    def plot(self, key: str, value: object, train: bool) -> None:
        """Plot a batch mean; a loss with a list of Keras penalties added has an axis."""
        super().plot(key, tf.reduce_mean(value), train)

    def configure_optimizers(self) -> object:
        """Return plain SGD with the learning rate ``self.lr``."""
        return tf.keras.optimizers.SGD(self.lr)


def scratch_weights(
    node: object, prefix: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, tf.Variable]]:
    """Yield (name, variable) of the plain variables in a model, its layers, lists and dicts.

    The book's models from scratch keep their weights in these, which Keras does not track.
    """
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, tf.Variable):
        yield prefix.removesuffix("."), node
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from scratch_weights(value, f"{prefix}{name}.", seen)
    elif isinstance(node, list | tuple):
        for i, value in enumerate(node):
            yield from scratch_weights(value, f"{prefix}{i}.", seen)
    elif isinstance(node, tf.keras.layers.Layer):
        items = vars(node).items()
        public = {name: v for name, v in items if name != "hparams" and not name.startswith("_")}
        inner = public | {"layers": getattr(node, "layers", ())}
        yield from scratch_weights(inner, prefix, seen)


class Classifier(module.Classifier[tf.Tensor], Module):
    """A module whose outputs are scores, one per class; the highest score is the prediction."""

    @step_hook
    def loss(self, Y_hat: tf.Tensor, Y: tf.Tensor, averaged: bool = True) -> tf.Tensor:
        """Return the cross-entropy of scores (..., classes) for labels (...).

        ``averaged``: the mean over all labels; otherwise one loss per label, float of shape
        (labels,).
        """
        check_batch(self, self.loss, Y_hat, Y, not tf.is_symbolic_tensor(Y))
        Y_hat, Y = _flat(Y_hat, Y)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=Y, logits=Y_hat)
        return tf.reduce_mean(losses) if averaged else losses

    @step_hook
    def accuracy(self, Y_hat: tf.Tensor, Y: tf.Tensor, averaged: bool = True) -> tf.Tensor:
        """Return the accuracy of scores (..., classes) for labels (...).

        ``averaged``: the mean over all labels; otherwise 1 for each correct prediction and 0 for
        the others, float32 of shape (labels,).
        """
        check_batch(self, self.accuracy, Y_hat, Y, not tf.is_symbolic_tensor(Y))
        Y_hat, Y = _flat(Y_hat, Y)
        correct = tf.cast(tf.argmax(Y_hat, axis=1) == Y, tf.float32)
        return tf.reduce_mean(correct) if averaged else correct

    def layer_summary(self, X_shape: tuple[int, ...]) -> None:
        """Print the output shape of every layer of ``self.net`` for inputs of ``X_shape``.

        Initializes lazy layers; the model is otherwise unchanged.
        """
        X = tf.zeros(X_shape)
        for layer in self.net.layers:
            X = layer(X)
            print(layer.__class__.__name__, "output shape:\t", X.shape)


def _flat(Y_hat: tf.Tensor, Y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return scores (labels, classes) and int64 labels (labels,)."""
    Y = tf.cast(Y, tf.int64)
    if len(Y_hat.shape) == 2 and len(Y.shape) == 1:
        return Y_hat, Y
    return tf.reshape(Y_hat, (-1, Y_hat.shape[-1])), tf.reshape(Y, (-1,))
