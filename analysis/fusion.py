"""Several sources' angles of one joint as one: what drifts is held by what does not, what is noisy by what is quick."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.errors import AnalysisError
from analysis.filters import resample
from analysis.model import FloatArray, JointAngle, Zero

__all__ = ["FusedAngle", "FusionParams", "SourceError", "fuse_angles"]

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionParams:
    """How the errors of the sources behave; all chosen by us.

    Attributes
    ----------
    rate_hz
        Errors are slow: differences of the sources are averaged to this rate.
    max_gap_s
        Samples of a source further apart than this (and than three sampling intervals) leave a gap.
    unstated_sd_deg
        Standard deviation of a source that states none.
    zero_sd_deg
        Deviation of a further source's zero beyond what it states: where it takes the joint's centre and segments for.
    relative_sd_deg
        Deviation of the offset of a source whose zero is not known.
    drift_s
        Time constant of a source's slow error.
    rate_walk_deg_s15
        Random walk of the leading source's velocity error (deg/s per root second): a gyroscope's bias, calibrated.
    rate_sd_deg_s
        Its deviation at the start.
    fast_share
        Of a difference, this share of the angle's change within a twentieth of a second is laid to lag and blur.
    min_overlap_s
        Two sources with less time in common are not fused.
    limit
        The sources disagree where the differences exceed what all stated errors let expect by this factor, or an offset
        its deviation.
    """

    rate_hz: float = 20.0
    max_gap_s: float = 0.1
    unstated_sd_deg: float = 3.0
    zero_sd_deg: float = 3.0
    relative_sd_deg: float = 180.0
    drift_s: float = 5.0
    rate_walk_deg_s15: float = 0.003
    rate_sd_deg_s: float = 0.02
    fast_share: float = 0.15
    min_overlap_s: float = 2.0
    limit: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceError:
    """What the fusion found of one further source.

    Attributes
    ----------
    source
        Name of the source.
    offset_deg, offset_sd_deg
        Its constant offset to the fused angle, and the deviation of that.
    disagreement
        Root mean square of its differences over what all stated errors let expect; about 1 where they agree.
    """

    source: str
    offset_deg: float
    offset_sd_deg: float
    disagreement: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FusedAngle:
    """The fused angle, on the leading source's times, with what was found of the others.

    Attributes
    ----------
    angle
        The leading angle with its slow error taken off; where it was not observed, the best of the others.
    errors
        Of the further sources, in their order.
    correction_deg
        What was added to the leading angle, shape (n,).
    warnings
        Where sources disagree beyond their uncertainty.
    """

    angle: JointAngle
    errors: tuple[SourceError, ...]
    correction_deg: FloatArray
    warnings: tuple[str, ...]


def fuse_angles(lead: JointAngle, others: Sequence[JointAngle], params: FusionParams = FusionParams()) -> FusedAngle:
    """Fuse angles of one joint on one clock by an error-state smoother.

    The leading source's movement is kept as it is. Its slow error (angle and velocity), and each other source's
    constant offset and slow error, are the state of a Kalman filter that sees the sources' differences; it is run
    forwards and, after Rauch, Tung and Striebel, backwards [1]_. One source alone comes back unchanged.

    Parameters
    ----------
    lead
        The source that resolves the movement best.
    others
        Further sources, lags removed.
    params
        How the errors behave.

    Raises
    ------
    AnalysisError
        If another source has too little time in common with the leading one.

    References
    ----------
    .. [1] Rauch HE, Tung F, Striebel CT. Maximum likelihood estimates of linear dynamic systems. AIAA J
       1965;3:1445-1450. doi:10.2514/3.3166
    """
    if not others:
        still = np.zeros(lead.time_s.size)
        return FusedAngle(angle=lead, errors=(), correction_deg=still, warnings=())
    grid_s = np.arange(lead.time_s[0], lead.time_s[-1] + 0.5 / params.rate_hz, 1.0 / params.rate_hz)
    seen = [_difference(lead, other, grid_s, params) for other in others]
    model = _Model.of(lead, others, params)
    means, covariances = _smooth(model, [one.deg for one in seen], [one.sd_deg for one in seen])
    errors = tuple(_found(model, i, other, seen[i], (means, covariances), params) for i, other in enumerate(others))
    correction = -np.interp(lead.time_s, grid_s, means[:, 0])
    sd = np.sqrt(np.interp(lead.time_s, grid_s, covariances[:, 0, 0]))
    angle_deg, sd_deg = lead.angle_deg + correction, np.where(np.isfinite(lead.angle_deg), sd, np.nan)
    missing = ~np.isfinite(angle_deg)
    for i, other in enumerate(others):
        if missing.any():
            places = _Model.slow_of(i)
            wrong = np.interp(lead.time_s[missing], grid_s, means[:, places].sum(axis=1))
            variance = covariances[:, places][:, :, places].sum(axis=(1, 2))
            read = resample(other.time_s, other.angle_deg, lead.time_s[missing], max_gap_s=_gap_s(other, params))
            angle_deg[missing] = read - wrong
            filled_sd = np.sqrt(np.maximum(np.interp(lead.time_s[missing], grid_s, variance), 0.0))
            sd_deg[missing] = np.where(np.isfinite(read), filled_sd, np.nan)
            missing = ~np.isfinite(angle_deg)
    zero = lead.zero
    if zero is Zero.RELATIVE:
        zero = next((one.zero for one in others if one.zero is not Zero.RELATIVE), zero)
    return FusedAngle(
        angle=replace(lead, angle_deg=angle_deg, sd_deg=sd_deg, zero=zero),
        errors=errors,
        correction_deg=correction,
        warnings=_doubts(errors, lead, others, params),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Difference:
    """Another source minus the leading one on the grid, NaN where one was not observed, and its quick error."""

    deg: FloatArray
    sd_deg: FloatArray


def _difference(lead: JointAngle, other: JointAngle, grid_s: FloatArray, params: FusionParams) -> _Difference:
    """Average the difference of two sources around the grid's times."""
    half_s = 0.5 / params.rate_hz
    fine_s = (grid_s[:, None] + np.linspace(-half_s, half_s, _FINE)[None, :]).ravel()
    a, b = (resample(one.time_s, one.angle_deg, fine_s, max_gap_s=_gap_s(one, params)) for one in (lead, other))
    apart = (b - a).reshape(grid_s.size, _FINE)
    turned = np.ptp(a.reshape(grid_s.size, _FINE), axis=1)
    whole = np.isfinite(apart).all(axis=1)
    if whole.sum() < params.min_overlap_s * params.rate_hz:
        raise AnalysisError(
            f"the {other.source} and the {lead.source} were observed together for "
            f"{whole.sum() / params.rate_hz:.1f} s: at least {params.min_overlap_s:g} s are needed to fuse them"
        )
    deg = np.where(whole, apart.mean(axis=1), np.nan)
    steps = np.diff(deg)
    steps = steps[np.isfinite(steps)]
    white = 1.4826 * float(np.median(np.abs(steps))) / np.sqrt(2.0) if steps.size else 0.0
    sd = np.hypot(max(white, _LEAST_SD_DEG), params.fast_share * np.where(whole, turned, 0.0))
    return _Difference(deg=deg, sd_deg=np.asarray(sd, dtype=np.float64))


