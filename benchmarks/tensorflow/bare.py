"""The reference: a carefully handwritten graph."""

import numpy as np
import tensorflow as tf

from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from benchmarks.tensorflow.work import network, portable, tensors
from hardmax.data.datasets import SCALE


def bare(task: Task) -> Fit:
    """Train with each epoch and its evaluation as one tf.function."""
    train, test = tensors(task.dataset.train), tensors(task.dataset.test)
    net = network(task)
    optim = tf.keras.optimizers.SGD(LR)
    optim.build(net.trainable_variables)

    def loss_and_correct(X, Y, training):
        scores = net(tf.cast(X, tf.float32) * SCALE, training=training)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(Y, scores)
        right = tf.argmax(scores, axis=1, output_type=tf.int32) == Y
        return tf.reduce_mean(losses), tf.math.count_nonzero(right, dtype=tf.int32)

    def step(rows):
        X, Y = (tf.gather(a, rows) for a in train)
        with tf.GradientTape() as tape:
            loss, right = loss_and_correct(X, Y, training=True)
        grads = tape.gradient(loss, net.trainable_variables)
        optim.apply_gradients(zip(grads, net.trainable_variables, strict=True))
        return loss * len(Y), right

    def test_step(rows):
        X, Y = (tf.gather(a, rows) for a in test)
        loss, right = loss_and_correct(X, Y, training=False)
        return loss * len(Y), right

    def all_of(function, order):
        loss_sum, correct = tf.constant(0.0), tf.constant(0)
        whole = len(order) // BATCH_SIZE
        for i in tf.range(whole):
            rows = tf.ensure_shape(order[i * BATCH_SIZE : (i + 1) * BATCH_SIZE], [BATCH_SIZE])
            loss, right = function(rows)
            loss_sum, correct = loss_sum + loss, correct + right
        loss, right = function(order[whole * BATCH_SIZE :])
        return loss_sum + loss, correct + right

    @tf.function
    def epoch(order, in_order):
        return all_of(step, order), all_of(test_step, in_order)

    in_order = tf.range(len(test[1]))
    clock = Clock()
    for number in range(task.epochs):
        order = tf.constant(task.order(number).astype(np.int32))
        (loss_sum, _), (_, correct) = epoch(order, in_order)
        train_loss = float(loss_sum) / len(train[1])
        accuracy = int(correct) / len(test[1])
        clock.mark()
    return Fit(clock.seconds(), portable(task, net.trainable_variables), train_loss, accuracy)
