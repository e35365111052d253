"""Two sensor streams, sample by sample as they arrive, laid on the distal sensor's times and cut into short blocks."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from sensors.packets import Role

__all__ = ["Block", "BlockCutter", "BlockParams", "Step"]

Vector = tuple[float, float, float]
Sample = tuple[float, ...]
"""Acceleration x, y, z (m/s2) and rate x, y, z (rad/s)."""

_NOTHING: Sample = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockParams:
    """How two live streams are joined; all values chosen by us.

    Attributes
    ----------
    block_s
        Length of a block (s).
    max_gap_s
        Losses up to this long (s) are bridged by straight lines.
    max_wait_s
        A distal sample waits for the proximal ones of its time until the distal stream is so far ahead (s).
    restart_s
        After a longer silence (s) of the distal sensor nothing is known of what happened in between.
    """

    block_s: float = 0.04
    max_gap_s: float = 0.05
    max_wait_s: float = 0.25
    restart_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What both sensors measured over one block.

    Attributes
    ----------
    turned1, turned2
        Integrated rates of the proximal and the distal sensor in their own axes (rad).
    acc1, acc2
        Mean specific forces (m/s2).
    seen1, seen2
        Whether each was measured throughout (bridged losses included).
    """

    turned1: Vector
    turned2: Vector
    acc1: Vector
    acc2: Vector
    seen1: bool
    seen2: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One distal sample.

    Attributes
    ----------
    time_s
        Its time.
    since_s
        Time since the current block's start.
    turned1, turned2
        Integrated rates since then (rad).
    rate1, rate2
        Rates now (rad/s).
    seen1
        Whether the proximal sensor was measured at this time.
    closed
        Blocks that ended since the sample before.
    restarted
        Whether a long silence came before this sample.
    """

    time_s: float
    since_s: float
    turned1: Vector
    turned2: Vector
    rate1: Vector
    rate2: Vector
    seen1: bool
    closed: tuple[Block, ...]
    restarted: bool


class BlockCutter:
    """Joins two streams; what comes out depends on the order of the samples alone, not on how they were bundled."""

    def __init__(self, params: BlockParams) -> None:
        self._params = params
        self._distal: deque[tuple[float, Sample]] = deque()
        self._proximal: deque[tuple[float, Sample]] = deque()
        self._last: tuple[float, Sample, Sample] | None = None
        self._start_s = 0.0
        self._turned = [0.0] * 6
        self._force = [0.0] * 6
        self._count = 0
        self._seen = [True, True]

    def feed(self, role: Role, time_s: float, sample: Sample) -> Iterator[Step]:
        """Take one sample; yields each distal sample whose time is settled. Samples that go back in time are left."""
        if role is Role.PROXIMAL:
            settled_s = self._last[0] if self._last else -float("inf")
            if time_s > settled_s and not (self._proximal and time_s <= self._proximal[-1][0]):
                self._proximal.append((time_s, sample))
        else:
            newest_s = self._distal[-1][0] if self._distal else self._last[0] if self._last else -float("inf")
            if time_s > newest_s:
                self._distal.append((time_s, sample))
        while self._distal and self._settled(self._distal[0][0]):
            at_s, measured = self._distal.popleft()
            yield self._step(at_s, measured, *self._proximal_at(at_s))

    def _settled(self, at_s: float) -> bool:
        if self._proximal and self._proximal[-1][0] >= at_s:
            return True
        return self._distal[-1][0] - at_s > self._params.max_wait_s

    def _proximal_at(self, at_s: float) -> tuple[Sample, bool]:
        """Read the proximal sensor at a time, and whether it was measured there."""
        near = self._proximal
        while len(near) > 1 and near[1][0] <= at_s:
            near.popleft()
        if not near or near[0][0] > at_s:
            return _NOTHING, False
        before_s, before = near[0]
        if len(near) == 1:
            return before, at_s - before_s <= self._params.max_gap_s
        after_s, after = near[1]
        share = (at_s - before_s) / (after_s - before_s)
        between = tuple(a + share * (b - a) for a, b in zip(before, after, strict=True))
        return between, after_s - before_s <= self._params.max_gap_s

    def _step(self, at_s: float, distal: Sample, proximal: Sample, seen1: bool) -> Step:  # noqa: FBT001 (one of a pair)
        closed: list[Block] = []
        restarted = self._last is not None and at_s - self._last[0] > self._params.restart_s
        if self._last is None or restarted:
            self._start_s = at_s
            self._open()
        else:
            self._turn(at_s, distal, proximal, seen1, closed)
        for axis in range(3):
            self._force[axis] += proximal[axis]
            self._force[3 + axis] += distal[axis]
        self._count += 1
        self._last = (at_s, distal, proximal)
        turned = self._turned
        return Step(
            time_s=at_s,
            since_s=at_s - self._start_s,
            turned1=(turned[0], turned[1], turned[2]),
            turned2=(turned[3], turned[4], turned[5]),
            rate1=(proximal[3], proximal[4], proximal[5]),
            rate2=(distal[3], distal[4], distal[5]),
            seen1=seen1,
            closed=tuple(closed),
            restarted=restarted,
        )

    def _open(self) -> None:
        self._turned, self._force, self._count, self._seen = [0.0] * 6, [0.0] * 6, 0, [True, True]

    def _turn(self, at_s: float, distal: Sample, proximal: Sample, seen1: bool, closed: list[Block]) -> None:  # noqa: FBT001
        """Integrate from the last sample to this one by the trapezoid rule, closing the blocks that end on the way."""
        assert self._last is not None  # noqa: S101 (the caller saw to it)
        from_s, last_distal, last_proximal = self._last
        whole_s = at_s - from_s
        rates = [
            0.5 * (a + b) for a, b in zip(last_proximal[3:] + last_distal[3:], proximal[3:] + distal[3:], strict=True)
        ]
        bridged = whole_s <= self._params.max_gap_s
        while at_s >= self._start_s + self._params.block_s:
            end_s = self._start_s + self._params.block_s
            self._add(rates, end_s - from_s, seen1, bridged)
            closed.append(self._close(last_proximal, last_distal))
            self._start_s = from_s = end_s
        self._add(rates, at_s - from_s, seen1, bridged)

    def _add(self, rates: list[float], lasting_s: float, seen1: bool, seen2: bool) -> None:  # noqa: FBT001
        for axis in range(6):
            self._turned[axis] += rates[axis] * lasting_s
        self._seen[0] &= seen1
        self._seen[1] &= seen2

    def _close(self, proximal: Sample, distal: Sample) -> Block:
        """End a block; one without a sample of its own takes the forces of the last."""
        turned, count = self._turned, max(self._count, 1)
        force = self._force if self._count else [*proximal[:3], *distal[:3]]
        block = Block(
            turned1=(turned[0], turned[1], turned[2]),
            turned2=(turned[3], turned[4], turned[5]),
            acc1=(force[0] / count, force[1] / count, force[2] / count),
            acc2=(force[3] / count, force[4] / count, force[5] / count),
            seen1=self._seen[0],
            seen2=self._seen[1],
        )
        self._open()
        return block