def _gap_s(angle: JointAngle, params: FusionParams) -> float:
    """Tell how far apart samples of a source may be to be joined."""
    return max(params.max_gap_s, 3.0 / angle.rate_hz)


_FINE = 5
"""Looks at both sources within one step of the grid."""

_LEAST_SD_DEG = 0.05
"""No average of a difference is better than this."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """Dynamics of the errors: angle and velocity error of the leading source, offset and slow error of each other."""

    step: Matrix
    noise: Matrix
    start: Matrix

    @classmethod
    def of(cls, lead: JointAngle, others: Sequence[JointAngle], params: FusionParams) -> "_Model":
        """Set the model up from what the sources state."""
        size = 2 + 2 * len(others)
        dt = 1.0 / params.rate_hz
        kept = float(np.exp(-dt / params.drift_s))
        step, noise, start = np.eye(size), np.zeros((size, size)), np.zeros((size, size))
        step[0, 1] = dt
        walk = params.rate_walk_deg_s15**2
        noise[:2, :2] = walk * np.array([[dt**3 / 3.0, dt**2 / 2.0], [dt**2 / 2.0, dt]])
        first_sd = _zero_sd(lead, params, beyond_deg=0.0)
        start[0, 0], start[1, 1] = first_sd**2, params.rate_sd_deg_s**2
        for i, other in enumerate(others):
            offset, slow = 2 + 2 * i, 3 + 2 * i
            sd = _stated(other, params)
            start[offset, offset] = _zero_sd(other, params, beyond_deg=params.zero_sd_deg) ** 2
            start[slow, slow] = sd**2
            step[slow, slow] = kept
            noise[slow, slow] = sd**2 * (1.0 - kept**2)
        return cls(step=step, noise=noise, start=start)

    @staticmethod
    def slow_of(index: int) -> tuple[int, int]:
        """Places of a source's offset and slow error in the state."""
        return 2 + 2 * index, 3 + 2 * index


