"""One stretch as resistance over place, and the median slow stretch that others are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.load import LimbLoad
from analysis.model import FloatArray
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = ["Passage", "SlowCurve", "cut_passage", "slow_curve"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passage:
    """One stretch from its start to its end; angles along the stretch, velocity in rad/s."""

    time_s: FloatArray
    place_deg: FloatArray
    velocity: FloatArray
    torque_Nm: FloatArray
    inertial_Nm: FloatArray
    peak: int

    @property
    def observed(self) -> bool:
        """Whether the force was observed throughout."""
        return bool(np.isfinite(self.torque_Nm).all())

    def first_at(self, place_deg: float) -> float | None:
        """Find the fractional sample at which the stretch first reaches a place, ``None`` where it does not."""
        reached = self.place_deg >= place_deg
        i = int(reached.argmax())
        if not reached[i] or i == 0:
            return 0.0 if reached[i] and self.place_deg[0] == place_deg else None
        before, after = self.place_deg[i - 1], self.place_deg[i]
        return i - 1 + float((place_deg - before) / (after - before))

    def rise(self, share: float) -> "Passage":
        """Cut the stretch where its velocity first reaches a share of its peak."""
        velocity = self.velocity[: self.peak + 1]
        kept = slice(0, int(np.argmax(velocity >= share * velocity[-1])) + 1)
        return Passage(
            time_s=self.time_s[kept],
            place_deg=self.place_deg[kept],
            velocity=self.velocity[kept],
            torque_Nm=self.torque_Nm[kept],
            inertial_Nm=self.inertial_Nm[kept],
            peak=self.peak,
        )


def cut_passage(motion: Motion, leg: Leg, load: LimbLoad) -> Passage:
    """Cut one stretch out of the movement."""
    span = slice(leg.start, leg.end + 1)
    return Passage(
        time_s=motion.time_s[span],
        place_deg=motion.stretch_deg[span],
        velocity=np.radians(motion.velocity_deg_s[span]),
        torque_Nm=load.resistance_Nm[span],
        inertial_Nm=load.inertial_Nm[span],
        peak=leg.peak - leg.start,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlowCurve:
    """Median slow stretch: resistance and velocity (rad/s) by place along the stretch, and its range."""

    place_deg: FloatArray
    torque_Nm: FloatArray
    velocity: FloatArray
    start_deg: float
    end_deg: float

    @property
    def range_deg(self) -> float:
        """Range of the slow stretches."""
        return self.end_deg - self.start_deg

    def torque_at(self, place_deg: FloatArray) -> FloatArray:
        """Read the slow resistance at some places, NaN where no slow stretch passed."""
        return np.interp(place_deg, self.place_deg, self.torque_Nm, left=np.nan, right=np.nan)

    def velocity_at(self, place_deg: FloatArray) -> FloatArray:
        """Read the slow velocity likewise."""
        return np.interp(place_deg, self.place_deg, self.velocity, left=np.nan, right=np.nan)


def slow_curve(slow: Sequence[Passage], step_deg: float) -> SlowCurve | None:
    """Take the median of the slow stretches place by place, where at least half of them passed."""
    slow = [passage for passage in slow if passage.observed]
    if not slow:
        return None
    low = min(float(passage.place_deg.min()) for passage in slow)
    bins = int(max(float(passage.place_deg.max()) for passage in slow) / step_deg - low / step_deg) + 1
    means = np.array([_bin_means(passage, low, step_deg, bins) for passage in slow])  # (stretch, quantity, bin)
    place, torque, velocity = np.moveaxis(means, 1, 0)
    kept = 2 * np.isfinite(place).sum(axis=0) >= len(slow)
    return SlowCurve(
        place_deg=np.nanmedian(place[:, kept], axis=0),
        torque_Nm=np.nanmedian(torque[:, kept], axis=0),
        velocity=np.nanmedian(velocity[:, kept], axis=0),
        start_deg=float(np.median([passage.place_deg[0] for passage in slow])),
        end_deg=float(np.median([passage.place_deg[-1] for passage in slow])),
    )


def _bin_means(passage: Passage, low_deg: float, step_deg: float, bins: int) -> FloatArray:
    """Average place, torque and velocity in bins of the place; NaN where the stretch left a bin out."""
    which = np.minimum(((passage.place_deg - low_deg) / step_deg).astype(int), bins - 1)
    counts = np.bincount(which, minlength=bins)
    sums = [
        np.bincount(which, weights=values, minlength=bins)
        for values in (passage.place_deg, passage.torque_Nm, passage.velocity)
    ]
    return np.where(counts > 0, np.array(sums) / np.maximum(counts, 1), np.nan)
