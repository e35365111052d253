"""Streams of the Lab Streaming Layer on this network. The only module that knows pylsl, which is an optional extra."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from sensors.devices.lsl import (
    CLOCK,
    CONTROL,
    DESCRIPTION,
    KIND,
    SAMPLES,
    LslDescription,
    LslDriver,
    encode_clock,
    encode_description,
    encode_samples,
)
from sensors.driver import Driver
from sensors.errors import LinkError, NoRadioError
from sensors.streaming import FoundUnit, Listener

try:
    import pylsl
except (ImportError, RuntimeError):  # RuntimeError: the package is there, its library is not
    pylsl = None

__all__ = ["LslAir", "LslParams"]

Answer = TypeVar("Answer")

_CONTENTS = {"emg": "emg", "force": "force", "imu": "imu", "acc+gyro": "imu"}
"""Types of streams that are read, as streams call them, lower case."""
_IMU_CHANNELS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LslParams:
    """How streams are read; all values chosen by us.

    Attributes
    ----------
    pull_s
        Time between two pulls (s); the streams' own stamps tell when samples were measured.
    clock_error_s
        Half the round trip (s) that the network's estimate of a clock is believed to.
    open_s
        Longest time to open a stream (s).
    buffer_s
        The library keeps so much of a stream (s) where nobody pulls.
    most
        Samples of one pull.
    """

    pull_s: float = 0.02
    clock_error_s: float = 0.0005
    open_s: float = 5.0
    buffer_s: int = 30
    most: int = 4096


class LslLink:
    """An open stream."""

    def __init__(
        self,
        said: LslDescription,
        inlet: Any,  # noqa: ANN401 (pylsl is untyped)
        listener: Listener,
        params: LslParams,
    ) -> None:
        self._said = said
        self._inlet = inlet
        self._listener = listener
        self._params = params
        self._pulling: asyncio.Task[None] | None = None

    async def read(self, characteristic: str) -> bytes:
        """Read the description."""
        if characteristic != DESCRIPTION:
            raise LinkError(f"{self._said.name}: a stream has no {characteristic}")
        return encode_description(self._said)

    async def write(self, characteristic: str, data: bytes, *, response: bool) -> None:
        """Begin or end pulling, or ask for the stream's clock."""
        del response
        if characteristic == CLOCK:
            self._tell_clock()
        elif characteristic == CONTROL and data == b"start" and self._pulling is None:
            self._inlet.flush()  # what was kept while the stream was opened would come late, as after a clock's jump
            self._pulling = asyncio.create_task(self._pull())
        elif characteristic == CONTROL and data == b"stop":
            await self._end()

    async def ask(
        self, characteristic: str, data: bytes, *, answers_on: str, understand: Callable[[bytes], Answer | None]
    ) -> Answer:
        """Refuse: a stream answers nothing."""
        del data, answers_on, understand
        raise LinkError(f"{self._said.name}: a stream has no {characteristic}")

    def forget(self) -> None:
        """Have the listener drop what came so far."""
        self._listener.forget()

    async def subscribe(self, characteristic: str) -> None:
        """Do nothing: what is pulled is handed on anyway."""

    async def close(self) -> None:
        """Let the stream go."""
        await self._end()
        self._inlet.close_stream()

    async def _end(self) -> None:
        if self._pulling is not None:
            self._pulling.cancel()
            with suppress(asyncio.CancelledError):
                await self._pulling
            self._pulling = None

    async def _pull(self) -> None:
        """Hand on what has come, every so often; the library's own thread receives it meanwhile."""
        while True:
            try:
                rows, stamps = self._inlet.pull_chunk(timeout=0.0, max_samples=self._params.most)
            except Exception:  # noqa: BLE001 - pylsl raises its own LostError, and RuntimeError
                self._listener.lost()
                return
            if stamps:
                values = np.array(rows, dtype=np.float64)
                kept = values if self._said.column < 0 else values[:, [self._said.column]]
                self._listener.notified(SAMPLES, encode_samples(np.array(stamps), kept))
            await asyncio.sleep(self._params.pull_s)

    def _tell_clock(self) -> None:
        """Hand on the library's estimate of the stream's clock as the answer to a ping."""
        try:
            offset_s = self._inlet.time_correction(timeout=0.0)
        except Exception:  # noqa: BLE001 - TimeoutError, LostError and RuntimeError: there is no estimate yet
            return
        sent_ns = time.perf_counter_ns() - round(2e9 * self._params.clock_error_s)
        self._listener.notified(
            CLOCK, encode_clock(sent_ns, pylsl.local_clock() - self._params.clock_error_s - offset_s)
        )


