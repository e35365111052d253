"""The joint angle while it is being recorded: causal, from two sensors strapped on in any way."""

import copy
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from analysis.model import FloatArray
from sensors.errors import SensorError
from sensors.hinge import Hinge, HingeParams, hinge_of_blocks
from sensors.live_blocks import Block, BlockCutter, BlockParams, Step
from sensors.live_drift import AngleState, BlockLooks, LiveDriftParams, advance, look_at_blocks
from sensors.packets import Role
from sensors.rest import RestParams

__all__ = ["LiveAngle", "LiveHingeAngle", "LiveHingeParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHingeParams:
    """Parameters of the live angle; all values chosen by us.

    Attributes
    ----------
    stretch_sign
        +1 if the angle grows during a stretch of the tested muscles, -1 if it falls. The first large movement is taken
        as a stretch.
    sign_movement_deg
        The joint must have turned so far (deg) before its axis is sought: this movement fixes the sign.
    window_s
        The axis is sought in so much of the past (s).
    try_s
        Time (s) between tries while there is no axis.
    renew_moved_s, renew_growth
        The axis is sought anew after so much movement (s), which grows by this factor each time.
    timing_share
        Standard deviation of a sample's instant as a share of the sampling interval.
    blocks, rest, hinge, drift
        Parameters of the steps.
    """

    stretch_sign: int = 1
    sign_movement_deg: float = 8.0
    window_s: float = 60.0
    try_s: float = 0.4
    renew_moved_s: float = 1.0
    renew_growth: float = 1.6
    timing_share: float = 0.12
    blocks: BlockParams = field(default_factory=BlockParams)
    rest: RestParams = field(default_factory=RestParams)
    hinge: HingeParams = field(default_factory=HingeParams)
    drift: LiveDriftParams = field(default_factory=LiveDriftParams)

    def __post_init__(self) -> None:
        if self.stretch_sign not in (-1, 1):
            raise DataError(f"expected LiveHingeParams.stretch_sign +1 or -1; got {self.stretch_sign}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveAngle:
    """New samples of the angle, at the distal sensor's times, shape (n,); n may be 0.

    Attributes
    ----------
    time_s, angle_deg, velocity_deg_s, sd_deg
        Angle since the start of the stream (or as `LiveHingeAngle.set_angle` said), its velocity, and the angle's
        standard deviation; NaN where the filter was not ready.
    reason
        Why the last samples are missing, empty once the filter is ready.
    """

    time_s: FloatArray
    angle_deg: FloatArray
    velocity_deg_s: FloatArray
    sd_deg: FloatArray
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """One block of the past, whether both sensors rested, and the filter's state at its end once there was one."""

    block: Block
    resting: bool
    rest_rates: tuple[FloatArray, FloatArray] | None


class LiveHingeAngle:
    """Causal filter of a joint's angle from two six-axis sensors of unknown mounting.

    What it answers depends on the order of the samples alone, not on how they were bundled into blocks.
    """

    def __init__(self, params: LiveHingeParams = LiveHingeParams(), *, hinge: Hinge | None = None) -> None:
        """Start with nothing known, or with a calibrated hinge whose axes point along flexion."""
        self._params = params
        self._cutter = BlockCutter(params.blocks)
        self._past: deque[_Record] = deque(maxlen=round(params.window_s / params.blocks.block_s))
        self._recent: deque[Block] = deque(maxlen=round(params.rest.window_s / params.blocks.block_s))
        self._states: deque[AngleState] = deque(maxlen=self._past.maxlen)
        self._hinge = hinge
        self._calibrated = hinge is not None
        self._sign = 1
        self._anchor = AngleState.start(0.0, 0.0, 0.0, params.drift)
        self._state = self._anchor
        self._bias = (np.zeros(3), np.zeros(3))
        self._since_try = 0
        self._moved_s = 0.0
        self._renew_s = params.renew_moved_s
        self._since_rest = 0
        self._shift_deg = 0.0
        self._last_s = -np.inf
        self._seen1 = False

    def copy(self) -> "LiveHingeAngle":
        """Copy with all that it knows; both go on independently."""
        return copy.deepcopy(self)

    @property
    def hinge(self) -> Hinge | None:
        """Axis as far as it is known."""
        return self._hinge

    def set_angle(self, angle_deg: float) -> None:
        """Say what the joint's true angle is now.

        Raises
        ------
        SensorError
            If the filter is not ready.
        """
        if self._hinge is None:
            raise SensorError(f"the angle cannot be set yet: {self._reason()}")
        self._shift_deg = angle_deg - self._sign * self._state.angle_deg

    def update(
        self, role: Role, time_s: FloatArray, acc_m_s2: NDArray[np.float64], gyr_rad_s: NDArray[np.float64]
    ) -> LiveAngle:
        """Take samples of one sensor and answer the angle at all distal samples that are settled by them.

        Parameters
        ----------
        role
            Which of the two sensors.
        time_s
            Their times on the host's clock, ascending, shape (n,); samples that go back in time are left out.
        acc_m_s2, gyr_rad_s
            Specific force and angular rate, shape (n, 3).

        Raises
        ------
        DataError
            If the shapes do not fit, a value is missing, or the role is that of no inertial sensor.
        """
        samples = _rows(role, time_s, acc_m_s2, gyr_rad_s)
        rows = [self._answer(step) for at_s, values in samples for step in self._cutter.feed(role, at_s, values)]
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        for column in columns:
            column.setflags(write=False)
        return LiveAngle(
            time_s=columns[0],
            angle_deg=columns[1],
            velocity_deg_s=columns[2],
            sd_deg=columns[3],
            reason=self._reason(),
        )

    def _reason(self) -> str:
        if self._hinge is None:
            return "the joint's axis is not known yet; move the joint slowly over its range"
        if self._hinge.proximal_moves and not self._seen1:
            return "the proximal sensor sends nothing"
        return ""

    def _answer(self, step: Step) -> tuple[float, float, float, float]:
        """Bring the filter to one distal sample and read it there."""
        if step.restarted:
            self._restart(step.time_s)
        for block in step.closed:
            self._take(block)
        interval_s, self._last_s, self._seen1 = step.time_s - self._last_s, step.time_s, step.seen1
        hinge = self._hinge
        if hinge is None or (hinge.proximal_moves and not step.seen1):
            return step.time_s, np.nan, np.nan, np.nan
        axis1, axis2 = self._axes
        rate = np.rad2deg(_dot(step.rate2, axis2) - _dot(step.rate1, axis1)) - self._state.bias_deg_s
        turned = np.rad2deg(_dot(step.turned2, axis2) - _dot(step.turned1, axis1))
        angle = self._state.angle_deg + turned - self._state.bias_deg_s * step.since_s
        timing = self._params.timing_share * rate * min(interval_s, self._params.blocks.max_gap_s)
        variance = self._state.covariance[0] + hinge.wobble_deg**2 + hinge.unknown_deg**2 + timing**2
        variance += self._params.drift.floor_sd_deg**2
        return step.time_s, self._sign * angle + self._shift_deg, self._sign * rate, float(np.sqrt(max(variance, 0.0)))

    @property
    def _axes(self) -> tuple[list[float], list[float]]:
        assert self._hinge is not None  # noqa: S101 (the callers saw to it)
        return self._hinge.axis1.tolist(), self._hinge.axis2.tolist()

    def _restart(self, time_s: float) -> None:
        """Forget the past but for the axis after a silence; the joint may be anywhere now."""
        silent_s = time_s - self._last_s
        angle_var = self._state.covariance[0] + (self._params.drift.unseen_deg_s * silent_s) ** 2
        self._past.clear()
        self._recent.clear()
        self._states.clear()
        self._anchor = AngleState.start(self._state.angle_deg, angle_var, self._state.bias_deg_s, self._params.drift)
        self._state = self._anchor
        self._since_rest = 0

    def _take(self, block: Block) -> None:
        """Go on by one block: rest, axis, angle."""
        if len(self._past) == self._past.maxlen and self._states:
            self._anchor = AngleState.start(
                self._states[0].angle_deg, self._states[0].covariance[0], self._states[0].bias_deg_s, self._params.drift
            )
        self._past.append(self._record(block))
        if self._hinge is not None:
            self._advance_last()
        self._since_try += 1
        rate = np.sqrt(_dot(block.turned2, block.turned2)) / self._params.blocks.block_s
        self._moved_s += self._params.blocks.block_s * bool(rate > self._params.hinge.min_rate_rad_s)
        if not self._calibrated and self._due():
            self._seek_hinge()

    def _record(self, block: Block) -> _Record:
        """See whether the sensors rested over the last window, and at which rates."""
        params, block_s = self._params.rest, self._params.blocks.block_s
        size = self._recent.maxlen
        self._recent.append(block)
        recent = list(self._recent)
        rates = _resting_rates(recent, block_s, params) if len(recent) == size else None
        self._since_rest += 1
        whole = rates is not None and self._since_rest >= len(recent)
        if whole:
            self._since_rest = 0
        return _Record(block=block, resting=rates is not None, rest_rates=rates if whole else None)

    def _due(self) -> bool:
        if self._hinge is None:
            return self._since_try * self._params.blocks.block_s >= self._params.try_s
        return self._moved_s >= self._renew_s

    def _seek_hinge(self) -> None:
        """Find the axis in the past, and filter the past anew with it."""
        self._since_try, blocks = 0, [record.block for record in self._past]
        signals, seen = _arrays(blocks)
        block_s = self._params.blocks.block_s
        resting = np.array([record.resting for record in self._past])
        if resting.any():
            self._bias = tuple(np.median(turned[resting], axis=0) / block_s for turned in signals[:2])
        rates = [turned / block_s - bias for turned, bias in zip(signals[:2], self._bias, strict=True)]
        if not (seen[0] & seen[1]).any():
            return  # the proximal sensor is still being connected
        if np.rad2deg(np.ptp(np.cumsum(rates[1], axis=0), axis=0).max() * block_s) < self._params.sign_movement_deg:
            return
        try:
            hinge = hinge_of_blocks((*rates, *signals[2:]), (seen[0] & seen[1], seen[1]), block_s, self._params.hinge)  # type: ignore[arg-type]
        except SensorError:
            return
        self._adopt(hinge, signals, seen)

    def _adopt(
        self, hinge: Hinge, signals: tuple[FloatArray, ...], seen: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    ) -> None:
        """Take a new axis: keep its direction, filter the past anew, fix the sign at the first time."""
        first = self._hinge is None
        if self._hinge is not None:
            if float(hinge.axis2 @ self._hinge.axis2) < 0:
                hinge = _turned_round(hinge)
            self._moved_s, self._renew_s = 0.0, self._renew_s * self._params.renew_growth
        self._hinge = hinge
        looks = look_at_blocks(signals, seen, hinge, self._params.blocks.block_s, self._params.drift)  # type: ignore[arg-type]
        if first:
            self._moved_s = 0.0
            turned = np.cumsum(looks.turned_deg)
            self._sign = self._params.stretch_sign * _first_turn(turned, self._params.sign_movement_deg)
        bias = float(np.rad2deg(self._bias[1] @ hinge.axis2 - self._bias[0] @ hinge.axis1))
        state = AngleState.start(self._anchor.angle_deg, self._anchor.covariance[0], bias, self._params.drift)
        self._states.clear()
        for at, record in enumerate(self._past):
            state = self._advanced(state, looks, at, record)
            self._states.append(state)
        self._state = state

    def _advance_last(self) -> None:
        """Filter the newest block."""
        assert self._hinge is not None  # noqa: S101 (the caller saw to it)
        recent = [self._past[at].block for at in range(max(-2, -len(self._past)), 0)]
        signals, seen = _arrays(recent)
        looks = look_at_blocks(signals, seen, self._hinge, self._params.blocks.block_s, self._params.drift)
        self._state = self._advanced(self._state, looks, len(recent) - 1, self._past[-1])
        self._states.append(self._state)

    def _advanced(self, state: AngleState, looks: BlockLooks, at: int, record: _Record) -> AngleState:
        assert self._hinge is not None  # noqa: S101 (the callers saw to it)
        rest: tuple[float, float] | None = None
        if record.rest_rates is not None:
            rate1, rate2 = record.rest_rates
            drift = self._params.drift
            sd = float(np.hypot(drift.rest_sd_deg_s, drift.rest_wobble_per_s * self._hinge.wobble_deg))
            rest = float(np.rad2deg(rate2 @ self._hinge.axis2 - rate1 @ self._hinge.axis1)), sd**2
        return advance(state, looks, at, rest, self._params.blocks.block_s, self._params.drift)


def _rows(
    role: Role, time_s: FloatArray, acc_m_s2: NDArray[np.float64], gyr_rad_s: NDArray[np.float64]
) -> list[tuple[float, tuple[float, ...]]]:
    """Check samples and turn them into plain floats.

    Raises
    ------
    DataError
        If they do not fit.
    """
    if role not in (Role.PROXIMAL, Role.DISTAL):
        raise DataError(f"expected samples of the proximal or distal sensor; got {role}")
    times, acc, gyr = (np.asarray(values, dtype=np.float64) for values in (time_s, acc_m_s2, gyr_rad_s))
    if times.ndim != 1 or acc.shape != (times.size, 3) or gyr.shape != (times.size, 3):
        raise DataError(f"expected (n,) times and (n, 3) signals; got {times.shape}, {acc.shape} and {gyr.shape}")
    values = np.concatenate([acc, gyr], axis=1)
    if not (np.isfinite(times).all() and np.isfinite(values).all()):
        raise DataError("expected finite times and signals; got missing or infinite ones")
    return list(zip(times.tolist(), map(tuple, values.tolist()), strict=True))


def _dot(first: tuple[float, ...], second: list[float] | tuple[float, ...]) -> float:
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def _arrays(
    blocks: list[Block],
) -> tuple[tuple[FloatArray, FloatArray, FloatArray, FloatArray], tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Stack blocks: turned1, turned2, acc1, acc2 of shape (k, 3), and what was seen."""
    turned1, turned2, acc1, acc2 = (
        np.array([getattr(block, name) for block in blocks]) for name in ("turned1", "turned2", "acc1", "acc2")
    )
    seen1, seen2 = (np.array([getattr(block, name) for block in blocks]) for name in ("seen1", "seen2"))
    return (turned1, turned2, acc1, acc2), (seen1, seen2)


def _resting_rates(blocks: list[Block], block_s: float, params: RestParams) -> tuple[FloatArray, FloatArray] | None:
    """Mean rates of both sensors over blocks in which neither moved, or ``None``."""
    newest = blocks[-1].turned2
    if np.sqrt(_dot(newest, newest)) > (params.max_bias_rad_s + 4 * params.gyr_sd_rad_s) * block_s:
        return None  # seldom worth the rest of the look
    if not all(block.seen1 and block.seen2 for block in blocks):
        return None
    (turned1, turned2, *forces), _ = _arrays(blocks)
    rates = turned1 / block_s, turned2 / block_s
    if any((force.std(axis=0) > params.acc_sd_m_s2).any() for force in forces):
        return None
    means = rates[0].mean(axis=0), rates[1].mean(axis=0)
    for rate, mean in zip(rates, means, strict=True):
        if (rate.std(axis=0) > params.gyr_sd_rad_s).any() or np.linalg.norm(mean) > params.max_bias_rad_s:
            return None
    return means


def _turned_round(hinge: Hinge) -> Hinge:
    return Hinge(
        axis1=-hinge.axis1,
        axis2=-hinge.axis2,
        proximal_deg=hinge.proximal_deg,
        unknown_deg=hinge.unknown_deg,
        warnings=hinge.warnings,
        wobble_deg=hinge.wobble_deg,
    )


def _first_turn(turned_deg: FloatArray, least_deg: float) -> int:
    """Direction of the first movement over a size, or else of the larger of what there is."""
    up = turned_deg - np.minimum.accumulate(turned_deg)
    down = np.maximum.accumulate(turned_deg) - turned_deg
    first_up, first_down = (
        int(np.argmax(way >= least_deg)) if (way >= least_deg).any() else way.size for way in (up, down)
    )
    if first_up == first_down:
        return 1 if up.max() >= down.max() else -1
    return 1 if first_up < first_down else -1
