"""The pace of a stretch: how long it takes, done smoothly, to reach the middle of a velocity band."""

from dataclasses import dataclass, field

from analysis.finding import VelocityClass
from analysis.repetition import Repetition, RepetitionParams, Verdict
from analysis.stretch import StretchParams

__all__ = ["PaceParams", "stretch_period_s", "target_velocity_deg_s", "verdict_words"]

_STANDARD = RepetitionParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceParams:
    """What the beat asks for.

    Attributes
    ----------
    peak_over_mean
        Peak over mean velocity of a smooth, minimum-jerk movement: 15/8 (Flash & Hogan 1985,
        doi:10.1523/JNEUROSCI.05-07-01688.1985).
    slow_share
        A slow stretch is to peak at this share of the V1 band's upper bound. Chosen by us.
    fast_factor
        A fast one is to peak at this multiple of the V3 band's lower bound: room for a hand that is late. Chosen by us.
    stretch
        The velocity bands.
    """

    peak_over_mean: float = 1.875
    slow_share: float = 0.5
    fast_factor: float = 1.3
    stretch: StretchParams = field(default_factory=StretchParams)


def target_velocity_deg_s(asked: VelocityClass, params: PaceParams = PaceParams()) -> float:
    """Return the peak velocity that a stretch of a class is to have."""
    bands = params.stretch
    match asked:
        case VelocityClass.V1:
            return params.slow_share * bands.v1_max_deg_s
        case VelocityClass.V2:
            return (bands.v1_max_deg_s + bands.v3_min_deg_s) / 2
        case VelocityClass.V3:
            return params.fast_factor * bands.v3_min_deg_s


def stretch_period_s(asked: VelocityClass, range_deg: float, params: PaceParams = PaceParams()) -> float:
    """Return how long a smooth stretch over a range takes that peaks where its class asks for, s."""
    return params.peak_over_mean * range_deg / target_velocity_deg_s(asked, params)


def verdict_words(repetition: Repetition, asked: VelocityClass | None, params: RepetitionParams = _STANDARD) -> str:
    """Say how a repetition was, and what to do."""
    peak, bands = repetition.peak_velocity_deg_s, params.stretch
    if asked is None:
        return f"{repetition.velocity}: {peak:.0f} °/s"
    least = bands.v3_min_deg_s if asked is VelocityClass.V3 else bands.v1_max_deg_s
    most = bands.v1_max_deg_s if asked is VelocityClass.V1 else bands.v3_min_deg_s
    match repetition.verdict:
        case Verdict.TOO_SLOW:
            return f"too slow for {asked}: {peak:.0f} of {least:.0f} °/s, repeat"
        case Verdict.TOO_FAST:
            return f"too fast for {asked}: {peak:.0f} °/s, at most {most:.0f}, repeat"
        case Verdict.IN_BAND:
            return f"{asked}: {peak:.0f} °/s, good"
        case _:
            return f"{peak:.0f} °/s"
