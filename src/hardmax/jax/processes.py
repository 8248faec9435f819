"""Training in several processes that are started together, in JAX."""

from typing import Any

from hardmax.processes.group import Group, group

__all__ = ["SHARES", "join", "synchronize"]

#: Whether each process computes with its own share of each batch.
SHARES = True


def join() -> Group:
    """Join the other processes, if there are any, at the first call; return their group."""
    return group()


def synchronize(trainer: Any) -> None:
    """Give all processes the weights of the first, and random numbers of their own."""
