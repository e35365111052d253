"""The neural drive of stretch reflexes and clonus, some steps ahead: it answers to movement one delay ago."""

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from analysis.simulate.rows import Rows
from analysis.simulate.trial import DynamicsParams

__all__ = ["Clonuses", "Reflexes"]

Steps = NDArray[np.float64]
"""Values of all trials over some steps, shape (steps, trials)."""


class _Delayed:
    """Remembers some columns for as long as the longest delay and gives each back with its own."""

    def __init__(self, delay: NDArray[np.int64], before: FloatArray) -> None:
        self._longest = int(delay.max(initial=1))
        self._kept = np.repeat(before[np.newaxis], self._longest, axis=0)
        self._first = (self._longest - delay) * delay.size + np.arange(delay.size)

    def next(self, steps: int, rows: int) -> Steps:
        """Give back what the first rows get in the next steps, which may be no more than the shortest delay."""
        from_step = np.arange(steps)[:, np.newaxis] * self._first.size
        return self._kept.take(from_step + self._first[:rows])

    def keep(self, values: Steps) -> None:
        """Remember the first rows' values in the steps that are over."""
        steps, rows = values.shape
        self._kept[:-steps] = self._kept[steps:]
        self._kept[-steps:, :rows] = values


class Reflexes:
    """The drive of the stretch reflexes, all laws in their common terms."""

    def __init__(self, rows: Rows, rest_rad: FloatArray, params: DynamicsParams) -> None:
        self._rows, self._step_s = rows, params.step_s
        self._gain_kept = 1.0 - params.step_s / params.phasic_s
        self._per_tonic = 1.0 / rows.tonic_velocity
        self._phasic = np.zeros(rest_rad.size)
        at_rest = self._answer(rest_rad[np.newaxis], np.zeros((2, rest_rad.size)))
        self._delayed = _Delayed(rows.delay, at_rest[0])

    def drive(self, steps: int, rows: int) -> Steps:
        """Give the drive of the first rows in the next steps."""
        return self._delayed.next(steps, rows)

    def sense(self, position: Steps, velocity: Steps) -> None:
        """Sense the movement of the first rows in the steps that are over; `velocity` has one step more."""
        self._delayed.keep(self._answer(position, velocity))

    def _answer(self, position: Steps, velocity: Steps) -> Steps:
        """Compute the drive that movement leads to one delay later."""
        rows, after, velocity = self._rows, velocity[1:], velocity[:-1]
        count = velocity.shape[1]
        drive = self._gain(velocity)
        drive *= rows.k_r_phasic[:count]
        drive += rows.k_r_tonic[:count]
        lengthening = np.maximum(velocity, 0.0)
        drive += rows.k_v[:count] * lengthening
        over = rows.mu[:count] * lengthening
        over += position
        over -= rows.threshold[:count]
        np.maximum(over, 0.0, out=over)
        drive *= over
        lengthening *= rows.b_r[:count]
        if rows.any_force:
            lengthening += rows.a_r[:count] * np.maximum((after - velocity) / self._step_s, 0.0)
        lengthening *= over > 0
        drive += lengthening
        if rows.any_velocity:
            drive += rows.g_v[:count] * np.maximum(velocity - rows.onset_velocity[:count], 0.0)
        return drive

    def _gain(self, velocity: Steps) -> Steps:
        """Compute the share of the phasic gain: full in movement, falling back after it."""
        gain = velocity * self._per_tonic
        np.minimum(gain, 1.0, out=gain)
        fading = self._phasic[: gain.shape[1]]
        for of_step in gain:
            fading *= self._gain_kept
            np.maximum(fading, of_step, out=fading)
            of_step[:] = fading
        return gain


class Clonuses:
    """Bursts of the trials that can have a clonus: set off by a reflex, kept up while the muscle is held long."""

    def __init__(self, rows: Rows, rest_rad: FloatArray, params: DynamicsParams) -> None:
        where = np.flatnonzero(rows.clonus_Nm > 0)
        self._where = where
        self._amplitude_Nm = rows.clonus_Nm[where]
        self._rate = rows.clonus_rad_s[where] * params.step_s
        self._fading = params.step_s / rows.clonus_decay_s[where]
        self._delay = rows.delay[where]
        self._threshold = rows.clonus_threshold[where]
        self._start = np.full(where.size, np.inf)
        self._position = _Delayed(self._delay, rest_rad[where])

    def bursts(self, first_step: int, steps: int, rows: int) -> Steps | None:
        """Give the bursts of the first rows in the next steps: half waves that fade, while the muscle is felt long."""
        count = self._count(rows)
        since = first_step + np.arange(steps)[:, np.newaxis] - self._start[:count]
        active = (since > 0) & (self._position.next(steps, count) > self._threshold[:count])
        if not active.any():
            return None
        since = np.where(active, since, 0.0)
        wave = np.maximum(np.sin(self._rate[:count] * since), 0.0) * np.exp(-self._fading[:count] * since)
        bursts = np.zeros((steps, rows))
        bursts[:, self._where[:count]] = self._amplitude_Nm[:count] * wave
        return bursts

    def sense(self, position: Steps, reflex: Steps, first_step: int) -> None:
        """Sense the steps that are over: a reflex of half a burst's height sets the clonus off."""
        count = self._count(position.shape[1])
        if not count:
            return
        self._position.keep(position[:, self._where[:count]])
        strong = reflex[:, self._where[:count]] > 0.5 * self._amplitude_Nm[:count]
        set_off = strong.any(axis=0) & np.isinf(self._start[:count])
        self._start[:count][set_off] = (first_step + strong.argmax(axis=0) + self._delay[:count])[set_off]

    def _count(self, rows: int) -> int:
        """How many of these trials are among the first rows."""
        return int(np.searchsorted(self._where, rows))