class LslAir:
    """The streams of this network that hold EMG, force or an inertial sensor."""

    def __init__(self, params: LslParams = LslParams()) -> None:
        """Check that the extra is there.

        Raises
        ------
        NoRadioError
            If it is not.
        """
        if pylsl is None:
            raise NoRadioError("streams of the Lab Streaming Layer need an extra: pip install 'catchangle[lsl]'")
        self._params = params
        self.drivers: Mapping[str, Driver] = {KIND: LslDriver()}

    async def scan(self, seconds: float) -> tuple[FoundUnit, ...]:
        """Listen for streams."""
        try:
            streams = await asyncio.to_thread(pylsl.resolve_streams, seconds)
        except Exception as error:
            raise LinkError(f"cannot look for streams ({error}); check this machine's network") from error
        return tuple(found for stream in streams for found in _found(stream))

    async def find(self, found: FoundUnit, seconds: float) -> FoundUnit | None:
        """Listen for one stream that was found before."""
        return next((other for other in await self.scan(seconds) if other.address == found.address), None)

    async def open(self, found: FoundUnit, listener: Listener) -> LslLink:
        """Open a stream."""
        try:
            inlet = pylsl.StreamInlet(found.handle, max_buflen=self._params.buffer_s, recover=False)
            full = await asyncio.to_thread(inlet.info, self._params.open_s)
            await asyncio.to_thread(inlet.open_stream, self._params.open_s)
            # The first estimate takes a while; later ones come from the library's background.
            await asyncio.to_thread(inlet.time_correction, self._params.open_s)
        except Exception as error:
            raise LinkError(f"{found.name}: cannot be opened ({error}); start its program again") from error
        return LslLink(_describe(full, _column(found)), inlet, listener, self._params)


def _found(stream: Any) -> list[FoundUnit]:  # noqa: ANN401 (pylsl is untyped)
    """Return a unit for each channel of an EMG or force stream, one for an inertial sensor, none for another."""
    content = _CONTENTS.get(stream.type().lower())
    if content is None or (content == "imu" and stream.channel_count() != _IMU_CHANNELS):
        return []
    identity = stream.source_id() or stream.uid()
    columns = [-1] if content == "imu" else list(range(stream.channel_count()))
    return [
        FoundUnit(
            kind=KIND,
            name=stream.name() + (f" channel {column + 1}" if len(columns) > 1 else ""),
            address=f"{identity}#{column}",
            handle=stream,
        )
        for column in columns
    ]


def _column(found: FoundUnit) -> int:
    return int(found.address.rpartition("#")[2])


def _describe(stream: Any, column: int) -> LslDescription:  # noqa: ANN401 (pylsl is untyped)
    labels, units = [], []
    channel = stream.desc().child("channels").child("channel")
    for _ in range(stream.channel_count()):
        labels.append(channel.child_value("label"))
        units.append(channel.child_value("unit"))
        channel = channel.next_sibling()
    kept = slice(None) if column < 0 else slice(column, column + 1)
    return LslDescription(
        name=stream.name(),
        source_id=stream.source_id(),
        content=_CONTENTS[stream.type().lower()],
        column=column,
        label=" ".join(labels[kept]),
        units=tuple(units[kept]),
        rate_hz=float(stream.nominal_srate()),
    )
