"""Two roads through fit, and the one decision between them.

The engine is the framework's own fastest loop. The step-by-step road calls the book's hooks for
every batch, and is taken as soon as one of them is somebody else's.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any

__all__ = ["counter", "is_step_hook", "step_hook", "takes_engine"]

log = logging.getLogger(__name__)

#: The hooks of the book that the engine stands in for, as long as nobody changes them.
TRAINER_HOOKS = ("fit_epoch", "prepare_batch")
MODEL_HOOKS = ("training_step", "validation_step")


#: Hardmax's own hooks. A mark on the function itself would be copied by ``functools.wraps``.
OWN: set[Callable] = set()


def step_hook(function: Callable) -> Callable:
    """Register a hook as hardmax's own: the engine does what it does."""
    OWN.add(function)
    return function


def is_step_hook(hook: Any) -> bool:
    """Tell whether a hook, a function or a bound method, is hardmax's own."""
    return getattr(hook, "__func__", hook) in OWN


def counter(model: Any) -> Callable | None:
    """Return the model's ``accuracy`` if it can count, else None.

    It can if it takes the book's ``averaged``, which has it return one entry for each decision.
    """
    accuracy = getattr(model, "accuracy", None)
    if callable(accuracy) and "averaged" in inspect.signature(accuracy).parameters:
        return accuracy
    return None


def takes_engine(trainer: Any, model: Any) -> bool:
    """Decide the road: the engine, unless a step hook is not hardmax's own.

    An ``accuracy`` that cannot count sends fit down the step-by-step road too.
    """
    for owner, names in ((trainer, TRAINER_HOOKS), (model, MODEL_HOOKS)):
        for name in names:
            if not is_step_hook(getattr(owner, name, None)):
                log.debug("fit goes step by step: %s.%s is overridden", type(owner).__name__, name)
                return False
    if callable(getattr(model, "accuracy", None)) and counter(model) is None:
        log.debug("fit goes step by step: %s.accuracy takes no averaged", type(model).__name__)
        return False
    log.debug("fit takes the engine")
    return True
