"""Work that goes on while a page is drawn anew: a click elsewhere must not cost an analysis."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Work"]

Result = TypeVar("Result")


class Work(Generic[Result]):
    """A piece of work in a thread of its own.

    Parameters
    ----------
    do
        The work; it is given what it tells the share done, 0 to 1.
    """

    def __init__(self, do: Callable[[Callable[[float], None]], Result]) -> None:
        self.share = 0.0
        self._do = do
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; tell whether the work is done."""
        self._thread.join(timeout=seconds)
        return not self._thread.is_alive()

    def result(self) -> Result:
        """Wait until the work is done, and return what it gave or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._do(self._tell))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def _tell(self, share: float) -> None:
        self.share = share
