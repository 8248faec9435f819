"""The exceptions that hardmax raises on purpose.

    HardmaxError
    ├── ArgumentError          invalid argument                (also a ValueError)
    ├── DataError              unusable data                   (also a ValueError)
    │   └── DownloadError      failed download
    ├── RunError               invalid run folder or weights   (also a ValueError)
    ├── ExportError            run that cannot be exported
    ├── MissingFrameworkError  framework not installed         (also an ImportError)
    └── DivergenceError        training diverged               (also an ArithmeticError)

Each message states on one line what was wrong, what was received, what is allowed and what to
do next. The command line prints it and exits with code 2.
"""

__all__ = [
    "ArgumentError",
    "DataError",
    "DivergenceError",
    "DownloadError",
    "ExportError",
    "HardmaxError",
    "MissingFrameworkError",
    "RunError",
]


#: The most characters of a message; the middle of a longer one is left out.
MAX_MESSAGE = 1000


class HardmaxError(Exception):
    """Base class of every error that hardmax raises on purpose.

    Its message is one line of at most MAX_MESSAGE characters.
    """

    def __init__(self, message: str):
        # Quoted values, such as file names, may contain line breaks and be of any length.
        line = " ".join(message.split())
        if len(line) > MAX_MESSAGE:
            half = (MAX_MESSAGE - len(" [...] ")) // 2
            line = f"{line[:half]} [...] {line[-half:]}"
        super().__init__(line)


class ArgumentError(HardmaxError, ValueError):
    """An argument is invalid."""


class DataError(HardmaxError, ValueError):
    """Data could not be found, read or used."""


class DownloadError(DataError):
    """Data could not be downloaded, or its checksum is wrong."""


class RunError(HardmaxError, ValueError):
    """A run folder or a weights file is missing or damaged, or does not fit the model."""


class ExportError(HardmaxError):
    """A run cannot be exported, or its exported file does not give its predictions."""


class MissingFrameworkError(HardmaxError, ImportError):
    """The requested framework is not installed."""


class DivergenceError(HardmaxError, ArithmeticError):
    """The training loss became NaN or infinite, or far larger than at the start."""
