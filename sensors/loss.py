"""How many samples came and how many are known to be missing, by each channel's own numbers or stamps."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from sensors.packets import SampleBlock

__all__ = ["ChannelLedger", "LossParams", "Verdict"]


class Verdict(StrEnum):
    """What a block is to the blocks before it."""

    NEW = "new"
    LATE = "late"
    DUPLICATE = "duplicate"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class LossParams:
    """How far a number or a stamp may jump and still be of the same count; all values chosen by us.

    Attributes
    ----------
    late_frames
        A block numbered so far back may be late; further back the unit has begun to count anew.
    late_s
        The same for stamps (s).
    recent_stamps
        A block whose stamp is among the last so many is a repetition.
    jump_s
        A stamp further ahead (s) is a clock that was set, not a gap: a unit that was silent so long was given up.
    """

    late_frames: int = 1024
    late_s: float = 5.0
    recent_stamps: int = 64
    jump_s: float = 5.0


class ChannelLedger:
    """Counts one channel of one connection.

    By sequence numbers (which begin at 0 with each connection) where the unit has them, else by its stamps; a unit with
    neither cannot tell what it lost. Once every block has come or was passed by a later one, received plus lost are the
    samples that were sent.

    Attributes
    ----------
    received
        Samples that came, each counted once.
    lost
        Samples known to be missing; ``None`` where the unit cannot tell.
    duplicated, late, restarts
        Blocks that came twice, that came after a later one, and with which the unit began to count anew.
    """

    def __init__(self, params: LossParams = LossParams()) -> None:
        self._params = params
        self.received = 0
        self.lost: int | None = None
        self.duplicated = self.late = self.restarts = 0
        self._newest: int | None = None
        self._newest_samples = 0
        self._missing: dict[int, int] = {}
        self._recent: deque[int] = deque(maxlen=params.recent_stamps)

    def observe(self, block: SampleBlock) -> Verdict:
        """Count one block."""
        if block.sequence is not None:
            verdict = self._by_sequence(block, block.sequence)
        elif block.stamp is not None:
            verdict = self._by_stamp(block, block.stamp)
        else:
            verdict = Verdict.NEW
        if verdict is Verdict.DUPLICATE:
            self.duplicated += 1
            return verdict
        self.received += len(block.values)
        self.late += verdict is Verdict.LATE
        self.restarts += verdict is Verdict.RESTART
        if self.lost is not None:
            self.lost += block.lost
        return verdict

    def _by_sequence(self, block: SampleBlock, sequence: int) -> Verdict:
        modulo, samples = block.sequence_modulo, len(block.values)
        if self._newest is None or self.lost is None:
            self.lost, self._newest, self._newest_samples = 0, -1, samples
        step = _shortest(sequence - self._newest, modulo)
        if step > 0:
            # Only the last block of a stream may be shorter, so the missing ones were as long as the one before.
            for number in range(self._newest + 1, self._newest + step)[-self._params.late_frames :]:
                self._missing[number] = self._newest_samples
            self.lost += (step - 1) * self._newest_samples
            return self._mark(self._newest + step, samples, Verdict.NEW)
        if step < -self._params.late_frames:
            self._missing = {}
            return self._mark(sequence, samples, Verdict.RESTART)
        counted = self._missing.pop(self._newest + step, None)
        if counted is None:
            return Verdict.DUPLICATE
        self.lost -= counted
        return Verdict.LATE

    def _by_stamp(self, block: SampleBlock, stamp: int) -> Verdict:
        samples = len(block.values)
        if stamp in self._recent:
            return Verdict.DUPLICATE
        self._recent.append(stamp)
        if self._newest is None or self.lost is None:
            self.lost = 0
            return self._mark(stamp, samples, Verdict.NEW)
        step_s = _shortest(stamp - self._newest, block.stamp_modulo) * block.tick_s
        if step_s > self._params.jump_s or step_s < -self._params.late_s:
            return self._mark(stamp, samples, Verdict.RESTART)
        if step_s > 0:
            self.lost += max(round(step_s / block.interval_s) - self._newest_samples, 0)
            return self._mark(stamp, samples, Verdict.NEW)
        self.lost = max(self.lost - samples, 0)
        return Verdict.LATE

    def _mark(self, newest: int, samples: int, verdict: Verdict) -> Verdict:
        self._newest, self._newest_samples = newest, samples
        while self._missing and newest - next(iter(self._missing)) > self._params.late_frames:
            del self._missing[next(iter(self._missing))]
        return verdict


def _shortest(difference: int, modulo: int) -> int:
    """Return the difference nearest to zero of two counts that wrap."""
    if modulo == 0:
        return difference
    return (difference + modulo // 2) % modulo - modulo // 2
