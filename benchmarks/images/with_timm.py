"""timm: its ResNet-18 from random weights, AdamW, warmup and cosine, smoothed labels."""

import math
import time

import torch

from benchmarks.images.outcome import Outcome, epochs_within
from benchmarks.torchvision_import import import_torchvision
from hardmax.data.datasets import Images
from hardmax.data.load import load

import_torchvision()

import timm
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torchvision.transforms import v2

BATCH_SIZE = 128


def fit(source: str, minutes: float) -> Outcome:
    torch.manual_seed(0)
    dataset = load(source)
    train, test = _tensors(dataset.train), _tensors(dataset.test)
    training = Training(dataset.shape, len(dataset.classes))
    steps = math.ceil(len(train[0]) / BATCH_SIZE)
    epochs = epochs_within(
        minutes, steps, lambda: training.step(train[0][:BATCH_SIZE], train[1][:BATCH_SIZE])
    )
    training = Training(dataset.shape, len(dataset.classes))
    warmup = min(5, epochs // 5)
    schedule = CosineLRScheduler(
        training.optimizer, t_initial=epochs, warmup_t=warmup, warmup_lr_init=1e-5
    )
    start = time.perf_counter()
    for epoch in range(epochs):
        schedule.step(epoch)
        for index in torch.randperm(len(train[0])).split(BATCH_SIZE):
            training.step(train[0][index], train[1][index])
        correct = training.correct(*test)
    seconds = time.perf_counter() - start
    weights = sum(weight.numel() for weight in training.model.parameters())
    return Outcome("resnet18", correct, len(test[0]), epochs, seconds, weights)


def _tensors(images: object) -> tuple[torch.Tensor, torch.Tensor]:
    assert isinstance(images, Images)
    return torch.tensor(images.images.transpose(0, 3, 1, 2)), torch.tensor(images.labels)


class Training:
    """A network and what its steps need."""

    def __init__(self, shape: tuple[int, ...], classes: int):
        height, width, channels = shape
        self.model = timm.create_model("resnet18", num_classes=classes, in_chans=channels)
        self.optimizer = create_optimizer_v2(self.model, "adamw", lr=1e-3, weight_decay=0.05)
        self.loss = LabelSmoothingCrossEntropy(0.1)
        augment = [v2.RandomCrop((height, width), padding=height // 8), v2.RandomHorizontalFlip()]
        self.augment = v2.Compose(augment)

    def step(self, X: torch.Tensor, Y: torch.Tensor) -> None:
        self.model.train()
        images = torch.stack([self.augment(image) for image in X])
        loss = self.loss(self.model(images / 255), Y.long())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def correct(self, X: torch.Tensor, Y: torch.Tensor) -> int:
        """Return the number of correct predictions."""
        self.model.eval()
        batches = zip(X.split(BATCH_SIZE), Y.split(BATCH_SIZE), strict=True)
        return sum(int((self.model(x / 255).argmax(1) == y).sum()) for x, y in batches)
