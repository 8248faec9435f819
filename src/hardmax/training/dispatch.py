"""The two paths through fit, and the choice between them.

The fast path runs the engine, the framework's fastest training loop. The step path calls the
book's hooks for every batch; it is used as soon as one of them is overridden.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["counter", "is_step_hook", "step_hook", "takes_engine"]

log = logging.getLogger(__name__)

#: The book's hooks that the engine replaces unless they are overridden.
TRAINER_HOOKS = ("fit_epoch", "prepare_batch")
MODEL_HOOKS = ("training_step", "validation_step")


Hook = TypeVar("Hook", bound=Callable[..., object])

#: The default hooks. An attribute on the function itself would be copied by ``functools.wraps``.
DEFAULT_HOOKS: set[Callable[..., object]] = set()


def step_hook(function: Hook) -> Hook:
    """Register a default hook: the engine does the same."""
    DEFAULT_HOOKS.add(function)
    return function


def is_step_hook(hook: object) -> bool:
    """Return whether a hook, a function or a bound method, is a default one."""
    return getattr(hook, "__func__", hook) in DEFAULT_HOOKS


def counter(model: object) -> Callable[..., Any] | None:
    """Return the model's ``accuracy`` method if it can count correct predictions, else None.

    It can if it takes the book's ``averaged`` argument: with False it returns one value for each
    prediction.
    """
    accuracy: Callable[..., Any] | None = getattr(model, "accuracy", None)
    if callable(accuracy) and "averaged" in inspect.signature(accuracy).parameters:
        return accuracy
    return None


def takes_engine(trainer: object, model: object) -> bool:
    """Return whether fit takes the fast path: no step hook is overridden.

    An ``accuracy`` without the ``averaged`` argument requires the step path too.
    """
    for owner, names in ((trainer, TRAINER_HOOKS), (model, MODEL_HOOKS)):
        for name in names:
            if not is_step_hook(getattr(owner, name, None)):
                log.debug(
                    "fit takes the step path: %s.%s is overridden", type(owner).__name__, name
                )
                return False
    if callable(getattr(model, "accuracy", None)) and counter(model) is None:
        log.debug(
            "fit takes the step path: %s.accuracy has no averaged argument", type(model).__name__
        )
        return False
    log.debug("fit takes the fast path")
    return True
