"""The most likely course of an angle through noisy evidence: dynamic programming, then a forward-backward smoother."""

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CourseFinder", "CourseParams", "SmootherParams", "best_course", "smooth"]

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseParams:
    """How a joint may move between two frames; chosen by us.

    Attributes
    ----------
    usual_deg_s
        Standard deviation of its velocity; passive stretches reach 500 deg/s and cost a few units then.
    rest_deg
        Movement between frames that costs next to nothing.
    settle_frames
        Frames after which it is looked how far back all courses agree; what they agree on is settled and let go.
    max_frames
        Frames that are kept at most; where the courses do not agree by then, the best one so far is settled.
    """

    usual_deg_s: float = 250.0
    rest_deg: float = 1.5
    settle_frames: int = 512
    max_frames: int = 8192


class CourseFinder:
    """Finds the course of least total cost (Viterbi) frame by frame; only frames that are not settled are kept.

    Parameters
    ----------
    angle_deg
        Angles of the grid, evenly growing, shape (k,).
    """

    def __init__(self, angle_deg: Points, params: CourseParams = CourseParams()) -> None:
        self._angle_deg = angle_deg
        self._params = params
        self._step = float(angle_deg[1] - angle_deg[0])
        self._rows = np.arange(len(angle_deg))
        self._apart = np.square(np.subtract.outer(self._rows, self._rows) * self._step).astype(np.float32)
        self._total = np.zeros(len(angle_deg), dtype=np.float32)
        self._last_s = 0.0
        self._costs: list[NDArray[np.float32]] = []
        self._came_from: list[NDArray[np.int16]] = []
        self._settled_deg = array("d")
        self._settled_sd = array("d")

    @property
    def n_frames(self) -> int:
        """Frames that were added."""
        return len(self._settled_deg) + len(self._costs)

    def add(self, costs: NDArray[np.float32], time_s: float) -> None:
        """Add the next frame: the cost of each angle (minus log-likelihood), shape (k,), and its time."""
        if self.n_frames == 0:
            came_from, total = self._rows, costs
        else:
            reach = self._params.rest_deg + self._params.usual_deg_s * (time_s - self._last_s)
            paths = self._total[None, :] + self._apart * np.float32(0.5 / reach**2)
            came_from = paths.argmin(axis=1)
            total = paths[self._rows, came_from] + costs
        self._total = total - total.min()  # only differences matter, and hours must not eat up the digits
        self._last_s = time_s
        self._costs.append(costs)
        self._came_from.append(came_from.astype(np.int16))
        if len(self._costs) % self._params.settle_frames == 0:
            self._settle_agreed()

    def finish(self) -> tuple[Points, Points]:
        """Settle the rest; return the course and its standard deviation by the curvature of the cost, shape (n,)."""
        if self._costs:
            self._settle(len(self._costs) - 1, int(self._total.argmin()))
        return np.array(self._settled_deg), np.array(self._settled_sd)

    def _settle_agreed(self) -> None:
        states: NDArray[np.integer[Any]] = self._rows
        for i in range(len(self._costs) - 1, 0, -1):
            states = self._came_from[i][states]
            if (states == states[0]).all():
                self._settle(i - 1, int(states[0]))
                return
        if len(self._costs) >= self._params.max_frames:
            self._settle(len(self._costs) - 1, int(self._total.argmin()))

    def _settle(self, last: int, state: int) -> None:
        """Follow the course back from a state in frame `last` of those kept, and let these frames go."""
        states = np.zeros(last + 1, dtype=np.int64)
        states[last] = state
        for i in range(last, 0, -1):
            states[i - 1] = self._came_from[i][states[i]]
        angle, sd = _refine(np.stack(self._costs[: last + 1]), states, self._angle_deg, self._step)
        self._settled_deg.extend(angle)
        self._settled_sd.extend(sd)
        del self._costs[: last + 1], self._came_from[: last + 1]


def best_course(
    costs: NDArray[np.float32], time_s: Points, angle_deg: Points, params: CourseParams = CourseParams()
) -> tuple[Points, Points]:
    """Find the course of least total cost (Viterbi), refined between the grid's angles.

    Parameters
    ----------
    costs
        Cost of each angle in each frame (minus log-likelihood), shape (n, k).
    time_s, angle_deg
        Times of the frames, shape (n,), and angles of the grid, evenly growing, shape (k,).

    Returns
    -------
    angle_deg, sd_deg
        The course and its standard deviation by the curvature of the cost, shape (n,).
    """
    finder = CourseFinder(angle_deg, params)
    for row, at_s in zip(costs.astype(np.float32), time_s, strict=True):
        finder.add(row, float(at_s))
    return finder.finish()


