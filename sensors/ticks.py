"""A device's counters as they were meant: unwrapped, with repeats, losses and jumps of the clock told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray

__all__ = ["BlockStamp", "Counted", "TickParams", "count_blocks", "sequence_step", "unwrap_near"]

_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class TickParams:
    """When a device's counters are said to have jumped; all chosen by us.

    Attributes
    ----------
    jump_s
        A stamp that departs by more than this (s) from the number of samples since the one before is no rounding and
        no jitter of a sensor's interrupt.
    rate_error
        A sensor's own sampling rate departs from the nominal one by up to this share: added to `jump_s` over long
        steps (inertial sensors are specified to a few percent).
    arrival_s
        The radio holds packets back by up to this (s): arrivals prove a step of a counter only beyond it.
    pause_s
        A rest of the sensor that arrivals confirm is believed from this length on (s); a shorter one may be a jump of
        the clock as well, and is taken as one, because clocks are never glued.
    reordered_blocks
        A packet may come this many blocks late; a number further back is a counter that started anew.
    """

    jump_s: float = 0.015
    rate_error: float = 0.05
    arrival_s: float = 0.4
    pause_s: float = 0.1
    reordered_blocks: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStamp:
    """The counters of one block: its arrival on the host, counts as sent, ``None`` where the device sends none."""

    arrival_ns: int
    stamp: int | None
    sequence: int | None
    samples: int
    interval_s: float
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """Blocks of one channel over one connection, by their counters.

    Attributes
    ----------
    order
        Indices of the blocks that are kept, in the order in which they were sent, shape (m,).
    stamp_s
        Device time of the first sample of each of them, unwrapped, s; NaN without stamps, shape (m,).
    lost_before
        Samples that were lost just before each of them, shape (m,).
    epoch
        Counts the jumps of the device's clock up to each of them, shape (m,).
    repeated
        Blocks that came twice.
    doubtful
        Indices of blocks whose counters contradict both neighbours: damaged on the way, and not kept.
    """

    order: NDArray[np.intp]
    stamp_s: FloatArray
    lost_before: NDArray[np.int64]
    epoch: NDArray[np.int64]
    repeated: int
    doubtful: tuple[int, ...]


def sequence_step(before: int, after: int, modulo: int) -> int:
    """Return by how much a wrapping number grew: between minus half and half of the modulo."""
    if modulo <= 0:
        return after - before
    return (after - before + modulo // 2) % modulo - modulo // 2


def unwrap_near(stamp: int, expected: float, modulo: int) -> int:
    """Return the value that wraps to `stamp` and lies nearest to the expected one."""
    if modulo <= 0:
        return stamp
    return stamp + modulo * round((expected - stamp) / modulo)


def count_blocks(
    blocks: Sequence[BlockStamp],
    *,
    modulo: int,
    sequence_modulo: int,
    tick_s: float,
    params: TickParams = TickParams(),
) -> Counted:
    """Unwrap the counters of the blocks of one channel and connection, and find what is missing, doubled or jumped.

    A wrap is where the counter falls while everything goes on as before: the unwrapped stamp is the one nearest to
    what samples and arrivals predict. A jump is a stamp that neither of them explains.

    Parameters
    ----------
    blocks
        The blocks as they arrived.
    modulo, tick_s
        Of the stamps; `modulo` 0 if they do not wrap.
    sequence_modulo
        Of the sequence numbers.
    params
        What counts as a jump.
    """
    numbered = _number(blocks, sequence_modulo, params)
    order = sorted(numbered.numbers, key=lambda i: numbered.numbers[i])
    numbers = [numbered.numbers[i] for i in order]
    kept = [blocks[i] for i in order]
    clock = _Stamps(kept, numbers, (modulo, tick_s), params)
    stamped = [place for place in range(len(kept)) if place not in clock.doubtful]
    restarts = np.cumsum([numbers[place] in numbered.restarts for place in range(len(kept))], dtype=np.int64)
    return Counted(
        order=np.array([order[place] for place in stamped], dtype=np.intp),
        stamp_s=np.array([clock.stamp_s[place] for place in stamped], dtype=np.float64),
        lost_before=_lost(kept, numbers, clock, stamped),
        epoch=np.array([clock.epoch[place] + restarts[place] for place in stamped], dtype=np.int64),
        repeated=numbered.repeated,
        doubtful=(*numbered.doubtful, *(order[place] for place in sorted(clock.doubtful))),
    )


@dataclass(slots=True, kw_only=True)
class _Numbered:
    """Blocks by their unwrapped numbers."""

    numbers: dict[int, int]
    restarts: set[int]
    repeated: int
    doubtful: list[int]


def _number(blocks: Sequence[BlockStamp], modulo: int, params: TickParams) -> _Numbered:
    """Unwrap sequence numbers; without them, blocks are numbered as they come, and equal stamps are repeats."""
    found = _Numbered(numbers={}, restarts=set(), repeated=0, doubtful=[])
    newest, raw, at = -1, None, None
    taken: set[int] = set()
    for i, block in enumerate(blocks):
        if block.sequence is None:
            if at is not None and block.stamp is not None and block.stamp == blocks[at].stamp:
                found.repeated += 1
                continue
            newest, at = newest + 1, i
            found.numbers[i] = newest
            continue
        step = 1 if raw is None else sequence_step(raw, block.sequence, modulo)
        if at is not None and not _in_line(step, blocks[at], block, params):
            following = blocks[i + 1] if i + 1 < len(blocks) else None
            if _back_in_line(blocks[at], following, modulo, params):
                found.doubtful.append(i)
                continue
            step = 1
            found.restarts.add(newest + 1)
        number = newest + step
        if number in taken:
            found.repeated += 1
            continue
        found.numbers[i] = number
        taken.add(number)
        if step > 0:
            newest, raw, at = number, block.sequence, i
    return found


def _in_line(step: int, before: BlockStamp, block: BlockStamp, params: TickParams) -> bool:
    """Tell whether a number can follow: a little late, or as far ahead as the time that passed allows."""
    if step <= 0:
        return step > -params.reordered_blocks
    elapsed_s = (block.arrival_ns - before.arrival_ns) * _NS
    claimed_s = step * before.samples * before.interval_s
    return claimed_s <= elapsed_s * (1.0 + params.rate_error) + params.arrival_s + params.reordered_blocks * (
        before.samples * before.interval_s
    )


def _back_in_line(before: BlockStamp, following: BlockStamp | None, modulo: int, params: TickParams) -> bool:
    """Tell whether the numbers go on after one that stands out."""
    if following is None or following.sequence is None or before.sequence is None:
        return following is None
    step = sequence_step(before.sequence, following.sequence, modulo)
    return 0 < step <= params.reordered_blocks and _in_line(step, before, following, params)


class _Stamps:
    """Stamps unwrapped one after the other; places of doubtful ones are told."""

    def __init__(
        self, blocks: Sequence[BlockStamp], numbers: Sequence[int], clock: tuple[int, float], params: TickParams
    ) -> None:
        self._blocks, self._numbers, self.params = blocks, numbers, params
        self._modulo, self._tick_s = clock
        self.stamp_s = [float("nan")] * len(blocks)
        self.epoch = [0] * len(blocks)
        self.doubtful: set[int] = set()
        value, before = 0, None
        for place, block in enumerate(blocks):
            self.epoch[place] = self.epoch[place - 1] if place else 0
            if block.stamp is None:
                continue
            if before is None:
                value = block.stamp
            else:
                unwrapped, fits = self._next(value, before, place)
                if not fits and self._stands_out(value, before, place):
                    self.doubtful.add(place)
                    continue
                self.epoch[place] += not fits
                value = unwrapped if fits else block.stamp
            self.stamp_s[place] = value * self._tick_s
            before = place

    def _stands_out(self, value: int, before: int, place: int) -> bool:
        """Tell whether the next block goes on from the one before, as if this one's stamp were damaged."""
        following = place + 1
        if following >= len(self._blocks) or self._blocks[following].stamp is None:
            return following >= len(self._blocks)
        return self._next(value, before, following)[1]

    def _next(self, value: int, before: int, place: int) -> tuple[int, bool]:
        """Unwrap one stamp, and tell whether samples or arrivals explain the step to it."""
        params, first, block = self.params, self._blocks[before], self._blocks[place]
        elapsed_s = (block.arrival_ns - first.arrival_ns) * _NS
        blocks_between = self._numbers[place] - self._numbers[before]
        counted_s = (blocks_between * first.samples + block.lost) * first.interval_s
        numbered = block.sequence is not None
        unwrapped = unwrap_near(block.stamp or 0, value + max(counted_s, elapsed_s) / self._tick_s, self._modulo)
        step_s = (unwrapped - value) * self._tick_s
        allowed_s = params.jump_s + params.rate_error * counted_s
        if abs(step_s - counted_s) <= allowed_s:  # however late it came: a host that was busy is no jump of the clock
            return unwrapped, step_s > 0
        late_s = step_s - counted_s
        confirmed = abs(step_s - elapsed_s) <= params.arrival_s
        if not numbered:
            return unwrapped, confirmed and late_s >= -allowed_s and step_s > 0
        nearer = abs(step_s - elapsed_s) < abs(counted_s - elapsed_s)
        return unwrapped, confirmed and nearer and late_s > params.pause_s


def _lost(
    blocks: Sequence[BlockStamp], numbers: Sequence[int], clock: _Stamps, stamped: Sequence[int]
) -> NDArray[np.int64]:
    """Count lost samples: missing numbers are blocks as long as usual; without numbers the stamps tell.

    Numbers start at 0 with each connection: a first number a little above tells what never came.
    """
    lost = np.array([blocks[place].lost for place in stamped], dtype=np.int64)
    if not stamped:
        return lost
    usual = int(np.median([block.samples for block in blocks]))
    first = blocks[stamped[0]].sequence
    if first is not None and first <= clock.params.reordered_blocks:
        lost[0] += first * usual
    for at, (before, place) in enumerate(pairwise(stamped), start=1):
        if blocks[place].sequence is not None:
            lost[at] += (numbers[place] - numbers[before] - 1) * usual
        elif clock.epoch[place] == clock.epoch[before] and blocks[place].stamp is not None:
            step = (clock.stamp_s[place] - clock.stamp_s[before]) / blocks[before].interval_s
            lost[at] += max(0, round(step) - blocks[before].samples)
    return lost
