"""Lightning: a module and two DataLoaders, as its documentation shows them."""

import logging
import warnings

import lightning
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.task import BATCH_SIZE, LR, Clock, Fit, Task
from benchmarks.torch.work import Order, network, tensors
from hardmax.torch.layers import get_weights

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Classifier(lightning.LightningModule):
    def __init__(self, net: torch.nn.Module):
        super().__init__()
        self.net = net

    def forward(self, X):
        return self.net(X)

    def training_step(self, batch, batch_idx):
        loss, accuracy = self.evaluate_scores(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        self.log("train_acc", accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        loss, accuracy = self.evaluate_scores(batch)
        self.log("val_loss", loss)
        self.log("val_acc", accuracy)

    def evaluate_scores(self, batch):
        X, Y = batch
        scores = self(X)
        return F.cross_entropy(scores, Y), (scores.argmax(dim=1) == Y).float().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=LR)


class EpochTimer(Clock, lightning.Callback):
    """Marks the end of each epoch."""

    def on_train_epoch_end(self, trainer, pl_module):
        self.mark()


def lightning_fit(task: Task) -> Fit:
    model = Classifier(network(task))
    train = DataLoader(TensorDataset(*tensors(task.dataset.train)), BATCH_SIZE, sampler=Order(task))
    test = DataLoader(TensorDataset(*tensors(task.dataset.test)), BATCH_SIZE)
    timer = EpochTimer()
    trainer = lightning.Trainer(
        max_epochs=task.epochs,
        accelerator="cpu",
        callbacks=[timer],
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers|.*LeafSpec")
        trainer.fit(model, train, test)
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    return Fit(timer.seconds(), get_weights(model.net), metrics["train_loss"], metrics["val_acc"])
