"""One repetition of a stretch while it is being done: its course, its class, and at once whether it was too slow."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from analysis.errors import DataError
from analysis.finding import VelocityClass
from analysis.model import FloatArray
from analysis.stretch import StretchParams, velocity_class

__all__ = ["Gauge", "Repetition", "RepetitionGauge", "RepetitionParams", "Verdict"]


class Verdict(StrEnum):
    """How a repetition's velocity stands to the band that was asked for; any is in band where none was."""

    PENDING = "pending"
    """Still under way, and either may come."""
    IN_BAND = "in band"
    TOO_SLOW = "too slow"
    TOO_FAST = "too fast"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepetitionParams:
    """What counts as a repetition while it is done; chosen by us where nothing else is said.

    Attributes
    ----------
    start_deg_s
        The joint moves along the stretch from this velocity on.
    min_range_deg
        Smaller movements are none; the verdict waits until it is passed.
    rest_share, rest_deg_s
        The stretch has ended where the velocity falls below the smaller of this share of its peak (as in
        `analysis.stretch`) and this velocity (deg/s).
    passed_share
        The peak has passed once the velocity has fallen below this share of it: only then was it too slow.
    stretch
        The velocity bands.
    """

    start_deg_s: float = 5.0
    min_range_deg: float = 5.0
    rest_share: float = 0.1
    rest_deg_s: float = 5.0
    passed_share: float = 0.6
    stretch: StretchParams = field(default_factory=StretchParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """One movement along the stretch as far as it has come.

    Attributes
    ----------
    start_s, start_deg
        Time and angle at its start.
    peak_s, peak_velocity_deg_s
        Time and size of its largest velocity along the stretch so far.
    last_s, last_deg
        Time and angle of its last sample.
    ended
        Whether it is over.
    velocity
        Class of the peak so far.
    verdict
        Against the band that was asked for.
    """

    start_s: float
    start_deg: float
    peak_s: float
    peak_velocity_deg_s: float
    last_s: float
    last_deg: float
    ended: bool
    velocity: VelocityClass
    verdict: Verdict

    @property
    def range_deg(self) -> float:
        """How far the joint was moved so far."""
        return abs(self.last_deg - self.start_deg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """What the gauge shows after an update.

    Attributes
    ----------
    velocity_deg_s
        Velocity along the stretch now; NaN where it is not known.
    current
        The repetition under way, or ``None``.
    ended
        Repetitions that ended with this update.
    """

    velocity_deg_s: float
    current: Repetition | None
    ended: tuple[Repetition, ...]


class RepetitionGauge:
    """Follows repetitions sample by sample; what it answers does not depend on how the samples are bundled."""

    def __init__(
        self, *, stretch_sign: int, asked: VelocityClass | None = None, params: RepetitionParams = RepetitionParams()
    ) -> None:
        """Follow stretches along +1 or -1; `asked` is the band that is to be reached, if one is.

        Raises
        ------
        DataError
            If `stretch_sign` is neither +1 nor -1.
        """
        if stretch_sign not in (-1, 1):
            raise DataError(f"expected stretch_sign +1 or -1; got {stretch_sign}")
        self._sign, self._asked, self._params = stretch_sign, asked, params
        self._current: Repetition | None = None
        self._velocity = float("nan")

    def ask(self, asked: VelocityClass | None) -> None:
        """Ask for another band from the next repetition on; one under way is judged by it as well."""
        self._asked = asked
        if self._current is not None:
            self._current = self._judged(self._current, passed=False)

    def update(self, time_s: FloatArray, angle_deg: FloatArray, velocity_deg_s: FloatArray) -> Gauge:
        """Take new samples of the angle and its velocity; NaN where they are not known.

        Raises
        ------
        DataError
            If the series differ in length.
        """
        columns = [np.asarray(values, dtype=np.float64) for values in (time_s, angle_deg, velocity_deg_s)]
        if len({column.shape for column in columns}) != 1:
            raise DataError(f"expected as many angles and velocities as times; got {[c.size for c in columns]}")
        ended = [
            repetition
            for at_s, angle, velocity in zip(*(column.tolist() for column in columns), strict=True)
            if (repetition := self._take(at_s, angle, self._sign * velocity)) is not None
        ]
        shown = self._current if self._current and self._large(self._current) else None
        return Gauge(velocity_deg_s=self._velocity, current=shown, ended=tuple(ended))

    def _take(self, at_s: float, angle_deg: float, velocity: float) -> Repetition | None:
        """Go on by one sample; answers the repetition that it ended, if it did."""
        self._velocity, current = velocity, self._current
        if np.isnan(velocity) or np.isnan(angle_deg):
            return self._end(current)
        if current is None:
            if velocity >= self._params.start_deg_s:
                self._current = self._begun(at_s, angle_deg, velocity)
            return None
        if velocity < min(self._params.rest_share * current.peak_velocity_deg_s, self._params.rest_deg_s):
            return self._end(replace(current, last_s=at_s, last_deg=angle_deg))
        if velocity > current.peak_velocity_deg_s:
            current = replace(
                current,
                peak_s=at_s,
                peak_velocity_deg_s=velocity,
                velocity=velocity_class(velocity, params=self._params.stretch),
            )
        current = replace(current, last_s=at_s, last_deg=angle_deg)
        passed = self._large(current) and velocity < self._params.passed_share * current.peak_velocity_deg_s
        self._current = self._judged(current, passed=passed)
        return None

    def _begun(self, at_s: float, angle_deg: float, velocity: float) -> Repetition:
        begun = Repetition(
            start_s=at_s,
            start_deg=angle_deg,
            peak_s=at_s,
            peak_velocity_deg_s=velocity,
            last_s=at_s,
            last_deg=angle_deg,
            ended=False,
            velocity=velocity_class(velocity, params=self._params.stretch),
            verdict=Verdict.PENDING,
        )
        return self._judged(begun, passed=False)

    def _end(self, current: Repetition | None) -> Repetition | None:
        self._current = None
        if current is None or not self._large(current):
            return None
        return replace(self._judged(current, passed=True), ended=True)

    def _large(self, repetition: Repetition) -> bool:
        return repetition.range_deg >= self._params.min_range_deg

    def _judged(self, repetition: Repetition, *, passed: bool) -> Repetition:
        """Judge a repetition: too fast as soon as it is, too slow once its peak has passed."""
        if self._asked is None:
            return replace(repetition, verdict=Verdict.IN_BAND)
        ranks = list(VelocityClass)
        reached, asked = ranks.index(repetition.velocity), ranks.index(self._asked)
        if reached > asked:
            verdict = Verdict.TOO_FAST
        elif reached == asked and self._asked is VelocityClass.V3:
            verdict = Verdict.IN_BAND
        elif not passed:
            verdict = Verdict.PENDING if repetition.verdict is not Verdict.TOO_SLOW else Verdict.TOO_SLOW
        else:
            verdict = Verdict.IN_BAND if reached == asked else Verdict.TOO_SLOW
        return replace(repetition, verdict=verdict)
