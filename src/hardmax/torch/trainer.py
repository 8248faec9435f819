"""The book's Trainer in PyTorch, on top of the loop that all frameworks share."""

from collections.abc import Sequence

import torch
from torch import nn

from hardmax.torch import engine, layers, runtime
from hardmax.torch.engine import Optimizer
from hardmax.torch.module import Module, scratch_weights
from hardmax.training import trainer
from hardmax.training.contracts import Engine, Layers, Runtime
from hardmax.training.dispatch import step_hook

__all__ = ["Trainer"]


class Trainer(trainer.Trainer[Module, torch.Tensor]):
    """Fits a model to data; see ``hardmax.training.trainer.Trainer`` for the arguments."""

    framework = "torch"
    engine: Engine["Trainer", Module, torch.Tensor] = engine
    layers: Layers[Module] = layers
    runtime: Runtime[Module, torch.device] = runtime
    optim: Optimizer
    run_device: torch.device

    @step_hook
    def prepare_batch(self, batch: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return a batch's tensors on the run's device."""
        return tuple(a.to(self.run_device) for a in batch)

    def train_on(self, batch: Sequence[torch.Tensor]) -> None:
        """Take an optimizer step on a batch, through the hooks."""
        loss = self.model.training_step(self.prepare_batch(batch))
        self.optim.zero_grad()
        loss.backward()
        with torch.no_grad():
            if self.gradient_clip_val > 0:
                self.clip_gradients(self.gradient_clip_val, self.model)
            self.optim.step()

    def validate_on(self, batch: Sequence[torch.Tensor]) -> None:
        """Take the model's validation step on a batch, without gradients."""
        with torch.no_grad():
            super().validate_on(batch)

    def clip_gradients(self, grad_clip_val: float, model: nn.Module) -> None:
        """Scale all gradients of a model so that their global norm is at most ``grad_clip_val``."""
        scratch = [weight for module in model.modules() for _, weight in scratch_weights(module)]
        weights = {id(weight): weight for weight in [*model.parameters(), *scratch]}
        torch.nn.utils.clip_grad_norm_(weights.values(), grad_clip_val)
