"""The reference: a carefully handwritten loop over a hybridized network."""

from mxnet import autograd, gluon, np

from benchmarks.mxnet.work import network, tensors
from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from hardmax.data.datasets import SCALE
from hardmax.mxnet.layers import get_weights


def bare(task: Task) -> Fit:
    images, labels = tensors(task.dataset.train)
    test_images, test_labels = tensors(task.dataset.test)
    net = network(task)
    optim = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": LR})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    loss_of.hybridize(static_alloc=True, static_shape=True)
    clock = Clock()
    for epoch in range(task.epochs):
        order = np.array(task.order(epoch), dtype="int32")
        loss_sum, correct = np.zeros(()), np.zeros((), dtype="int32")
        for at in range(0, len(labels), BATCH_SIZE):
            rows = order[at : at + BATCH_SIZE]
            X = np.take(images, rows, axis=0).astype("float32") * SCALE
            Y = np.take(labels, rows)
            with autograd.record():
                scores = net(X)
                loss = loss_of(scores, Y).mean()
            loss.backward()
            optim.step(1)
            loss_sum += loss * len(rows)
            correct += (scores.argmax(axis=1).astype("int32") == Y).astype("int32").sum()
        train_loss, _ = float(loss_sum) / len(labels), int(correct) / len(labels)

        loss_sum, correct = np.zeros(()), np.zeros((), dtype="int32")
        for at in range(0, len(test_labels), BATCH_SIZE):
            rows = slice(at, at + BATCH_SIZE)
            scores = net(test_images[rows].astype("float32") * SCALE)
            loss_sum += loss_of(scores, test_labels[rows]).sum()
            right = scores.argmax(axis=1).astype("int32") == test_labels[rows]
            correct += right.astype("int32").sum()
        _, accuracy = float(loss_sum) / len(test_labels), int(correct) / len(test_labels)
        clock.mark()
    return Fit(clock.seconds(), get_weights(net), train_loss, accuracy)
