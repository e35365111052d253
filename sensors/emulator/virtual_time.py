"""An event loop whose time jumps to the next thing that is due: ten minutes of streaming take seconds."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

from sensors.errors import SensorError

__all__ = ["VirtualLoop", "run_virtual"]

Answer = TypeVar("Answer")

_START_S = 1000.0
"""Where virtual time begins: not at zero, which would hide an uninitialised time (chosen by us)."""
_THREAD_POLL_S = 0.001
"""How long the loop really waits for a thread at a time (chosen by us)."""
_STANDSTILL_S = 10.0
"""How long it really waits for a foreign thread when no timer is left (chosen by us)."""


class _JumpingSelector(selectors.BaseSelector):
    """Never sleeps: what the loop would have slept is added to its clock, unless a thread is at work."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now_s = _START_S
        self.threads_at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return self._wait_without_timer()
        if timeout <= 0:
            return self._real.select(0)
        # A thread works in real time: its answer may be due before the next timer, so time stands still for it.
        ready = self._real.select(_THREAD_POLL_S if self.threads_at_work else 0)
        if not ready and not self.threads_at_work:
            self.now_s += timeout
        return ready

    def _wait_without_timer(self) -> list[tuple[selectors.SelectorKey, int]]:
        if self.threads_at_work:
            return self._real.select(None)
        ready = self._real.select(_STANDSTILL_S)
        if not ready:
            raise SensorError("the emulated world stands still: every task waits for something that will never come")
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401 - its base
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - its base
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401 - its base
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time; work given to threads holds time still until it is done."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time (s)."""
        return self._jumping.now_s

    def run_in_executor(  # type: ignore[override]  # typeshed types it with variadic generics that mypy cannot match
        self,
        executor: Executor | None,
        func: Callable[..., Answer],
        *args: Any,  # noqa: ANN401 - passed on
    ) -> asyncio.Future[Answer]:
        """Run a function in a thread; time stands still meanwhile."""
        self._jumping.threads_at_work += 1
        try:
            work = super().run_in_executor(executor, func, *args)
        except BaseException:
            self._jumping.threads_at_work -= 1
            raise
        work.add_done_callback(self._thread_done)
        return work

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002 - 3.12 has it
        """Wait for the threads; time stands still meanwhile."""
        self._jumping.threads_at_work += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._jumping.threads_at_work -= 1

    def _thread_done(self, _work: object) -> None:
        self._jumping.threads_at_work -= 1


def run_virtual(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end on virtual time, as `asyncio.run` does on real time.

    Raises
    ------
    SensorError
        If all tasks wait for something that can never come.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
