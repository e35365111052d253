"""Time that jumps: nothing is waited for but threads."""

import asyncio
import threading

import pytest

from sensors.emulator import virtual_time
from sensors.emulator.virtual_time import VirtualLoop, run_virtual
from sensors.errors import SensorError


def test_an_hour_passes_at_once_and_in_order() -> None:
    async def nap(seconds: float, woken: list[float]) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    async def main() -> tuple[list[float], float]:
        loop, woken = asyncio.get_running_loop(), []
        begun_s = loop.time()
        await asyncio.gather(*(nap(seconds, woken) for seconds in (3600.0, 0.5, 60.0)))
        return woken, loop.time() - begun_s

    woken, elapsed_s = run_virtual(main())
    assert woken == [0.5, 60.0, 3600.0]
    assert elapsed_s == pytest.approx(3600.0)


def test_time_stands_still_while_a_thread_works() -> None:
    release = threading.Event()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        asyncio.get_running_loop().call_later(60.0, release.set)
        threading.Timer(0.05, release.set).start()
        await asyncio.to_thread(release.wait)
        return loop.time() - begun_s

    assert run_virtual(main()) == 0.0


def test_a_time_out_comes_when_it_is_due() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await asyncio.Event().wait()
        return loop.time() - begun_s

    assert run_virtual(main()) == pytest.approx(5.0)


def test_a_world_that_stands_still_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "_STANDSTILL_S", 0.01)

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(SensorError, match="stands still"):
        run_virtual(main())


def test_what_a_foreign_thread_says_is_heard() -> None:
    async def main() -> str:
        loop, said = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        threading.Timer(0.05, lambda: loop.call_soon_threadsafe(said.set_result, "here")).start()
        return await said

    assert run_virtual(main()) == "here"


def test_a_refused_executor_leaves_time_running() -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(loop.shutdown_default_executor())
        with pytest.raises(RuntimeError):
            loop.run_in_executor(None, int)
        begun_s = loop.time()
        loop.run_until_complete(asyncio.wait_for(asyncio.sleep(7.0), 60.0))
        assert loop.time() - begun_s == pytest.approx(7.0)
    finally:
        loop.close()
