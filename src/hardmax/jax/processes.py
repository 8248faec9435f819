"""Training in several processes that are started together, in JAX.

All processes give the same whole batches to the same compiled code, in which XLA divides the
examples among them: see ``runtime.put`` and ``Program.divided``.
"""

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Protocol

import jax
import numpy as np
from jax import lax

from hardmax.errors import ArgumentError
from hardmax.frameworks import silenced
from hardmax.jax import resuming
from hardmax.jax.module import Module
from hardmax.jax.runtime import by_example, everywhere, put
from hardmax.processes.environment import Place, free_port
from hardmax.processes.group import Group, group
from hardmax.training.states import state_from_first

__all__ = ["SHARES", "Trainer", "join", "synchronize"]

#: Whether each process computes with its own share of each batch.
SHARES = False

#: JAX's option to take SIGTERM for a warning, which would keep a process from being ended.
PREEMPTION = "jax_enable_preemption_service"

#: The environment variable with the addresses to which gRPC takes no proxy.
NO_PROXY = "no_grpc_proxy"


class Trainer(resuming.Trainer, Protocol):
    """The trainer, as far as other processes are concerned."""

    model: Module

    def get_weights(self, model: Module) -> dict[str, np.ndarray]:
        """Return copies of the model's weights as named NumPy arrays."""

    def set_weights(self, model: Module, weights: Mapping[str, np.ndarray]) -> None:
        """Set the model's weights."""


@cache
def join() -> Group:
    """Join the other processes, if there are any, at the first call; return their group.

    Raises ArgumentError if JAX has computed before, or cannot connect them.
    """
    joined = group()
    if joined.size > 1 and not jax.distributed.is_initialized():
        with joined.guarded(), silenced():
            _start(joined)
    return joined


def _start(joined: Group) -> None:
    """Start JAX in all processes, and connect them."""
    here = joined.place
    is_local = here.local_size == here.size
    (port,) = joined.from_first(np.asarray(free_port()))
    if hasattr(jax.config, PREEMPTION):
        jax.config.update(PREEMPTION, False)
    address = here.address
    try:
        with _without_proxy(address):
            jax.distributed.initialize(
                f"{address}:{port}",
                here.size,
                here.rank,
                _own_devices(here),
                cluster_detection_method="deactivate",
                coordinator_bind_address=f"{address}:{port}" if is_local else None,
            )
        platform = _connect()
    except RuntimeError as error:
        problem = str(error).splitlines()[0].partition(". ")[0]
        raise ArgumentError(
            f"JAX cannot start in {here.size} processes: {problem}; import hardmax.jax before "
            "anything is computed in JAX, and start as many processes as there are GPUs, or set "
            "JAX_PLATFORMS=cpu"
        ) from error
    if platform == "cpu":
        # Connected processes need JAX's coordinator no more, whose clients abort with many words
        # when the first process ends before them.
        jax.distributed.shutdown()
    else:
        atexit.register(_leave, joined)


@contextlib.contextmanager
def _without_proxy(address: str) -> Iterator[None]:
    """Let connections to an address that are made in a block take no HTTP proxy, as gRPC's may."""
    before = os.environ.get(NO_PROXY)
    os.environ[NO_PROXY] = address
    try:
        yield
    finally:
        del os.environ[NO_PROXY]
        if before is not None:
            os.environ[NO_PROXY] = before


def _own_devices(here: Place) -> list[int] | None:
    """Return the numbers of this process's GPUs among the visible ones; None for all of them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and len(visible.split(",")) <= here.local_rank:
        return None
    return [here.local_rank]


def _connect() -> str:
    """Connect the devices of all processes, by a first sum; return their platform.

    A later one would do so with lines on stdout.
    """
    device = jax.local_devices()[0]
    ones = put(np.ones(jax.device_count()), device)
    divided = by_example(everywhere(device.platform))
    jax.jit(lambda a: lax.with_sharding_constraint(a, divided).sum())(ones).block_until_ready()
    return device.platform


def _leave(joined: Group) -> None:
    """Shut JAX down once all processes end; but one that fails must not wait for the others."""
    watch, error = joined.watch, getattr(sys, "last_value", None)
    assert watch is not None
    if error is None and not watch.is_ending.is_set():
        joined.wait()
        jax.distributed.shutdown()
        return
    if error is not None:
        watch.problem = f"{type(error).__name__}: {error}"
    watch.end()
    if sys.stdout is not None:
        sys.stdout.flush()
    os._exit(1)


def synchronize(trainer: Trainer) -> None:
    """Give all processes the weights, the optimizer and the random numbers of the first."""
    state = {
        "weights": trainer.get_weights(trainer.model),
        "framework": resuming.state_of(trainer),
    }
    first = state_from_first(state, join())
    assert first is not None
    trainer.set_weights(trainer.model, first["weights"])
    resuming.restore(trainer, first["framework"])
