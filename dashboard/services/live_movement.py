"""The movement as a live page shows it: trace, velocity, the last repetition and the verdict on it."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import CatchangleError
from analysis.finding import VelocityClass
from analysis.model import FloatArray
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.repetition import Repetition, RepetitionGauge, Verdict
from dashboard.errors import DashboardError
from dashboard.services.pace import PaceParams, stretch_period_s, target_velocity_deg_s, verdict_words
from sensors.calibration import HingeCalibration, calibrate_hinge
from sensors.hinge import Hinge
from sensors.live_angle import LiveAngle, LiveHingeAngle, LiveHingeParams
from sensors.packets import Role
from sensors.samples import ImuSamples

__all__ = ["LiveMovement", "LiveMovementParams"]

AXIS_FOUND = "the axis was found during this movement: it is not judged"
BROKEN = "data are missing in this repetition: it is not judged, repeat it"
_NAN = float("nan")
_BREAK_S = 0.001
_ROUNDING_S = 0.0006
"""Times are told in milliseconds: none is told twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMovementParams:
    """How the movement is shown; chosen by us.

    Attributes
    ----------
    trace_s
        The trace shows so long, s.
    trace_step_s
        Its points are at least so far apart, s: finer than a screen.
    gap_s
        Samples further apart are a gap, s: two lost packets of a usual connection.
    stale_s
        A newer sample than this old is shown as now, s.
    least_calibration_s
        A calibration needs so much of data, s.
    """

    trace_s: float = 12.0
    trace_step_s: float = 0.009
    gap_s: float = 0.1
    stale_s: float = 0.4
    least_calibration_s: float = 4.0


@dataclass(slots=True)
class _Kept:
    """Samples of one sensor during a calibration."""

    time_s: list[FloatArray] = field(default_factory=list)
    acc: list[NDArray[np.float64]] = field(default_factory=list)
    gyr: list[NDArray[np.float64]] = field(default_factory=list)

    def samples(self) -> ImuSamples:
        """Return them as one, times that stand still or go back left out."""
        time = np.concatenate(self.time_s) if self.time_s else np.zeros(0)
        highest = np.maximum.accumulate(time)
        forward = np.r_[True, time[1:] > highest[:-1]] if time.size else np.zeros(0, dtype=bool)
        if forward.sum() < 2:
            raise DashboardError("a sensor sent nothing during the calibration: see that both stream, and repeat")
        acc, gyr = np.concatenate(self.acc), np.concatenate(self.gyr)
        return ImuSamples(time_s=time[forward], acc_m_s2=acc[forward], gyr_rad_s=gyr[forward])


