"""The book's Trainer in MXNet, on top of the loop that all frameworks share."""

from collections.abc import Sequence

import mxnet as mx
from mxnet import autograd, gluon, np

from hardmax.mxnet import engine, export, layers, processes, resuming, runtime
from hardmax.mxnet.engine import Optimizer
from hardmax.mxnet.module import Module
from hardmax.mxnet.seeds import seed_batch
from hardmax.training import trainer
from hardmax.training.contracts import Engine, Exporter, Layers, Processes, Resuming, Runtime
from hardmax.training.dispatch import is_step_hook, step_hook

__all__ = ["Trainer"]


class Trainer(trainer.Trainer[Module, np.ndarray]):
    """Fits a model to data, with the arguments of its base class."""

    framework = "mxnet"
    engine: Engine["Trainer", Module, np.ndarray] = engine
    export: Exporter[Module, np.ndarray] = export
    layers: Layers[Module] = layers
    processes: Processes["Trainer"] = processes
    resuming: Resuming["Trainer"] = resuming
    runtime: Runtime[Module, mx.Context] = runtime
    optim: Optimizer
    run_device: mx.Context

    def prepare_model(self, model: Module) -> None:
        """Put the model on the run's device, and compile its network if Gluon can."""
        super().prepare_model(model)
        net = getattr(model, "net", None)
        if isinstance(net, gluon.HybridBlock):
            net.hybridize(static_alloc=True, static_shape=True)

    @step_hook
    def prepare_batch(self, batch: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Return a batch's arrays on the run's device."""
        return tuple(a.as_in_ctx(self.run_device) for a in batch)

    def train_on(self, batch: Sequence[np.ndarray]) -> None:
        """Take an optimizer step on a batch, through the hooks."""
        if is_step_hook(self.fit_epoch):  # another one does not count batches
            seed_batch(self, self.batches_done)
        with autograd.record():
            loss = self.model.training_step(self.prepare_batch(batch))
        loss.backward()
        if self.gradient_clip_val > 0:
            self.clip_gradients(self.gradient_clip_val, self.model)
        self.optim.step(1)

    def clip_gradients(self, grad_clip_val: float, model: gluon.Block) -> None:
        """Scale all gradients of a model so that their global norm is at most ``grad_clip_val``."""
        params = model.parameters()
        if not isinstance(params, list):
            params = [p.data() for p in params.values() if p.grad_req != "null"]
        grads = [param.grad for param in params]
        norm = np.sqrt(np.stack([(grad**2).sum() for grad in grads]).sum())
        scale = np.minimum(1.0, grad_clip_val / (norm + 1e-6))
        for grad in grads:
            grad[:] = grad * scale
