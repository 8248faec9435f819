"""The references: carefully handwritten loops."""

import jax
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp

from benchmarks.jax.work import tensors
from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from hardmax.data.datasets import SCALE
from hardmax.networks.layouts import from_channels_last, to_channels_last


def forward(params, X):
    """Return the scores of uint8 images X; params has a (weight, bias) for each layer."""
    X = X.astype(jnp.float32) * np.float32(SCALE)
    *hidden, (W, b) = params
    activation = jax.nn.relu
    if params[0][0].ndim == 4:
        X, hidden, activation = convolutions(hidden[:2], X), hidden[2:], jax.nn.sigmoid
    X = X.reshape(len(X), -1)
    for weight, bias in hidden:
        X = activation(X @ weight + bias)
    return X @ W + b


def convolutions(layers, X):
    """Return the output of LeNet's two convolutions, each followed by pooling, on images X."""
    for (weight, bias), padding in zip(layers, ("SAME", "VALID"), strict=True):
        X = lax.conv_general_dilated(
            X, weight, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        X = jax.nn.sigmoid(X + bias)
        X = lax.reduce_window(X, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
    return X


def loss_and_correct(params, X, Y):
    """Return the mean loss and the number of correct predictions."""
    scores = forward(params, X)
    loss = optax.softmax_cross_entropy_with_integer_labels(scores, Y).mean()
    return loss, (scores.argmax(axis=1) == Y).sum(dtype=jnp.int32)


def train_step(carry, images, labels, rows):
    """Take a step on the examples at ``rows``; carry: parameters, sum of losses, correct ones."""
    params, loss_sum, correct = carry
    X, Y = images[rows], labels[rows]
    (loss, right), grads = jax.value_and_grad(loss_and_correct, has_aux=True)(params, X, Y)
    params = jax.tree.map(lambda p, g: p - LR * g, params, grads)
    return params, loss_sum + loss * len(rows), correct + right


def test_step(carry, images, labels, start, size):
    """Evaluate ``size`` examples from ``start``."""
    params, loss_sum, correct = carry
    X, Y = (lax.dynamic_slice_in_dim(a, start, size) for a in (images, labels))
    loss, right = loss_and_correct(params, X, Y)
    return params, loss_sum + loss * size, correct + right


def epoch(params, train, test, order):
    """Return the parameters after an epoch, and the sums of training and of the test set."""
    whole = len(order) // BATCH_SIZE * BATCH_SIZE
    carry = (params, jnp.float32(0), jnp.int32(0))
    batches = order[:whole].reshape(-1, BATCH_SIZE)
    carry, _ = lax.scan(lambda carry, rows: (train_step(carry, *train, rows), None), carry, batches)
    params, *trained = train_step(carry, *train, order[whole:]) if whole < len(order) else carry

    count = len(test[1])
    whole = count // BATCH_SIZE * BATCH_SIZE
    carry = (params, jnp.float32(0), jnp.int32(0))
    starts = jnp.arange(0, whole, BATCH_SIZE)
    carry, _ = lax.scan(
        lambda carry, start: (test_step(carry, *test, start, BATCH_SIZE), None), carry, starts
    )
    _, *tested = test_step(carry, *test, whole, count - whole) if whole < count else carry
    return params, trained, tested


def bare(task: Task) -> Fit:
    """Train with a compiled epoch, including its evaluation."""
    train, test = tensors(task.dataset.train), tensors(task.dataset.test)
    params = start(task)
    run = jax.jit(epoch)
    clock = Clock()
    for number in range(task.epochs):
        params, trained, tested = run(params, train, test, task.order(number).astype(np.int32))
        train_loss, accuracy = means(trained, train)[0], means(tested, test)[1]
        clock.mark()
    return Fit(clock.seconds(), portable(task, params), train_loss, accuracy)


def bare_step(task: Task) -> Fit:
    """Train with a compiled step, called for each batch."""
    train, test = tensors(task.dataset.train), tensors(task.dataset.test)
    params = start(task)
    step, evaluate = jax.jit(train_step), jax.jit(test_step, static_argnames="size")
    clock = Clock()
    for number in range(task.epochs):
        order = task.order(number).astype(np.int32)
        carry = (params, jnp.float32(0), jnp.int32(0))
        for at in range(0, len(order), BATCH_SIZE):
            carry = step(carry, *train, order[at : at + BATCH_SIZE])
        params, *trained = carry
        carry = (params, jnp.float32(0), jnp.int32(0))
        count = len(test[1])
        for at in range(0, count, BATCH_SIZE):
            carry = evaluate(carry, *test, np.int32(at), size=min(BATCH_SIZE, count - at))
        _, *tested = carry
        train_loss, accuracy = means(trained, train)[0], means(tested, test)[1]
        clock.mark()
    return Fit(clock.seconds(), portable(task, params), train_loss, accuracy)


def means(sums, part):
    """Return the mean loss and the accuracy, waiting for the device."""
    return tuple(float(one) / len(part[1]) for one in sums)


def start(task: Task):
    """Return the initial weights and biases, layer by layer."""
    native = to_channels_last(task.architecture, task.shape, task.weights())
    values = [jnp.array(weight) for weight in native.values()]
    return list(zip(values[::2], values[1::2], strict=True))


def portable(task: Task, params) -> dict[str, np.ndarray]:
    values = (np.asarray(value) for layer in params for value in layer)
    weights = dict(zip(task.weights(), values, strict=True))
    return from_channels_last(task.architecture, task.shape, weights)