def _refine(
    costs: NDArray[np.float32], state: NDArray[np.int64], angle_deg: Points, step: float
) -> tuple[Points, Points]:
    """Fit a parabola through the cost at each state and two grid steps beside it."""
    inner = np.clip(state, _ARM, costs.shape[1] - 1 - _ARM)
    rows = np.arange(len(state))
    low, here, high = (costs[rows, inner + d].astype(np.float64) for d in (-_ARM, 0, _ARM))
    bend = low - 2.0 * here + high
    sure = bend > _FLAT
    shift = np.where(sure, 0.5 * (low - high) / np.where(sure, bend, 1.0), 0.0)
    shift = np.clip(shift, -0.5, 0.5) * (inner == state)
    sd = np.where(sure, _ARM * step / np.sqrt(np.where(sure, bend, 1.0)), np.inf)
    return angle_deg[state] + shift * _ARM * step, sd


_ARM = 2
_FLAT = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class SmootherParams:
    """What a limb that another person moves can do; chosen by us.

    Attributes
    ----------
    jerk_deg_s3
        Square root of the power of the jerk's noise (deg/s^3 per root Hz). A stretch that reaches 500 deg/s within
        0.1 s and is stopped by a catch passes unharmed.
    gate_sd
        Samples that depart from the smoothed course by more standard deviations are left out of a second pass.
    """

    jerk_deg_s3: float = 60000.0
    gate_sd: float = 5.0


def smooth(
    time_s: Points, angle_deg: Points, sd_deg: Points, params: SmootherParams = SmootherParams()
) -> tuple[Points, Points]:
    """Smooth an angle with a Kalman filter and a Rauch-Tung-Striebel pass; the state is angle, velocity, acceleration.

    Parameters
    ----------
    time_s, angle_deg, sd_deg
        Times, measured angles (NaN where missing) and their standard deviations, shape (n,).

    Returns
    -------
    angle_deg, sd_deg
        Smoothed angle and its standard deviation, shape (n,).

    References
    ----------
    .. [1] Rauch HE, Tung F, Striebel CT. AIAA J 1965;3(8):1445-50. doi:10.2514/3.3166
    """
    smoothed, sd = _forward_backward(time_s, angle_deg, sd_deg, params)
    outlying = np.abs(angle_deg - smoothed) > params.gate_sd * np.hypot(sd, sd_deg)
    if outlying.any():
        smoothed, sd = _forward_backward(time_s, np.where(outlying, np.nan, angle_deg), sd_deg, params)
    return smoothed, sd


def _forward_backward(
    time_s: Points, angle_deg: Points, sd_deg: Points, params: SmootherParams
) -> tuple[Points, Points]:
    n = len(time_s)
    seen = np.flatnonzero(np.isfinite(angle_deg))
    state = np.array([angle_deg[seen[0]], 0.0, 0.0])
    spread = np.diag([_START_DEG**2, _START_DEG_S**2, _START_DEG_S2**2])
    ahead, ahead_spread = np.empty((n, 3)), np.empty((n, 3, 3))
    after, after_spread = np.empty((n, 3)), np.empty((n, 3, 3))
    moves = np.empty((n, 3, 3))
    for i in range(n):
        step = time_s[i] - time_s[i - 1] if i else 0.0
        moves[i] = [[1.0, step, 0.5 * step**2], [0.0, 1.0, step], [0.0, 0.0, 1.0]]
        state = moves[i] @ state
        spread = moves[i] @ spread @ moves[i].T + _jerk_noise(step, params)
        ahead[i], ahead_spread[i] = state, spread
        if np.isfinite(angle_deg[i]) and np.isfinite(sd_deg[i]):
            gain = spread[:, 0] / (spread[0, 0] + sd_deg[i] ** 2)
            state = state + gain * (angle_deg[i] - state[0])
            spread = spread - np.outer(gain, spread[0])
        after[i], after_spread[i] = state, spread
    for i in range(n - 2, -1, -1):
        back = np.linalg.solve(ahead_spread[i + 1], moves[i + 1] @ after_spread[i]).T
        after[i] = after[i] + back @ (after[i + 1] - ahead[i + 1])
        after_spread[i] = after_spread[i] + back @ (after_spread[i + 1] - ahead_spread[i + 1]) @ back.T
    return after[:, 0], np.sqrt(np.maximum(after_spread[:, 0, 0], 0.0))


_START_DEG, _START_DEG_S, _START_DEG_S2 = 180.0, 500.0, 10000.0


def _jerk_noise(step: float, params: SmootherParams) -> Points:
    t = step
    return params.jerk_deg_s3**2 * np.array(
        [[t**5 / 20, t**4 / 8, t**3 / 6], [t**4 / 8, t**3 / 3, t**2 / 2], [t**3 / 6, t**2 / 2, t]]
    )
