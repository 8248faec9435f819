"""The book's Trainer in MXNet, on top of the loop that all frameworks share."""

from typing import Any

import numpy as onp
from mxnet import autograd, gluon, np

from hardmax.mxnet import engine, layers, tensors
from hardmax.training import trainer
from hardmax.training.dispatch import step_hook

__all__ = ["Trainer"]


class Trainer(trainer.Trainer):
    """Fits a model to data; see ``hardmax.training.trainer.Trainer`` for the arguments."""

    framework = "mxnet"
    engine = engine
    tensors = tensors

    def prepare_model(self, model: Any) -> None:
        """Put the model on the run's device, and compile its network if Gluon can."""
        super().prepare_model(model)
        net = getattr(model, "net", None)
        if isinstance(net, gluon.HybridBlock):
            net.hybridize(static_alloc=True, static_shape=True)

    @step_hook
    def prepare_batch(self, batch: Any) -> tuple[np.ndarray, ...]:
        """Return a batch's arrays on the run's device."""
        return tuple(a.as_in_ctx(self.run_device) for a in batch)

    @step_hook
    def fit_epoch(self) -> None:
        """Train for an epoch and validate, on the fast path or step by step through the hooks."""
        if self.uses_engine:
            self.engine_epoch()
            return
        for batch in self.train_dataloader:
            self.examples = len(batch[-1])
            with autograd.record():
                loss = self.model.training_step(self.prepare_batch(batch))
            loss.backward()
            if self.gradient_clip_val > 0:
                self.clip_gradients(self.gradient_clip_val, self.model)
            self.optim.step(1)
            self.train_batch_idx += 1
        if self.val_dataloader is None:
            return
        for batch in self.val_dataloader:
            self.examples = len(batch[-1])
            self.model.validation_step(self.prepare_batch(batch))
            self.val_batch_idx += 1

    def clip_gradients(self, grad_clip_val: float, model: Any) -> None:
        """Scale all gradients of a model so that their global norm is at most ``grad_clip_val``."""
        params = model.parameters()
        if not isinstance(params, list):
            params = [p.data() for p in params.values() if p.grad_req != "null"]
        grads = [param.grad for param in params]
        norm = np.sqrt(np.stack([(grad**2).sum() for grad in grads]).sum())
        scale = np.minimum(1.0, grad_clip_val / (norm + 1e-6))
        for grad in grads:
            grad[:] = grad * scale

    def get_weights(self, model: Any) -> dict[str, onp.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""
        return layers.get_weights(model)

    def set_weights(self, model: Any, weights: dict[str, onp.ndarray]) -> None:
        """Set the model's weights. Raises RunError if they do not fit."""
        layers.set_weights(model, weights)
