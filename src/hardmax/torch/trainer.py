"""The book's Trainer in PyTorch, on top of the loop that all frameworks share."""

from typing import Any

import numpy as np
import torch

from hardmax.torch import engine, layers, tensors
from hardmax.torch.module import scratch_weights
from hardmax.training import trainer
from hardmax.training.dispatch import step_hook

__all__ = ["Trainer"]


class Trainer(trainer.Trainer):
    """Fits a model to data; see ``hardmax.training.trainer.Trainer`` for the arguments."""

    framework = "torch"
    engine = engine
    tensors = tensors

    @step_hook
    def prepare_batch(self, batch: Any) -> tuple[torch.Tensor, ...]:
        """Return a batch's tensors on the run's device."""
        return tuple(a.to(self.run_device) for a in batch)

    @step_hook
    def fit_epoch(self) -> None:
        """Train for an epoch and validate, on the fast path or step by step through the hooks."""
        if self.uses_engine:
            self.engine_epoch()
            return
        self.model.train()
        for batch in self.train_dataloader:
            self.examples = len(batch[-1])
            loss = self.model.training_step(self.prepare_batch(batch))
            self.optim.zero_grad()
            loss.backward()
            with torch.no_grad():
                if self.gradient_clip_val > 0:
                    self.clip_gradients(self.gradient_clip_val, self.model)
                self.optim.step()
            self.train_batch_idx += 1
        if self.val_dataloader is None:
            return
        self.model.eval()
        with torch.no_grad():
            for batch in self.val_dataloader:
                self.examples = len(batch[-1])
                self.model.validation_step(self.prepare_batch(batch))
                self.val_batch_idx += 1

    def clip_gradients(self, grad_clip_val: float, model: Any) -> None:
        """Scale all gradients of a model so that their global norm is at most ``grad_clip_val``."""
        scratch = [weight for module in model.modules() for _, weight in scratch_weights(module)]
        weights = {id(weight): weight for weight in [*model.parameters(), *scratch]}
        torch.nn.utils.clip_grad_norm_(weights.values(), grad_clip_val)

    def get_weights(self, model: Any) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""
        return layers.get_weights(model)

    def set_weights(self, model: Any, weights: dict[str, np.ndarray]) -> None:
        """Set the model's weights. Raises RunError if they do not fit."""
        layers.set_weights(model, weights)
