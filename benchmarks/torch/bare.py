"""The reference: a carefully handwritten loop."""

import torch
from torch.nn import functional as F

from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from benchmarks.torch.work import network, tensors
from hardmax.torch.layers import get_weights


def bare(task: Task) -> Fit:
    images, labels = tensors(task.dataset.train)
    test_images, test_labels = tensors(task.dataset.test)
    net = network(task)
    optim = torch.optim.SGD(net.parameters(), lr=LR)
    clock = Clock()
    for epoch in range(task.epochs):
        loss_sum = torch.zeros((), dtype=torch.float64)
        correct = torch.zeros((), dtype=torch.int64)
        net.train()
        for rows in torch.from_numpy(task.order(epoch)).split(BATCH_SIZE):
            X, Y = images.index_select(0, rows), labels.index_select(0, rows)
            scores = net(X)
            loss = F.cross_entropy(scores, Y)
            optim.zero_grad()
            loss.backward()
            optim.step()
            with torch.no_grad():
                loss_sum.add_(loss, alpha=len(rows))
                correct += (scores.argmax(dim=1) == Y).sum()
        train_loss, _ = loss_sum.item() / len(labels), correct.item() / len(labels)

        loss_sum.zero_()
        correct.zero_()
        net.eval()
        with torch.no_grad():
            parts = (test_images.split(BATCH_SIZE), test_labels.split(BATCH_SIZE))
            for X, Y in zip(*parts, strict=True):
                scores = net(X)
                loss_sum.add_(F.cross_entropy(scores, Y), alpha=len(Y))
                correct += (scores.argmax(dim=1) == Y).sum()
        _, accuracy = loss_sum.item() / len(test_labels), correct.item() / len(test_labels)
        clock.mark()
    return Fit(clock.seconds(), get_weights(net), train_loss, accuracy)
