"""The leading inertial angle held by other sources that know the zero: drift is corrected, nothing is replaced."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis.errors import AnalysisError
from analysis.fusion import FusionParams, fuse_angles
from analysis.model import JointAngle, Source, Zero
from records.alternatives import Candidate, CompareParams, compare

__all__ = ["Together", "TogetherParams", "hold_together"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherParams:
    """Parameters of comparing sources, and of fusing them."""

    compare: CompareParams = field(default_factory=CompareParams)
    fusion: FusionParams = field(default_factory=FusionParams)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Together:
    """The leading angle, which sources held it besides its own, and where they disagree."""

    angle: JointAngle
    fused: tuple[Source, ...] = ()
    warnings: tuple[str, ...] = ()


def hold_together(lead: JointAngle, others: Sequence[Candidate], params: TogetherParams = TogetherParams()) -> Together:
    """Take the slow error off a leading inertial angle, as far as other sources tell it.

    Only inertial angles drift. A source joins if it is fit for grading, knows its zero, and agrees with the leading
    angle after its lag is removed; a leading angle without a zero stays without one. Samples that the leading source
    did not observe stay missing: another source does not make up for them.

    Parameters
    ----------
    lead
        The angle that leads.
    others
        The other sources.
    params
        When sources agree, and how their errors behave.
    """
    if lead.source is not Source.IMU or lead.zero is Zero.RELATIVE:
        return Together(angle=lead)
    joined = [angle for other in others if (angle := _joins(lead, other, params)) is not None]
    try:
        found = fuse_angles(lead, joined, params.fusion)
    except AnalysisError:
        return Together(angle=lead)
    if not joined:
        return Together(angle=lead)
    seen = np.isfinite(lead.angle_deg)
    held = replace(
        lead,
        angle_deg=np.where(seen, lead.angle_deg + found.correction_deg, np.nan),
        sd_deg=np.where(seen, found.angle.sd_deg, np.nan),
    )
    return Together(angle=held, fused=tuple(dict.fromkeys(one.source for one in joined)), warnings=found.warnings)


def _joins(lead: JointAngle, other: Candidate, params: TogetherParams) -> JointAngle | None:
    """Return another source's angle on the leading one's clock, ``None`` where it may not join."""
    if not other.gradable or other.angle.zero is Zero.RELATIVE or other.angle.source is Source.IMU:
        return None
    try:
        apart = compare(lead, other.angle, params.compare)
    except AnalysisError:
        return None
    if apart.rmse_deg > params.compare.disagreement_deg or abs(apart.lag_s) > params.compare.lag_s:
        return None
    return replace(other.angle, time_s=other.angle.time_s - apart.lag_s)
