"""Blocks without stamp or number: their losses are told by when the blocks come, as far as that goes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.ticks import BlockStamp, Counted

__all__ = ["UncountedParams", "count_uncounted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UncountedParams:
    """When samples are said to be missing; all chosen by us.

    Attributes
    ----------
    window_s
        Packets that only waited catch up within this time (s); what then is still late never came.
    least_s
        Losses that last shorter than this (s) hide in the waiting for the radio; the error of the clock holds them.
    """

    window_s: float = 1.0
    least_s: float = 0.06


def count_uncounted(blocks: Sequence[BlockStamp], params: UncountedParams = UncountedParams()) -> Counted:
    """Count samples from arrivals: a lateness that stays is a loss, one that goes was the radio.

    Returns
    -------
    Counted
        All blocks as they came; `stamp_s` counts samples at the nominal rate, and each loss starts an epoch.
    """
    count = len(blocks)
    arrival_s = np.array([block.arrival_ns for block in blocks], dtype=np.float64) * 1e-9
    samples = np.array([block.samples for block in blocks], dtype=np.float64)
    interval_s = np.array([block.interval_s for block in blocks], dtype=np.float64)
    ends_s = np.cumsum(samples * interval_s)
    lost_s = _losses(arrival_s - arrival_s[:1].sum(), ends_s, params)
    lost = np.array([block.lost for block in blocks], dtype=np.int64)
    lost += np.round(lost_s / interval_s).astype(np.int64) if count else lost
    return Counted(
        order=np.arange(count, dtype=np.intp),
        stamp_s=ends_s - samples * interval_s,
        lost_before=lost,
        epoch=np.cumsum(lost_s > 0).astype(np.int64),
        repeated=0,
        doubtful=(),
    )


def _losses(arrival_s: FloatArray, ends_s: FloatArray, params: UncountedParams) -> FloatArray:
    """Return for each block the time whose samples are missing before it."""
    lost_s = np.zeros(arrival_s.size)
    late_s = arrival_s - ends_s
    late_s = late_s - _trend(arrival_s, late_s, params.window_s) * arrival_s
    before = np.searchsorted(arrival_s, arrival_s - params.window_s)
    after = np.searchsorted(arrival_s, arrival_s + params.window_s, side="right")
    step_s = np.array(
        [
            late_s[i : after[i]].min() - late_s[before[i] : i].min() if before[i] < i else 0.0
            for i in range(arrival_s.size)
        ]
    )
    edges = np.flatnonzero(np.diff(np.r_[False, step_s > params.least_s, False]))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        waited = np.diff(arrival_s)[first - 1 : last - 1]
        place = int(first + np.argmax(waited))
        lost_s[place] = step_s[first:last].max()
    return lost_s


def _trend(arrival_s: FloatArray, late_s: FloatArray, window_s: float) -> float:
    """Return how fast lateness grows by the sensor's own rate: the median step of its lower envelope."""
    if arrival_s.size < 2:
        return 0.0
    window: NDArray[np.intp] = ((arrival_s - arrival_s[0]) // window_s).astype(np.intp)
    starts = np.flatnonzero(np.diff(np.r_[-1, window]))
    lowest = np.minimum.reduceat(late_s, starts)
    if lowest.size < 4:
        return 0.0
    return float(np.median(np.diff(lowest) / (np.diff(window[starts]) * window_s)))