class LiveMovement:
    """A `sensors.live_joint.AngleFilter` that keeps what a page shows; safe to be read from other threads.

    Parameters
    ----------
    muscle_group
        What is tested: it gives the stretch's direction.
    origin_s
        Zero of the page's times, s of the host's clock.
    params
        How it is shown.
    """

    def __init__(
        self, muscle_group: MuscleGroup, *, origin_s: float, params: LiveMovementParams = LiveMovementParams()
    ) -> None:
        self._muscle = MUSCLES[muscle_group]
        self._origin_s = origin_s
        self._params = params
        self._filter = LiveHingeAngle(LiveHingeParams(stretch_sign=self._muscle.stretch_sign))
        self._gauge = RepetitionGauge(stretch_sign=self._muscle.stretch_sign)
        self._asked: VelocityClass | None = None
        self._trace: deque[tuple[float, float, float]] = deque()
        self._newest: tuple[float, float, float, float] | None = None
        self._reason = "waiting for the sensors"
        self._count, self._words, self._verdict = 0, "", ""
        self._peak, self._current_peak = _NAN, _NAN
        self._range = 0.0
        self._unseen, self._seen = AXIS_FOUND, False
        self._kept: dict[Role, _Kept] | None = None
        self._calibrated, self._zeroed = False, False
        self._lock = threading.Lock()

    def update(
        self, role: Role, time_s: FloatArray, acc_m_s2: NDArray[np.float64], gyr_rad_s: NDArray[np.float64]
    ) -> LiveAngle:
        """Take samples of one sensor (called in the event loop)."""
        with self._lock:
            if self._kept is not None:
                kept = self._kept[role]
                kept.time_s.append(np.array(time_s))
                kept.acc.append(np.array(acc_m_s2))
                kept.gyr.append(np.array(gyr_rad_s))
            angle = self._filter.update(role, time_s, acc_m_s2, gyr_rad_s)
            self._reason = angle.reason
            self._take(angle)
        return angle

    def ask(self, asked: VelocityClass | None) -> None:
        """Ask for a velocity band."""
        with self._lock:
            if asked is not self._asked:
                self._asked = asked
                self._gauge.ask(asked)

    def set_angle(self, angle_deg: float) -> None:
        """Say what the joint's angle is now.

        Raises
        ------
        SensorError
            If the axis is not known yet.
        """
        with self._lock:
            self._filter.set_angle(angle_deg)
            self._zeroed = True
            self._break_trace()

    @property
    def calibrating(self) -> bool:
        """Whether samples are kept for a calibration."""
        return self._kept is not None

    def begin_calibration(self) -> None:
        """Keep all samples from now on."""
        with self._lock:
            self._kept = {Role.PROXIMAL: _Kept(), Role.DISTAL: _Kept()}

    def finish_calibration(self) -> HingeCalibration:
        """Find the axis in what was kept, and use it from now on.

        Raises
        ------
        CatchangleError
            If there was too little movement; the filter goes on as it was.
        """
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is None:
            raise DashboardError("no calibration was begun: begin one, then move the joint slowly")
        proximal, distal = kept[Role.PROXIMAL].samples(), kept[Role.DISTAL].samples()
        seconds = distal.time_s[-1] - distal.time_s[0]
        if seconds < self._params.least_calibration_s:
            raise DashboardError(f"{seconds:.1f} s are too little for a calibration: move to and fro three times")
        try:
            found = calibrate_hinge(proximal, distal)
        except CatchangleError as error:
            raise DashboardError(f"nothing is calibrated: {error}; move slowly over the range and repeat") from error
        with self._lock:
            self._filter = LiveHingeAngle(hinge=_along(found.hinge, self._muscle.stretch_sign))
            self._calibrated, self._zeroed = True, False
            self._unseen = BROKEN
            self._break_trace()
        return found

    def shown(self, after_s: float, now_s: float) -> dict[str, Any]:
        """Return what a page shows of the movement; of the trace what came after a time, both from the origin."""
        with self._lock:
            newest = self._newest
            fresh = newest is not None and now_s - newest[0] < self._params.stale_s and np.isfinite(newest[1])
            trace = [[round(at, 3), _plain(a), _plain(v)] for at, a, v in self._trace if at > after_s + _ROUNDING_S]
            said = {
                "now_s": round(now_s, 3),
                "trace": trace,
                "trace_s": self._params.trace_s,
                "angle_deg": _plain(newest[1]) if newest and fresh else None,
                "velocity_deg_s": _plain(newest[2]) if newest and fresh else None,
                "sd_deg": _plain(newest[3]) if newest and fresh else None,
                "along_deg_s": _plain(self._muscle.stretch_sign * newest[2]) if newest and fresh else None,
                "why_not": "" if fresh else self._reason or "no samples arrive",
                "zeroed": self._zeroed,
                "calibrated": self._calibrated,
                "calibrating": self._kept is not None,
            }
            return {**said, "gauge": self._shown_gauge(), "beat": self._beat()}

    def _shown_gauge(self) -> dict[str, Any]:
        bands = PaceParams().stretch
        return {
            "asked": "" if self._asked is None else self._asked.value,
            "v1_max_deg_s": bands.v1_max_deg_s,
            "v3_min_deg_s": bands.v3_min_deg_s,
            "current_peak_deg_s": _plain(self._current_peak),
            "peak_deg_s": _plain(self._peak),
            "number": self._count,
            "verdict": self._verdict,
            "words": self._words,
        }

    def _beat(self) -> dict[str, Any] | None:
        """Return the beat of the band that is asked for: one stretch lasts from beat to beat."""
        if self._asked is None:
            return None
        own = self._range > 0
        range_deg = self._range if own else self._muscle.healthy_range_deg
        period_s = stretch_period_s(self._asked, range_deg)
        whose = "the range of your largest repetition" if own else "the healthy range"
        words = (
            f"A stretch of {range_deg:.0f}° ({whose}) from one beat to the next, {period_s:.1f} s, peaks near "
            f"{target_velocity_deg_s(self._asked):.0f} °/s when done smoothly."
        )
        return {"period_s": round(period_s, 3), "words": words}

    def _take(self, angle: LiveAngle) -> None:
        """Lay new samples on the trace and the gauge; what is missing between them is a gap in both."""
        for at, value, velocity, sd in zip(
            (angle.time_s - self._origin_s).tolist(),
            angle.angle_deg.tolist(),
            angle.velocity_deg_s.tolist(),
            angle.sd_deg.tolist(),
            strict=True,
        ):
            if self._newest is not None and at - self._newest[0] > self._params.gap_s:
                self._sample((self._newest[0] + at) / 2, _NAN, _NAN)
            self._newest = (at, value, velocity, sd)
            self._sample(at, value, velocity)

    def _break_trace(self) -> None:
        """Leave a gap where the zero of the angle changes: the joint did not jump."""
        if self._trace:
            self._trace.append((self._trace[-1][0] + _BREAK_S, _NAN, _NAN))

    def _sample(self, at: float, value: float, velocity: float) -> None:
        missing = not np.isfinite(value)
        last = self._trace[-1] if self._trace else None
        if last is None or at - last[0] >= self._params.trace_step_s or missing != np.isnan(last[1]):
            self._trace.append((at, value, velocity))
        while self._trace and at - self._trace[0][0] > self._params.trace_s:
            self._trace.popleft()
        if missing:
            self._unseen = BROKEN if self._seen else AXIS_FOUND
        self._seen = self._seen or not missing
        one = [np.array([number]) for number in (at, value, velocity)]
        gauge = self._gauge.update(one[0], one[1], one[2])
        if self._unseen:
            self._pass_over(gauge.ended)
        else:
            self._judge(gauge.current, gauge.ended)
        if not missing and self._muscle.stretch_sign * velocity <= 0:
            self._unseen = ""  # what begins now is seen from its beginning

    def _pass_over(self, ended: Sequence[Repetition]) -> None:
        """Judge nothing of a repetition that was not seen whole."""
        self._current_peak = _NAN
        if ended:
            self._words, self._verdict, self._peak = self._unseen, "broken", _NAN

    def _judge(self, current: Repetition | None, ended: Sequence[Repetition]) -> None:
        for repetition in ended:
            self._count += 1
            self._peak = repetition.peak_velocity_deg_s
            self._range = max(self._range, repetition.range_deg)
            self._say(repetition)
        self._current_peak = _NAN if current is None else current.peak_velocity_deg_s
        if current is not None and current.verdict in {Verdict.TOO_SLOW, Verdict.TOO_FAST}:
            self._peak = current.peak_velocity_deg_s
            self._say(current)

    def _say(self, repetition: Repetition) -> None:
        self._words = verdict_words(repetition, self._asked)
        self._verdict = repetition.verdict.value if self._asked is not None else ""


def _along(hinge: Hinge, sign: int) -> Hinge:
    """Turn a hinge whose axes point along the first movement, a stretch, so that they point along flexion."""
    return Hinge(
        axis1=sign * hinge.axis1,
        axis2=sign * hinge.axis2,
        proximal_deg=hinge.proximal_deg,
        unknown_deg=hinge.unknown_deg,
        warnings=hinge.warnings,
        wobble_deg=hinge.wobble_deg,
    )


def _plain(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None
