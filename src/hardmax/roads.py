"""Two roads through fit, and the one decision between them.

The engine is the framework's own fastest loop. The step-by-step road calls the book's hooks for
every batch, and is taken as soon as one of them is somebody else's.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any

__all__ = ["is_step_hook", "step_hook", "takes_engine"]

log = logging.getLogger(__name__)

#: The hooks of the book that the engine stands in for, as long as nobody changes them.
TRAINER_HOOKS = ("fit_epoch", "prepare_batch")
MODEL_HOOKS = ("training_step", "validation_step")


def step_hook(function: Callable) -> Callable:
    """Mark a hook as hardmax's own: the engine does what it does."""
    function.step_hook = True  # type: ignore[attr-defined]
    return function


def is_step_hook(function: Any) -> bool:
    """Tell whether a hook is hardmax's own."""
    return getattr(function, "step_hook", False)


def takes_engine(trainer: Any, model: Any) -> bool:
    """Decide the road: the engine, unless a step hook is not hardmax's own.

    ``accuracy`` sends fit down the step-by-step road only if it cannot count, that is, if it
    does not take the book's ``averaged``.
    """
    for owner, names in ((trainer, TRAINER_HOOKS), (model, MODEL_HOOKS)):
        for name in names:
            if not is_step_hook(getattr(owner, name, None)):
                log.debug("fit goes step by step: %s.%s is overridden", type(owner).__name__, name)
                return False
    accuracy = getattr(model, "accuracy", None)
    if accuracy is not None and "averaged" not in inspect.signature(accuracy).parameters:
        log.debug("fit goes step by step: %s.accuracy takes no averaged", type(model).__name__)
        return False
    log.debug("fit takes the engine")
    return True
