"""How often the state of a fit is saved; imports no NumPy, as options need it."""

from hardmax.errors import ArgumentError

__all__ = ["CHECKPOINT_EVERY", "check_minutes"]

#: The minutes between two states, unless an epoch ends earlier.
CHECKPOINT_EVERY = 5.0


def check_minutes(minutes: float) -> None:
    """Raise ArgumentError for a time between two states that is not above 0."""
    if not minutes > 0:
        raise ArgumentError(f"the minutes between two states must be above 0, got {minutes!r}")
