"""MXNet trains in one process."""

from hardmax.errors import ArgumentError
from hardmax.processes.environment import place
from hardmax.processes.group import Group

__all__ = ["SHARES", "join", "synchronize"]

#: Whether each process computes with its own share of each batch.
SHARES = True


def join() -> Group:
    """Return the group of this process. Raises ArgumentError if several were started."""
    here = place()
    if here.size > 1:
        raise ArgumentError(
            f"MXNet trains in one process, and {here.size} were started; start one, or train with "
            "framework torch, jax or tensorflow: hardmax loads the weights of a network of theirs "
            "in MXNet too"
        )
    return Group()


def synchronize(trainer: object) -> None:
    """Do nothing, as there is one process."""
