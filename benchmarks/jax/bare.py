"""The references: the loops that a careful engineer writes by hand."""

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
    """Return the scores of bytes X, by params: a (weight, bias) for each layer."""
    X = X.astype(jnp.float32) * np.float32(SCALE)
    *hidden, (W, b) = params
    activation = jax.nn.relu
    if params[0][0].ndim == 4:
        X, hidden, activation = convolved(hidden[:2], X), hidden[2:], jax.nn.sigmoid
    X = X.reshape(len(X), -1)
    for weight, bias in hidden:
        X = activation(X @ weight + bias)
    return X @ W + b


def convolved(layers, X):
    """Return what LeNet's two convolutions, and the pools behind them, make of pictures X."""
    for (weight, bias), padding in zip(layers, ("SAME", "VALID"), strict=True):
        X = lax.conv_general_dilated(
            X, weight, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        X = jax.nn.sigmoid(X + bias)
        X = lax.reduce_window(X, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
    return X


def judged(params, X, Y):
    """Return the mean loss and the number of right decisions."""
    scores = forward(params, X)
    loss = optax.softmax_cross_entropy_with_integer_labels(scores, Y).mean()
    return loss, (scores.argmax(axis=1) == Y).sum(dtype=jnp.int32)


def train_step(held, images, labels, rows):
    """Take a step on the examples ``rows``; what is held: parameters, sum of losses, right ones."""
    params, loss_sum, correct = held
    X, Y = images[rows], labels[rows]
    (loss, right), grads = jax.value_and_grad(judged, has_aux=True)(params, X, Y)
    params = jax.tree.map(lambda p, g: p - LR * g, params, grads)
    return params, loss_sum + loss * len(rows), correct + right


def test_step(held, images, labels, start, size):
    """Judge ``size`` examples from ``start`` on."""
    params, loss_sum, correct = held
    X, Y = (lax.dynamic_slice_in_dim(a, start, size) for a in (images, labels))
    loss, right = judged(params, X, Y)
    return params, loss_sum + loss * size, correct + right


def epoch(params, train, test, order):
    """Return the parameters behind an epoch, and its sums: of training, and of the test set."""
    whole = len(order) // BATCH_SIZE * BATCH_SIZE
    held = (params, jnp.float32(0), jnp.int32(0))
    batches = order[:whole].reshape(-1, BATCH_SIZE)
    held, _ = lax.scan(lambda held, rows: (train_step(held, *train, rows), None), held, batches)
    params, *trained = train_step(held, *train, order[whole:]) if whole < len(order) else held

    count = len(test[1])
    whole = count // BATCH_SIZE * BATCH_SIZE
    held = (params, jnp.float32(0), jnp.int32(0))
    starts = jnp.arange(0, whole, BATCH_SIZE)
    held, _ = lax.scan(
        lambda held, start: (test_step(held, *test, start, BATCH_SIZE), None), held, starts
    )
    _, *tested = test_step(held, *test, whole, count - whole) if whole < count else held
    return params, trained, tested


def bare(task: Task) -> Fit:
    """Train with an epoch compiled, its evaluation included."""
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
    """Train with a step compiled, and call it for each batch."""
    train, test = tensors(task.dataset.train), tensors(task.dataset.test)
    params = start(task)
    step, judge = jax.jit(train_step), jax.jit(test_step, static_argnames="size")
    clock = Clock()
    for number in range(task.epochs):
        order = task.order(number).astype(np.int32)
        held = (params, jnp.float32(0), jnp.int32(0))
        for at in range(0, len(order), BATCH_SIZE):
            held = step(held, *train, order[at : at + BATCH_SIZE])
        params, *trained = held
        held = (params, jnp.float32(0), jnp.int32(0))
        count = len(test[1])
        for at in range(0, count, BATCH_SIZE):
            held = judge(held, *test, np.int32(at), size=min(BATCH_SIZE, count - at))
        _, *tested = held
        train_loss, accuracy = means(trained, train)[0], means(tested, test)[1]
        clock.mark()
    return Fit(clock.seconds(), portable(task, params), train_loss, accuracy)


def means(sums, part):
    """Return the mean loss and the accuracy, once the device has come to them."""
    return tuple(float(one) / len(part[1]) for one in sums)


def start(task: Task):
    """Return the starting weights and biases, layer by layer."""
    turned = to_channels_last(task.architecture, task.shape, task.weights())
    values = [jnp.array(weight) for weight in turned.values()]
    return list(zip(values[::2], values[1::2], strict=True))


def portable(task: Task, params) -> dict[str, np.ndarray]:
    values = (np.asarray(value) for layer in params for value in layer)
    found = dict(zip(task.weights(), values, strict=True))
    return from_channels_last(task.architecture, task.shape, found)