def _stated(angle: JointAngle, params: FusionParams) -> float:
    """Usual standard deviation that a source states for its samples."""
    stated = angle.sd_deg[np.isfinite(angle.sd_deg)]
    return float(np.median(stated)) if stated.size else params.unstated_sd_deg


def _zero_sd(angle: JointAngle, params: FusionParams, *, beyond_deg: float) -> float:
    """Tell the standard deviation of a source's zero at the start."""
    if angle.zero is Zero.RELATIVE:
        return params.relative_sd_deg
    stated = angle.sd_deg[np.isfinite(angle.sd_deg)]
    first = float(stated[0]) if stated.size else params.unstated_sd_deg
    return float(np.hypot(first, beyond_deg))


def _row(size: int, index: int) -> FloatArray:
    """How a difference sees the state: other's offset and slow error, less the leading angle's error."""
    row = np.zeros(size)
    row[0] = -1.0
    row[list(_Model.slow_of(index))] = 1.0
    return row


def _smooth(
    model: _Model, differences: Sequence[FloatArray], sds: Sequence[FloatArray]
) -> tuple[FloatArray, np.ndarray[tuple[int, int, int], np.dtype[np.float64]]]:
    """Filter forwards, smooth backwards; means (steps, states) and covariances (steps, states, states)."""
    size, steps = model.step.shape[0], differences[0].size
    rows = [_row(size, i) for i in range(len(differences))]
    mean, covariance = np.zeros(size), model.start.copy()
    means, covariances = np.empty((steps, size)), np.empty((steps, size, size))
    ahead, ahead_covariances = np.empty((steps, size)), np.empty((steps, size, size))
    for k in range(steps):
        if k:
            mean = model.step @ mean
            covariance = model.step @ covariance @ model.step.T + model.noise
        ahead[k], ahead_covariances[k] = mean, covariance
        for row, difference, sd in zip(rows, differences, sds, strict=True):
            if np.isfinite(difference[k]):
                across = covariance @ row
                gain = across / (row @ across + sd[k] ** 2)
                mean = mean + gain * (difference[k] - row @ mean)
                covariance = covariance - np.outer(gain, across)
        means[k], covariances[k] = mean, covariance
    for k in range(steps - 2, -1, -1):
        gain = np.linalg.solve(ahead_covariances[k + 1], model.step @ covariances[k]).T
        means[k] += gain @ (means[k + 1] - ahead[k + 1])
        covariances[k] += gain @ (covariances[k + 1] - ahead_covariances[k + 1]) @ gain.T
    return means, covariances


def _found(
    model: _Model,
    index: int,
    other: JointAngle,
    seen: _Difference,
    smoothed: tuple[FloatArray, np.ndarray[tuple[int, int, int], np.dtype[np.float64]]],
    params: FusionParams,
) -> SourceError:
    """Say what was found of one source, and how far its differences exceed what the stated errors let expect."""
    means, covariances = smoothed
    offset = _Model.slow_of(index)[0]
    whole = np.isfinite(seen.deg)
    away = seen.deg[whole] - np.median(seen.deg[whole])
    expected = np.sqrt(_stated(other, params) ** 2 + seen.sd_deg[whole] ** 2 + covariances[whole, 0, 0].min())
    middle = int(np.flatnonzero(whole)[whole.sum() // 2])
    return SourceError(
        source=other.source.value,
        offset_deg=float(means[middle, offset]),
        offset_sd_deg=float(np.sqrt(model.start[offset, offset])),
        disagreement=float(np.sqrt(np.mean((away / expected) ** 2))),
    )


def _doubts(
    errors: Sequence[SourceError], lead: JointAngle, others: Sequence[JointAngle], params: FusionParams
) -> tuple[str, ...]:
    """Say where the sources disagree beyond their uncertainty."""
    said = []
    for error, other in zip(errors, others, strict=True):
        if error.disagreement > params.limit:
            said.append(
                f"the {error.source} differs from the {lead.source} by {error.disagreement:.1f} times what both state "
                "as their error; look at both before trusting either"
            )
        absolute = lead.zero is not Zero.RELATIVE and other.zero is not Zero.RELATIVE
        if absolute and abs(error.offset_deg) > params.limit * error.offset_sd_deg:
            said.append(
                f"the zeros of the {error.source} and the {lead.source} are {abs(error.offset_deg):.0f} deg apart, "
                "beyond their uncertainty; check the reference pose"
            )
    return tuple(said)
