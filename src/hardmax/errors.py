"""Everything that hardmax raises on purpose.

::

    HardmaxError
    ├── ArgumentError          a value that makes no sense     (also a ValueError)
    ├── DataError              data that cannot be used        (also a ValueError)
    │   └── DownloadError      data that could not be fetched
    ├── RunError               a run folder or weight file     (also a ValueError)
    ├── MissingFrameworkError  a framework not installed       (also an ImportError)
    └── DivergenceError        a training loss not finite      (also an ArithmeticError)

Each message says, on one line, what was wrong, what was received, what is allowed and what to
do next. The command line prints it and exits with code 2.
"""

__all__ = [
    "ArgumentError",
    "DataError",
    "DivergenceError",
    "DownloadError",
    "HardmaxError",
    "MissingFrameworkError",
    "RunError",
]


class HardmaxError(Exception):
    """The base of every error that hardmax raises on purpose; its message is one line."""

    def __init__(self, message: str):
        # What is quoted in a message, such as a file's name, may have line breaks.
        super().__init__(" ".join(message.split()))


class ArgumentError(HardmaxError, ValueError):
    """A value was given that makes no sense where it stands."""


class DataError(HardmaxError, ValueError):
    """Data could not be found, read or used."""


class DownloadError(DataError):
    """Data could not be fetched, or what came is not what was asked for."""


class RunError(HardmaxError, ValueError):
    """A run folder or a file of weights is missing, damaged or does not fit."""


class MissingFrameworkError(HardmaxError, ImportError):
    """The framework that was asked for is not installed."""


class DivergenceError(HardmaxError, ArithmeticError):
    """The training loss became NaN or infinite."""
