"""What is wrong with a request."""

from http import HTTPStatus

from hardmax.errors import HardmaxError

__all__ = ["RequestError"]


class RequestError(HardmaxError):
    """A request that is refused, with the ``status`` that HTTP has for the reason."""

    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST):
        super().__init__(message)
        self.status = int(status)
