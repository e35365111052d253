"""What an exam shows of the grade, in numbers without unit: of its movement, its resistance and its EMG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analysis.catch import Departure
from analysis.filters import time_derivative
from analysis.limb import Limb
from analysis.load import LimbLoad
from analysis.model import EmgSignal, FloatArray
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = [
    "STANDARD_EVIDENCE",
    "Evidence",
    "EvidenceParams",
    "Sources",
    "emg_evidence",
    "force_evidence",
    "movement_evidence",
    "pooled",
    "slow_evidence",
    "sources_of",
]

Evidence = Mapping[str, float]
"""Numbers by name; NaN where the exam does not show them."""


class Sources(StrEnum):
    """Which sources a grade was read from; each has weights of its own."""

    FORCE = "force"
    FORCE_EMG = "force+emg"
    MOVEMENT = "movement"
    MOVEMENT_EMG = "movement+emg"
    COARSE = "coarse movement"
    COARSE_EMG = "coarse movement+emg"

    @property
    def has_force(self) -> bool:
        """Whether resistance was measured."""
        return self in {Sources.FORCE, Sources.FORCE_EMG}

    @property
    def least_grades(self) -> int:
        """Fewest grades that a set holds: neighbours differ by resistance, which movement alone does not show."""
        return 1 if self.has_force else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceParams:
    """How evidence is read; all chosen by us.

    Attributes
    ----------
    coarse_hz
        A movement smoothed below this cut-off is coarse: noise or frame rate hide how it stops.
    marks
        Shares of the healthy range at which the velocity of a fast stretch is read.
    slow_marks
        Shares at which that of a slow one is.
    settle_s
        Time after the first stop in which the limb swings back.
    dull_share
        Width of the soft edge of what is noticed, as a share of the noticeable torque.
    least_ratio
        Smaller torques than this share of the noticeable one count as this, in logarithms.
    emg_window_s
        Window of the root mean square of EMG, and of the rest before a stretch.
    """

    coarse_hz: float = 10.0
    marks: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    slow_marks: tuple[float, ...] = (0.3, 0.5, 0.7, 0.85)
    settle_s: float = 0.4
    dull_share: float = 0.15
    least_ratio: float = 0.1
    emg_window_s: float = 0.03


STANDARD_EVIDENCE = EvidenceParams()
"""How evidence is read unless it is said otherwise; the delivered weights were trained on it."""


def sources_of(motion: Motion, *, has_force: bool, has_emg: bool, params: EvidenceParams = EvidenceParams()) -> Sources:
    """Name the sources of an exam."""
    if has_force:
        return Sources.FORCE_EMG if has_emg else Sources.FORCE
    if motion.cutoff_hz < params.coarse_hz:
        return Sources.COARSE_EMG if has_emg else Sources.COARSE
    return Sources.MOVEMENT_EMG if has_emg else Sources.MOVEMENT


def movement_evidence(
    motion: Motion,
    leg: Leg,
    departure: Departure | None,
    *,
    healthy_range_deg: float,
    params: EvidenceParams = EvidenceParams(),
) -> Evidence:
    """Read the movement of one fast stretch.

    Angles are shares of the healthy range, velocities shares of the peak, times shares of the stretch's duration: no
    number depends on side, mounting, zero or the time of day.
    """
    range_deg = healthy_range_deg
    x = (motion.stretch_deg - motion.stretch_deg[leg.start]) / range_deg
    v = motion.velocity_deg_s / motion.velocity_deg_s[leg.peak]
    until = min(leg.last, leg.end + int(params.settle_s * motion.rate_hz))
    duration_s = (leg.end - leg.start) / motion.rate_hz
    braking = -motion.acceleration_deg_s2[leg.peak : leg.end + 1] * duration_s / motion.velocity_deg_s[leg.peak]
    hardest = leg.peak + int(braking.argmax())
    jerk = time_derivative(motion.acceleration_deg_s2[leg.peak : leg.end + 1], rate_hz=motion.rate_hz)
    found = {
        "reached": x[leg.end],
        "carried": x[leg.last],
        "rise": (leg.peak - leg.start) / (leg.end - leg.start),
        "peak_at": x[leg.peak],
        "pace": np.log(motion.velocity_deg_s[leg.peak] / range_deg),
        "fullness": x[leg.end] * range_deg / (duration_s * motion.velocity_deg_s[leg.peak]),
        "braking": braking.max(),
        "braking_at": x[hardest],
        "let_go": float(jerk.max(initial=0.0)) * duration_s**2 / motion.velocity_deg_s[leg.peak] / 100.0,
        "swing_back": x[leg.end : until + 1].max()
        - x[leg.end + int(x[leg.end : until + 1].argmax()) : until + 1].min(),
        "cutoff": np.log(motion.cutoff_hz),
    }
    seen = departure is not None
    for name in ("abruptness", "interruption", "shortfall", "velocity_share", "acceleration_share"):
        found[name] = getattr(departure, name) if seen else 0.0
    found["departs_at"] = x[departure.onset] if departure is not None else x[leg.end]
    found |= {f"v{mark:g}": value for mark, value in zip(params.marks, _at_marks(x, v, leg, params.marks), strict=True)}
    return {name: float(np.clip(value, -_BOUND, _BOUND)) for name, value in found.items()}


_BOUND = 20.0
"""No number of the evidence is larger: a model is never fed an overflow."""


def _at_marks(x: FloatArray, v: FloatArray, leg: Leg, marks: Sequence[float]) -> list[float]:
    """Read the velocity where a stretch first passes some shares of the range, 0 where it does not."""
    farthest = np.maximum.accumulate(x[leg.start : leg.end + 1])
    at = np.searchsorted(farthest, marks)
    return [float(v[leg.start + i]) if i < farthest.size else 0.0 for i in at]


def slow_evidence(
    motion: Motion, legs: Sequence[Leg], *, healthy_range_deg: float, params: EvidenceParams = EvidenceParams()
) -> Evidence:
    """Read the slow stretches (medians); NaN without one."""
    names = ["slow_reached", *(f"slow_v{mark:g}" for mark in params.slow_marks)]
    rows = []
    for leg in legs:
        x = (motion.stretch_deg - motion.stretch_deg[leg.start]) / healthy_range_deg
        v = motion.velocity_deg_s / leg.peak_velocity_deg_s
        rows.append([x[leg.end], *_at_marks(x, v, leg, params.slow_marks)])
    values = np.median(rows, axis=0) if rows else np.full(len(names), np.nan)
    return dict(zip(names, map(float, np.clip(values, -_BOUND, _BOUND)), strict=True))


def force_evidence(  # noqa: PLR0913 (three say where, the others what is known of the limb)
    motion: Motion,
    leg: Leg,
    load: LimbLoad,
    *,
    limb: Limb,
    excess_sd_Nm: float,
    healthy_range_deg: float,
    params: EvidenceParams = EvidenceParams(),
) -> Evidence:
    """Read the excess resistance of one fast stretch; torques in units of what is noticed in this limb.

    Parameters
    ----------
    motion, leg, load, limb
        The movement, the stretch, its torques, observed throughout, and the limb.
    excess_sd_Nm
        Standard deviation of the excess at its peak.
    healthy_range_deg
        Range of the healthy joint.
    params
        How it is read.
    """
    span = slice(leg.start, leg.end + 1)
    x = (motion.stretch_deg[span] - motion.stretch_deg[leg.start]) / healthy_range_deg
    excess = load.excess_Nm[span] / limb.noticeable_Nm
    farthest = np.maximum.accumulate(x)
    steps = np.diff(farthest, prepend=farthest[0])
    beyond = float(np.clip(1.0 - farthest[-1], 0.0, 1.0))
    peak = float(excess.max())
    sharp = np.clip((excess - 1.0) / params.dull_share, -30.0, 30.0)
    before_end = np.searchsorted(farthest, 0.8 * farthest[-1])
    reach = np.flatnonzero(excess >= 1.0)
    found = {
        "peak": np.log(max(peak, params.least_ratio)),
        "considerable": np.log(max(peak * limb.noticeable_Nm / limb.considerable_Nm, params.least_ratio / 6.0)),
        "resisted": beyond + float((steps / (1.0 + np.exp(-sharp))).sum()),
        "strongly": beyond + float((steps * (excess >= 2.0)).sum()),
        "faintly": beyond + float((steps * (excess >= 0.6)).sum()),
        "mean": np.log(max(float(excess.mean()), params.least_ratio)),
        "early": np.log(max(float(excess[: before_end + 1].max()), params.least_ratio)),
        "margin": (peak - 1.0) * limb.noticeable_Nm / excess_sd_Nm,
        "noticed_at": x[reach[0]] if reach.size else 1.1,
        "doubt": np.log(excess_sd_Nm / limb.noticeable_Nm),
        "total": float(np.log(max(load.resistance_Nm[span].max() / limb.noticeable_Nm, params.least_ratio))),
    }
    return {name: float(np.clip(value, -_BOUND, _BOUND)) for name, value in found.items()}


def emg_evidence(
    emg: Sequence[EmgSignal],
    motion: Motion,
    leg: Leg,
    *,
    healthy_range_deg: float,
    params: EvidenceParams = EvidenceParams(),
) -> Evidence:
    """Read how much, and from where, the stretched muscle fires; of several channels the one that fires most.

    The channels are those of the tested muscle group; NaN where none was recorded through the stretch and before it.
    """
    start_s, end_s = motion.time_s[leg.start], motion.time_s[leg.end]
    best = {"emg_peak": np.nan, "emg_mean": np.nan, "emg_at": np.nan}
    for channel in emg:
        window = max(1, round(params.emg_window_s / float(np.median(np.diff(channel.time_s)))))
        first, last = np.searchsorted(channel.time_s, [start_s - _REST_S, end_s])
        piece = channel.emg_V[first:last]
        begins = int(np.searchsorted(channel.time_s[first:last], start_s))
        if begins < 3 * window or piece.size - begins < window or not np.isfinite(piece).all():
            continue
        power = np.convolve((piece - piece.mean()) ** 2, np.ones(window) / window, mode="same")
        rest = float(np.median(power[: begins - window]))
        if rest <= 0:
            continue
        ratio = np.sqrt(power[begins:] / rest)
        x = np.interp(channel.time_s[first + begins : last], motion.time_s, motion.stretch_deg)
        fires = np.flatnonzero(ratio >= _FIRES)
        at = (x[fires[0]] - motion.stretch_deg[leg.start]) / healthy_range_deg if fires.size else 1.1
        if not np.log(ratio.max()) <= best["emg_peak"]:
            best = {
                "emg_peak": float(np.log(ratio.max())),
                "emg_mean": float(np.log(ratio.mean())),
                "emg_at": float(at),
            }
    return best


_REST_S = 0.4
"""Rest before a stretch that EMG is compared with."""

_FIRES = 3.0
"""A muscle fires where its amplitude is this many times that of rest."""


def pooled(fast: Sequence[Evidence]) -> Evidence:
    """Take medians over the fast stretches, and how far they differ in range."""
    names = fast[0].keys()
    medians = {name: float(np.median([one[name] for one in fast])) for name in names}
    reached = [one["reached"] for one in fast]
    return {**medians, "uneven": float(np.ptp(reached))}
