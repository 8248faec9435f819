"""A custom training step: label smoothing.

Overriding ``training_step`` makes ``fit`` take the step path, which calls it for every batch.
"""

from torch.nn import functional as F

from hardmax import torch as hm


class Smoothed(hm.SoftmaxRegression):
    def training_step(self, batch):
        *inputs, labels = batch
        loss = F.cross_entropy(self(*inputs), labels, label_smoothing=0.1)
        self.plot("loss", loss, train=True)
        return loss


data = hm.FashionMNIST(batch_size=256)
model = Smoothed(num_outputs=10, lr=0.1)
trainer = hm.Trainer(max_epochs=3, seed=0)
trainer.fit(model, data)
print(trainer.evaluate(model, data))
