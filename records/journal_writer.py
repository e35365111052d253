"""Writing a journal while sensors stream: from a bounded queue, in a thread of its own, on the disk every second."""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from records.durable import refusal
from records.errors import StoreError
from records.journal import MAGIC, JournalHeader, JournalRecord, encode_record
from sensors.packets import Arrival, LinkEvent, LinkEventKind, UnitInfo

__all__ = ["JournalParams", "JournalWriter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalParams:
    """How a journal is written; all chosen by us but where said.

    Attributes
    ----------
    write_s
        What waits is handed to the operating system at least so often (s): a killed process loses no more.
    sync_s
        It is on the disk at least so often (s): a power failure loses no more (issue 4: the last second).
    repeat_s
        The header and the units' descriptions are written again so often (s), so that damage to one costs nothing.
    queue_records
        Records that may wait for the disk: half a minute of four sensors with a hundred notifications a second each;
        further arrivals are dropped and counted.
    """

    write_s: float = 0.2
    sync_s: float = 1.0
    repeat_s: float = 10.0
    queue_records: int = 12_000


class JournalWriter:
    """An open journal; a context manager.

    `put` never waits and never raises; `fault` says when the disk refused, and what to do. What was written before is
    kept.

    Parameters
    ----------
    path
        File to make; there must be none.
    header
        Written first, and again from time to time.
    params
        How it is written.

    Raises
    ------
    StoreError
        If the file cannot be made.
    """

    def __init__(self, path: Path, header: JournalHeader, params: JournalParams = JournalParams()) -> None:
        self.path = path
        self._header = header
        self._params = params
        self._units: dict[str, UnitInfo] = {}
        self._waiting: deque[JournalRecord] = deque()
        self._dropped: Counter[tuple[str, int]] = Counter()
        self._changed = threading.Condition()
        self._ended = False
        self._fault = ""
        self._total_dropped = 0
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise StoreError(path, refusal(error)) from error
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._write(MAGIC + encode_record(header))
        self._sync()
        if self._fault:
            raise StoreError(path, self._fault)
        self._thread.start()

    @property
    def fault(self) -> str:
        """Why nothing more is written, empty while all is well."""
        return self._fault

    @property
    def dropped(self) -> int:
        """Arrivals that were dropped because the disk was too slow."""
        return self._total_dropped

    def put(self, record: JournalRecord) -> None:
        """Take a record; where too many wait, an arrival is dropped and counted, anything else is still taken."""
        with self._changed:
            if isinstance(record, UnitInfo):
                self._units[record.unit_id] = record
            if isinstance(record, Arrival) and (self._fault or len(self._waiting) >= self._params.queue_records):
                self._dropped[record.unit_id, record.segment] += 1
                self._total_dropped += 1
            elif not self._fault:
                self._waiting.append(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Bring all that waits to the disk, and close."""
        with self._changed:
            if self._ended:
                return
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        """Write until told to end (runs in its own thread)."""
        synced_s = repeated_s = time.monotonic()
        ended = False
        while not ended:
            with self._changed:
                self._changed.wait_for(lambda: self._ended, timeout=self._params.write_s)
                ended = self._ended
            self._write(self._encoded(self._take()))
            now_s = time.monotonic()
            if now_s - repeated_s >= self._params.repeat_s:
                repeated_s = now_s
                self._write(self._encoded([self._header, *self._units.values()]))
            if ended or now_s - synced_s >= self._params.sync_s:
                synced_s = now_s
                self._sync()
        self._file.close()

    def _take(self) -> list[JournalRecord]:
        """Return what waits, with a word on what was dropped."""
        with self._changed:
            records = list(self._waiting)
            self._waiting.clear()
            dropped, self._dropped = self._dropped, Counter()
        now_ns = time.perf_counter_ns()
        records += [
            LinkEvent(
                unit_id=unit,
                segment=segment,
                at_ns=now_ns,
                kind=LinkEventKind.OVERFLOW,
                detail=f"{count} packets were dropped: the disk was too slow",
            )
            for (unit, segment), count in dropped.items()
        ]
        return records

    def _encoded(self, records: Sequence[JournalRecord]) -> bytes:
        """Return the frames of records; one longer than a frame may be is counted as dropped."""
        frames = []
        for record in records:
            try:
                frames.append(encode_record(record))
            except ValueError:
                self._total_dropped += 1
        return b"".join(frames)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and not self._fault:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            self._fault = f"{refusal(error)}; what was recorded until then is kept"

    def _sync(self) -> None:
        if self._fault:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._fault = f"{refusal(error)}; what was recorded until then is kept"
