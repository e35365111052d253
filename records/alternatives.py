"""Several angles of one joint: which leads, and how far the others are from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.filters import bridge_gaps, low_pass, resample, time_derivative
from analysis.model import FloatArray, JointAngle, Source, Zero
from sensors.alignment import AlignmentParams, align_rates
from sensors.errors import SensorError

__all__ = ["Candidate", "CompareParams", "Disagreement", "compare", "leading", "relate"]

ORDER = (Source.ANGLE, Source.IMU, Source.VIDEO)
"""Sources in the order of trust: a goniometer that somebody already read, inertial sensors, video."""

NAMES = {Source.ANGLE: "angle stream", Source.IMU: "inertial angle", Source.VIDEO: "video"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareParams:
    """When a source gives up the lead, and when two sources disagree. All chosen by us.

    Attributes
    ----------
    coverage_loss
        A source gives up the lead to the next one that observes more of the recording by this share of its length.
    sd_ratio
        A source gives up the lead to one whose reported standard deviation is smaller by this factor.
    rate_hz, cutoff_hz
        Grid and low-pass at which two sources are compared: what both resolve of a passive movement.
    max_gap_s
        Samples further apart leave a gap in the comparison.
    max_lag_s
        Largest lag that is searched.
    least_velocity_deg_s
        Both must move with at least this scatter of velocity for a lag to be told.
    min_overlap_s
        Two sources with less time in common are not compared.
    disagreement_deg
        Root mean square difference, offset and lag removed, beyond which the reader is warned; about the smallest
        detectable change of goniometry of the elbow and knee.
    lag_s
        Lag beyond which the reader is warned: two frames of a 30 Hz video and more.
    """

    coverage_loss: float = 0.2
    sd_ratio: float = 2.0
    rate_hz: float = 100.0
    cutoff_hz: float = 5.0
    max_gap_s: float = 0.25
    max_lag_s: float = 0.5
    least_velocity_deg_s: float = 2.0
    min_overlap_s: float = 1.0
    disagreement_deg: float = 8.0
    lag_s: float = 0.08


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """An angle that could lead; one that is not gradable (video off the plane) leads only if it is alone."""

    angle: JointAngle
    gradable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """How another source differs from the leading one.

    Attributes
    ----------
    rmse_deg
        Root mean square difference after the constant offset and the lag are removed.
    offset_deg
        Median of the other minus the leading angle.
    lag_s, lag_sd_s
        By how much the other source is late, and how well that is known; 0 and NaN where no movement tells it.
    """

    rmse_deg: float
    offset_deg: float
    lag_s: float
    lag_sd_s: float


def leading(candidates: Sequence[Candidate], params: CompareParams = CompareParams()) -> tuple[int, str | None]:
    """Choose the angle that leads.

    The order of trust decides (angle stream, IMU, video), unless a later source observes clearly more of the
    recording, or states a clearly smaller error while observing about as much.

    Returns
    -------
    tuple
        Index of the leading candidate, and a sentence where it is not the first in the order of trust.
    """
    first_s = min(candidate.angle.time_s[0] for candidate in candidates)
    length_s = max(candidate.angle.time_s[-1] for candidate in candidates) - first_s
    ranked = sorted(
        range(len(candidates)),
        key=lambda place: (not candidates[place].gradable, ORDER.index(candidates[place].angle.source)),
    )
    lead, reason = ranked[0], None
    for place in ranked[1:]:
        if candidates[place].gradable != candidates[lead].gradable:
            continue
        why = _better(candidates[place].angle, candidates[lead].angle, length_s, params)
        if why:
            loser, lead = candidates[lead].angle.source, place
            reason = f"the {NAMES[candidates[lead].angle.source]} leads, because the {NAMES[loser]} {why}"
    return lead, reason


def _better(other: JointAngle, lead: JointAngle, length_s: float, params: CompareParams) -> str | None:
    share, lead_share = observed_s(other) / length_s, observed_s(lead) / length_s
    if share > lead_share + params.coverage_loss:
        return f"covers only {lead_share:.0%} of the recording"
    sd_deg, lead_sd_deg = _usual_sd(other), _usual_sd(lead)
    if share >= lead_share - params.coverage_loss and lead_sd_deg > params.sd_ratio * sd_deg:
        return f"states an error of {lead_sd_deg:.1f} deg, the other of {sd_deg:.1f} deg"
    return None


def observed_s(angle: JointAngle) -> float:
    """Return for how long the joint was observed: intervals whose both ends were."""
    seen = np.isfinite(angle.angle_deg)
    step_s = np.diff(angle.time_s)
    usual_s = float(np.median(step_s))
    return float(np.minimum(step_s, 3.0 * usual_s)[seen[1:] & seen[:-1]].sum())


def _usual_sd(angle: JointAngle) -> float:
    stated = angle.sd_deg[np.isfinite(angle.sd_deg)]
    return float(np.median(stated)) if stated.size else float("nan")


def relate(lead: JointAngle, other: JointAngle, params: CompareParams = CompareParams()) -> tuple[str, ...]:
    """Say how another angle differs from the leading one, where a reader should know.

    Returns
    -------
    tuple
        Sentences; empty where the two agree.
    """
    name, lead_name = NAMES[other.source], NAMES[lead.source]
    try:
        found = compare(lead, other, params)
    except AnalysisError as error:
        return (f"the {name} cannot be compared with the {lead_name}: {error}",)
    said = []
    if found.rmse_deg > params.disagreement_deg:
        said.append(
            f"the {name} disagrees with the {lead_name} by {found.rmse_deg:.1f} deg RMS (offset and lag removed; up to "
            f"{params.disagreement_deg:g} is usual); look at both before trusting either"
        )
    if abs(found.lag_s) > params.lag_s:
        said.append(
            f"the {name} is {abs(found.lag_s) * 1e3:.0f} ms {'behind' if found.lag_s > 0 else 'ahead of'} the "
            f"{lead_name} (SD {found.lag_sd_s * 1e3:.1f} ms); "
            'correct its "clock_offset_s" if the clocks were not aligned'
        )
    if lead.zero is Zero.RELATIVE and other.zero is not Zero.RELATIVE:
        said.append(_zero_hint(lead, found, name))
    return tuple(said)


def _zero_hint(lead: JointAngle, found: Disagreement, name: str) -> str:
    at = int(np.argmax(np.isfinite(lead.angle_deg)))
    time_s, angle_deg = lead.time_s[at], lead.angle_deg[at] + found.offset_deg
    return (
        f"the angle starts at 0 for lack of a reference pose; the {name} puts the joint at {angle_deg:.0f} deg at "
        f'{time_s:.2f} s: add "reference_pose": {{"time_s": {time_s:.2f}, "angle_deg": {angle_deg:.1f}}} to '
        "recording.json if that is right"
    )


def compare(lead: JointAngle, other: JointAngle, params: CompareParams = CompareParams()) -> Disagreement:
    """Compare two angles of one joint after removing a constant offset and a constant lag.

    The lag is where the cross-correlation of both angular velocities is largest.

    Raises
    ------
    AnalysisError
        If the two have too little time in common.
    """
    first_s = max(lead.time_s[0], other.time_s[0])
    last_s = min(lead.time_s[-1], other.time_s[-1])
    if last_s - first_s < params.min_overlap_s:
        raise AnalysisError(f"they have {max(0.0, last_s - first_s):.1f} s in common")
    grid_s = np.arange(first_s, last_s, 1.0 / params.rate_hz)
    lag_s, lag_sd_s = _lag(grid_s, _velocity(lead, grid_s, params), _velocity(other, grid_s, params), params)
    difference = _at(other, grid_s + lag_s, params) - _at(lead, grid_s, params)
    common = difference[np.isfinite(difference)]
    if common.size < params.min_overlap_s * params.rate_hz:
        raise AnalysisError(f"they were observed together for {common.size / params.rate_hz:.1f} s")
    offset_deg = float(np.median(common))
    return Disagreement(
        rmse_deg=float(np.sqrt(np.mean((common - offset_deg) ** 2))),
        offset_deg=offset_deg,
        lag_s=lag_s,
        lag_sd_s=lag_sd_s,
    )


def _at(angle: JointAngle, grid_s: FloatArray, params: CompareParams) -> FloatArray:
    gap_s = max(params.max_gap_s, 3.0 / angle.rate_hz)
    return resample(angle.time_s, angle.angle_deg, grid_s, max_gap_s=gap_s)


def _velocity(angle: JointAngle, grid_s: FloatArray, params: CompareParams) -> FloatArray:
    """Return the smoothed velocity on the grid, NaN in gaps."""
    values = _at(angle, grid_s, params)
    smooth = low_pass(bridge_gaps(values), rate_hz=params.rate_hz, cutoff_hz=params.cutoff_hz)
    return np.where(np.isfinite(values), time_derivative(smooth, rate_hz=params.rate_hz), np.nan)


def _lag(grid_s: FloatArray, lead: FloatArray, other: FloatArray, params: CompareParams) -> tuple[float, float]:
    """Return by how much `other` is late, and its standard deviation; 0 and NaN where the movement does not tell."""
    search = AlignmentParams(
        rate_hz=params.rate_hz,
        cutoff_hz=params.cutoff_hz,
        max_lag_s=params.max_lag_s,
        max_gap_s=params.max_gap_s,
        least_s=params.min_overlap_s,
        least_rate=params.least_velocity_deg_s,
    )
    try:
        found = align_rates(grid_s, lead, grid_s, other, search)
    except SensorError:
        return 0.0, float("nan")
    return found.lag_s, found.sd_s
